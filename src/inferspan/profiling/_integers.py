# SPDX-License-Identifier: Apache-2.0
"""Whole numbers in arrays: which there are, how often, and their hashes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy

#: Without its types, which know no array of any element type.
np: Any = numpy

#: Numbers that lie so close together are counted in one pass, without being put in order.
_NARROW = 65_536
_LEAST, _MOST = -(2**63), 2**63 - 1


def array_of(values: Any) -> Any:
    """Returns whole numbers or truths as an array in one dimension.

    Args:
        values: an array of such, or a sequence of Python's own, of which those without a place in 64 bits are left out.
    """
    if isinstance(values, np.ndarray):
        return values.ravel()
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return np.array([value for value in values if _LEAST <= value <= _MOST], np.int64)


def counted(values: Any) -> tuple[Any, Any]:
    """Returns the different numbers of an array in one dimension, in order, and how often each occurs."""
    if not values.size:
        return values, np.zeros(0, np.int64)
    if values.dtype.kind == "b":
        values = values.view(np.uint8)
    low = values.min()
    if int(values.max()) - int(low) >= _NARROW:
        return np.unique(values, return_counts=True)
    # A type of fewer bits may have no place for the differences.
    wide = values if values.dtype.itemsize == 8 else values.astype(np.int64)
    low = wide.dtype.type(low)
    counts = np.bincount((wide - low).astype(np.intp))
    found = np.flatnonzero(counts)
    return found.astype(wide.dtype) + low, counts[found]


def most_frequent(numbers: Any, counts: Any, size: int, *, besides: Collection[int]) -> dict[int, int]:
    """Returns how often the most frequent numbers occur, of equally frequent ones the smallest, and some given ones."""
    if numbers.size > size:
        chosen = np.argsort(-counts, kind="stable")[:size]
        if besides:
            given = np.flatnonzero(np.isin(numbers, np.array(list(besides), numbers.dtype)))
            chosen = np.union1d(chosen, given)
        numbers, counts = numbers[chosen], counts[chosen]
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def hashes(numbers: Any) -> bytes:
    """Returns hashes of an array in one dimension, as `_distinct.hashes` does: the output function of SplitMix64."""
    mixed = numbers.astype(np.uint64 if numbers.dtype.kind == "u" else np.int64).view(np.uint64)
    mixed = mixed + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))).astype("<u8").tobytes()
