# SPDX-License-Identifier: Apache-2.0
"""Moments of a few values in plain Python, which needs no numpy, and up to some tens of values is faster."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable

from inferspan.profiling._moments import Moments

#: Most values for which this is the way to go.
FEW = 32
_DOUBLES = "<f8" if sys.byteorder == "little" else ">f8"


def doubles(items: Iterable[float | None]) -> list[float]:
    """Converts plain Python numbers: None to NaN, whole numbers beyond a double's range to infinities."""
    return [math.nan if item is None else _double(item) for item in items]


def packed(items: Iterable[float | None]) -> tuple[bytes, str]:
    """Converts them to the bytes of an array of doubles, and says the layout of its elements."""
    return array("d", doubles(items)).tobytes(), _DOUBLES


def of_list(values: list[float], *, min_count: int, ordered: bool) -> Moments:
    """Summarises a few doubles.

    Args:
        values: the doubles.
        min_count: fewest finite values that more than counts are wanted of.
        ordered: whether minimum, maximum and quantiles are wanted.
    """
    moments = Moments(len(values))
    if not math.isfinite(sum(values)):
        moments.missing = sum(map(math.isnan, values))
        moments.infinite = sum(map(math.isinf, values))
        values = [value for value in values if math.isfinite(value)]
    moments.zero = values.count(0.0)
    if len(values) < max(min_count, 1):
        return moments
    moments.mean, moments.standard_deviation = _two_pass(values)
    if ordered:
        values = sorted(values)
        moments.minimum, moments.maximum = values[0], values[-1]
        moments.sample, moments.is_sorted = values, True
    return moments


def _two_pass(values: list[float]) -> tuple[float, float]:
    size = len(values)
    mean = sum(values) / size
    deviations = [value - mean for value in values]
    squares = sum([deviation * deviation for deviation in deviations])
    if math.isfinite(squares):
        return mean, math.sqrt(squares / size)
    # Squares overflow: beyond 1e154 they are taken of fractions of the largest.
    largest = max(map(abs, values))
    mean, deviation = _two_pass([value / largest for value in values])
    return mean * largest, deviation * largest


def _double(item: float) -> float:
    try:
        return float(item)
    except OverflowError:
        return math.inf if item > 0 else -math.inf
