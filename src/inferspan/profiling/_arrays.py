# SPDX-License-Identifier: Apache-2.0
"""Moments of arrays in numpy: exact counts and moments of all values."""

from __future__ import annotations

import math
from typing import Any

import numpy

from inferspan.profiling._layouts import QUANTILE_SAMPLE, ROW, blocks, floating, sample, without_repeats
from inferspan.profiling._moments import Moments

#: Without its types, which know no array of any element type.
np: Any = numpy


def from_copy(data: bytes, layout: str) -> Any:
    """Returns the copied elements of a small array in double precision.

    Args:
        data: their bytes.
        layout: as `inferspan.values.Reading` says it.
    """
    if layout == "bfloat16":
        return floating(np.frombuffer(data, np.uint16), layout).astype(np.float64)
    return np.frombuffer(data, layout).astype(np.float64)


def finite(values: Any) -> Any:
    """Returns a copy of the finite ones of some doubles."""
    return values[np.isfinite(values)]


def of_few(values: Any) -> Moments:
    """Summarises a small array of doubles at once."""
    moments = Moments(values.size)
    with np.errstate(all="ignore"):
        total = float(np.add.reduce(values))
        if not math.isfinite(total):
            values = _finite(values, moments)
            total = float(np.add.reduce(values))
        size = values.size
        if not size:
            return moments
        moments.zero = size - int(np.count_nonzero(values))
        low, high = float(np.minimum.reduce(values)), float(np.maximum.reduce(values))
        two_pass = _scaled_two_pass if is_tiny(high - low, values.dtype) else _two_pass
        mean, moments.standard_deviation = two_pass(values, total / size)
        moments.minimum, moments.maximum, moments.mean = low, high, min(max(mean, low), high)
    return moments


def _two_pass(values: Any, mean: float) -> tuple[float, float]:
    """Returns mean and standard deviation of finite doubles."""
    deviations = values - mean
    squares = float(np.dot(deviations, deviations))
    return (mean, math.sqrt(squares / values.size)) if math.isfinite(squares) else _scaled_two_pass(values, mean)


def _scaled_two_pass(values: Any, _mean: float) -> tuple[float, float]:
    """The same of doubles whose squares overflow or vanish: of fractions of the largest."""
    largest = float(np.abs(values).max())
    fractions = values / largest
    mean, deviation = _two_pass(fractions, float(fractions.mean()))
    return mean * largest, deviation * largest


def of_array(array: Any, layout: str) -> Moments:
    """Summarises all elements of an array, block by block."""
    stored = without_repeats(array)
    moments = Moments(stored.size)
    with np.errstate(all="ignore"):
        drawn = floating(sample(stored, QUANTILE_SAMPLE, rotates=False), layout)
        usable = drawn[np.isfinite(drawn)].astype(np.float64)
        sums = _Sums(drawn.dtype.type(usable.mean() if usable.size else 0))
        for block in blocks(stored):
            sums.add(floating(block, layout), moments)
        _complete(moments, sums, stored, layout)
    repeats = array.size // max(1, moments.count)
    if repeats > 1:  # a broadcast array: each stored value stands for as many
        for name in ("count", "missing", "infinite", "zero"):
            setattr(moments, name, getattr(moments, name) * repeats)
    return moments


class _Sums:
    """Sums of deviations from a fixed value, and of their squares, over finite values."""

    __slots__ = ("scratch", "shift", "squares", "total")

    def __init__(self, near: Any) -> None:
        #: In the midst of the data: where the mean is large, raw squares would cancel. Exact in their precision.
        self.shift = near if np.isfinite(near) else near.dtype.type(0)
        self.total = 0.0
        self.squares = 0.0
        self.scratch: Any = None

    def add(self, block: Any, moments: Moments) -> None:
        """Adds a one-dimensional block of floating-point values, and counts what is in it."""
        if self.scratch is None:
            self.scratch = np.empty(block.size, block.dtype)
        deviations, squares = self._deviations(block)
        if not math.isfinite(squares):
            # Something is not finite, or a square overflows.
            block = _finite(block, moments)
            if not block.size:
                return
            deviations, squares = self._deviations(block)
            if not math.isfinite(squares):
                deviations = block.astype(np.float64) - float(self.shift)
                squares = _sum_of_squares(deviations)
        self.total += _sum(deviations)
        self.squares += squares
        low, high = float(np.minimum.reduce(block)), float(np.maximum.reduce(block))
        if low <= 0.0 <= high:
            moments.zero += int(np.count_nonzero(block == 0))
        moments.minimum = low if moments.minimum is None else min(moments.minimum, low)
        moments.maximum = high if moments.maximum is None else max(moments.maximum, high)

    def _deviations(self, block: Any) -> tuple[Any, float]:
        deviations = np.subtract(block, self.shift, out=self.scratch[: block.size])
        return deviations, _sum_of_squares(deviations)


def _complete(moments: Moments, sums: _Sums, stored: Any, layout: str) -> None:
    size = moments.finite
    if moments.minimum is None or moments.maximum is None:
        return
    offset = sums.total / size
    mean = float(sums.shift) + offset
    squares = sums.squares - size * offset * offset
    if math.isfinite(squares) and not is_tiny(moments.maximum - moments.minimum, sums.shift.dtype):
        deviation = math.sqrt(max(squares, 0.0) / size)
    else:  # Squares overflow or vanish: doubles beyond 1e154 or below 1e-154, which hardly are data; it takes its time.
        values = floating(stored.ravel(), layout)
        mean, deviation = _scaled_two_pass(values[np.isfinite(values)].astype(np.float64), mean)
    moments.mean = min(max(mean, moments.minimum), moments.maximum)
    moments.standard_deviation = deviation


def is_tiny(spread: Any, dtype: Any) -> Any:
    """Returns whether squares of deviations between values that lie so far apart lose digits in this precision."""
    return (spread > 0) & (spread < (2.0**-40 if dtype.itemsize == 4 else 2.0**-480))


def _finite(values: Any, moments: Moments) -> Any:
    """Returns the finite values, and counts the others."""
    usable = np.isfinite(values)
    if usable.all():
        return values
    finite = values[usable]
    missing = int(np.count_nonzero(np.isnan(values)))
    moments.missing += missing
    moments.infinite += values.size - finite.size - missing
    return finite


def _sum(values: Any) -> float:
    whole = values.size // ROW * ROW
    rows = np.einsum("ij->i", values[:whole].reshape(-1, ROW))
    return float(np.add.reduce(rows, dtype=np.float64)) + float(np.add.reduce(values[whole:], dtype=np.float64))


def _sum_of_squares(values: Any) -> float:
    # Not `dot`: its library would take large blocks to threads of its own.
    whole = values.size // ROW * ROW
    rows = values[:whole].reshape(-1, ROW)
    rest = values[whole:]
    sums = np.einsum("ij,ij->i", rows, rows)
    return float(np.add.reduce(sums, dtype=np.float64)) + float(np.dot(rest, rest))
