# SPDX-License-Identifier: Apache-2.0
"""Moments of the columns of a table, all columns at once."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy

from inferspan.profiling._arrays import is_tiny, of_array
from inferspan.profiling._layouts import BLOCK, QUANTILE_SAMPLE, ROW, SAMPLES, floating
from inferspan.profiling._moments import Moments

#: Without its types, which know no array of any element type.
np: Any = numpy


def of_columns(values: Any, width: int, layout: str) -> list[Moments]:
    """Summarises each column of a table.

    Args:
        values: its elements, row by row.
        width: how many columns it has.
        layout: of the elements.
    """
    rows = values.reshape(-1, width)
    size = len(rows)
    with np.errstate(all="ignore"):
        drawn = _columns(rows[:: max(1, size // min(QUANTILE_SAMPLE, max(1, SAMPLES // width)))], layout)
        usable = np.isfinite(drawn)
        is_clean = bool(usable.all())
        near = np.where(usable, drawn, 0).mean(axis=1, dtype=np.float64)
        if not is_clean:
            near *= drawn.shape[1] / np.maximum(usable.sum(axis=1), 1)
        sums = _ColumnSums(np.where(np.isfinite(near), near, 0).astype(drawn.dtype))
        if drawn.shape[1] == size:
            sums.add(drawn)
        else:
            step = max(1, BLOCK // width // ROW) * ROW
            for start in range(0, size, step):
                sums.add(_columns(rows[start : start + step], layout))
        found = sums.moments(size)
    for index, moments in enumerate(found):
        if moments is None:
            found[index] = of_array(rows[:, index], layout)
    return cast("list[Moments]", found)


def _columns(rows: Any, layout: str) -> Any:
    """Returns a copy of some rows in which each column is contiguous."""
    return np.array(floating(rows, layout).T, order="C")


class _ColumnSums:
    """Sums of deviations from a fixed value of each column, and of their squares, over finite values."""

    def __init__(self, shift: Any) -> None:
        width = shift.size
        self.shift = shift[:, None]
        self.missing, self.infinite, self.zero = np.zeros((3, width), np.int64)
        self.total, self.squares = np.zeros((2, width))
        self.low, self.high = np.full(width, math.inf), np.full(width, -math.inf)

    def add(self, columns: Any) -> None:
        """Adds a block in which each column is contiguous."""
        deviations = columns - self.shift
        squares = _sums_of_squares(deviations)
        lowest = highest = columns
        if not np.isfinite(squares).all():
            finite = np.isfinite(columns)
            missing = np.isnan(columns).sum(axis=1)
            self.missing += missing
            self.infinite += columns.shape[1] - finite.sum(axis=1) - missing
            lowest, highest = np.where(finite, columns, math.inf), np.where(finite, columns, -math.inf)
            deviations = np.where(finite, columns, self.shift).astype(np.float64) - self.shift
            squares = _sums_of_squares(deviations)
        self.squares += squares
        self.total += _sums(deviations)
        low, high = lowest.min(axis=1), highest.max(axis=1)
        if ((low <= 0) & (high >= 0)).any():
            self.zero += (columns == 0).sum(axis=1)
        np.minimum(self.low, low, out=self.low)
        np.maximum(self.high, high, out=self.high)

    def moments(self, size: int) -> list[Moments | None]:
        """Returns the moments of each column of so many rows; None where a square has overflowed."""
        counts = np.maximum(size - self.missing - self.infinite, 1)
        offset = self.total / counts
        mean = np.clip(self.shift[:, 0] + offset, self.low, self.high)
        variance = np.maximum(self.squares / counts - offset * offset, 0)
        variance[is_tiny(self.high - self.low, self.shift.dtype)] = math.nan
        found: list[Moments | None] = []
        columns = (self.missing, self.infinite, self.zero, self.low, self.high, mean, variance)
        for missing, infinite, zero, low, high, middle, spread in zip(*(one.tolist() for one in columns), strict=True):
            moments = Moments(size)
            moments.missing, moments.infinite, moments.zero = missing, infinite, zero
            if moments.finite and math.isfinite(spread):
                moments.minimum, moments.maximum, moments.mean = low, high, middle
                moments.standard_deviation = math.sqrt(spread)
            found.append(moments if math.isfinite(spread) or not moments.finite else None)
        return found


def _sums(columns: Any) -> Any:
    rows, rest = _cut(columns)
    return np.einsum("ijk->ij", rows).sum(axis=1, dtype=np.float64) + np.einsum("ij->i", rest)


def _sums_of_squares(columns: Any) -> Any:
    rows, rest = _cut(columns)
    return np.einsum("ijk,ijk->ij", rows, rows).sum(axis=1, dtype=np.float64) + np.einsum("ij,ij->i", rest, rest)


def _cut(columns: Any) -> tuple[Any, Any]:
    width, size = columns.shape
    whole = size // ROW * ROW
    return columns[:, :whole].reshape(width, -1, ROW), columns[:, whole:]
