# SPDX-License-Identifier: Apache-2.0
"""How many different values there were: exactly while they are few, then by HyperLogLog.

Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", 2007, with the 64-bit
hashes of Heule et al., "HyperLogLog in Practice", 2013, and the estimator of Ertl, "New cardinality estimation
algorithms for HyperLogLog sketches", 2017 (algorithm 6): it needs no table of corrections, and no other method for few.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

#: Different values that are counted exactly: their hashes take the room that the registers take afterwards.
EXACT = 128
_INDEX_BITS = 10
_REGISTERS = 1 << _INDEX_BITS
#: Bits of a hash that the rank is taken from.
_RANK_BITS = 64 - _INDEX_BITS
#: Relative standard error of an estimate.
STANDARD_ERROR = 1.04 / math.sqrt(_REGISTERS)


def hashes(texts: Iterable[str]) -> bytes:
    """Returns hashes of texts, the same in every process: 8 bytes each, little-endian."""
    return b"".join([blake2b(text.encode(), digest_size=8).digest() for text in texts])


@dataclass(frozen=True, slots=True)
class Distinct:
    """What was seen of different values; which it is depends on the values alone, not on their order or grouping.

    Attributes:
        is_exact: whether all of them are known.
        data: their hashes in order, if so, 8 bytes each, little-endian; else the registers, a byte each.
    """

    is_exact: bool = True
    data: bytes = b""

    @property
    def is_sound(self) -> bool:
        """Whether it can be one: it may come from a file."""
        if self.is_exact:
            return len(self.data) % 8 == 0 and len(self.data) <= 8 * EXACT
        return len(self.data) == _REGISTERS and max(self.data) <= _RANK_BITS + 1

    @property
    def estimate(self) -> int:
        """How many there were; above ``EXACT`` with a relative standard error of ``STANDARD_ERROR``."""
        return len(self.data) // 8 if self.is_exact else max(EXACT + 1, _estimate(self.data))

    def add(self, hashes: bytes) -> Distinct:
        """Returns it with more hashes, 8 bytes each, little-endian, in any order."""
        if not hashes:
            return self
        if not self.is_exact:
            return Distinct(False, _registers(hashes, self.data))
        both = sorted({*_unpacked(self.data), *_unpacked(hashes)})
        packed = struct.pack(f"<{len(both)}Q", *both)
        return Distinct(True, packed) if len(both) <= EXACT else Distinct(False, _registers(packed, bytes(_REGISTERS)))

    def union(self, other: Distinct) -> Distinct:
        """Returns what both have seen."""
        if other.is_exact:
            return self.add(other.data)
        if self.is_exact:
            return other.add(self.data)
        return Distinct(False, bytes(map(max, self.data, other.data)))


def _unpacked(hashes: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(hashes) // 8}Q", hashes)


def _registers(hashes: bytes, registers: bytes) -> bytes:
    """Returns registers with hashes added: of all hashes of one index, the largest rank."""
    # Imported here: few different values, of which text has rarely more, do without.
    import numpy

    np: Any = numpy
    found = np.frombuffer(hashes, "<u8").astype(np.uint64)
    rest = found >> np.uint64(_INDEX_BITS)
    # The rank is the place of the lowest bit set, from 1. That bit alone is a power of two, exact as a double.
    ranks = np.frexp((rest & (~rest + np.uint64(1))).astype(np.float64))[1]
    ranks[rest == 0] = _RANK_BITS + 1
    merged = np.frombuffer(registers, np.uint8).copy()
    np.maximum.at(merged, (found & np.uint64(_REGISTERS - 1)).astype(np.intp), ranks.astype(np.uint8))
    return merged.tobytes()


def _estimate(registers: bytes) -> int:
    counts = Counter(registers)
    total = _REGISTERS * _tau(1.0 - counts[_RANK_BITS + 1] / _REGISTERS)
    for rank in range(_RANK_BITS, 0, -1):
        total = 0.5 * (total + counts[rank])
    total += _REGISTERS * _sigma(counts[0] / _REGISTERS)
    return round(_REGISTERS * _REGISTERS / (2.0 * math.log(2.0)) / total)


def _sigma(x: float) -> float:
    """Returns x + sum of x^(2^k) 2^(k-1) over k from 1, for x below 1."""
    weight, total, last = 1.0, x, math.nan
    while total != last:
        x *= x
        last = total
        total += x * weight
        weight += weight
    return total


def _tau(x: float) -> float:
    """Returns (1 - x - sum of (1 - x^(2^-k))^2 2^-k over k from 1) / 3, for x from 0 to 1."""
    if x in (0.0, 1.0):
        return 0.0
    weight, total, last = 1.0, 1.0 - x, math.nan
    while total != last:
        x = math.sqrt(x)
        last = total
        weight *= 0.5
        total -= (1.0 - x) ** 2 * weight
    return total / 3.0
