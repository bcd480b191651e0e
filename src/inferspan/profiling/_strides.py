# SPDX-License-Identifier: Apache-2.0
"""At which stride elements are drawn from an array, so that a sample sees all of every axis evenly."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy

#: Without its types, which know no array of any element type.
np: Any = numpy

#: How uneven a sample of *n* may be along an axis, in units of 1/sqrt(n); random ones are at about 1.1 at p95.
_EVEN = 0.5
#: Most strides that are tried. Hardly any shape needs more than a few; the best one is taken where none is even.
_TRIED = 64
#: Intervals that an axis is cut into where it is longer.
_CELLS = 256

_turn = itertools.count()


@functools.lru_cache(maxsize=1024)
def stride(shape: tuple[int, ...], size: int) -> int:
    """Returns a stride through the elements in memory that draws at least ``size`` of them.

    One that shares a factor with a dimension sees the same columns of every row: on an image 224 wide with a
    horizontal gradient, 224 has a rank error of 0.94 where 37 has 0.006. To share none is not enough: 767 on rows of
    768 numbers walks backwards through them, once and a third, and sees the last third twice as often as the rest.
    So the positions along each axis are looked at themselves: how far from even they are spread.

    Args:
        shape: of the elements as they lie in memory, the slowest axis first.
        size: fewest elements wanted; not more than there are.
    """
    total = math.prod(shape)
    axes = [(shape[axis], math.prod(shape[axis:])) for axis in reversed(range(len(shape))) if shape[axis] > 1]
    best, least = 1, math.inf
    for candidate in _coprime(max(1, total // size), shape):
        places = np.arange(0, total, candidate)
        even = _EVEN / math.sqrt(len(places))
        worst = 0.0
        for length, period in axes:
            worst = max(worst, _unevenness(places % period, length, period))
            if worst >= least:
                break
        else:
            best, least = candidate, worst
            if worst <= even:
                break
    return best


def start(stride: int) -> int:
    """Returns where the next sample begins: elsewhere each time, so that nothing is always met or always missed."""
    return next(_turn) * 47 % stride


def _coprime(largest: int, shape: tuple[int, ...]) -> Iterator[int]:
    """Yields strides that share no factor with any dimension, from the largest down, at least half as large."""
    candidates = (
        one for one in range(largest, largest // 2, -1) if all(math.gcd(one, dimension) == 1 for dimension in shape)
    )
    yield from itertools.islice(candidates, _TRIED)


def _unevenness(places: Any, length: int, period: int) -> float:
    """Returns by how much the share of samples in an interval of an axis differs from the interval's size, at most."""
    cells = min(length, _CELLS)
    seen = np.bincount(places * cells // period, minlength=cells).cumsum() / len(places)
    difference = seen - np.arange(1, cells + 1) / cells
    # Of intervals that begin anywhere, and not only with the axis: the samples start elsewhere each time.
    return float(difference.max() - difference.min())
