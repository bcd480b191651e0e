# SPDX-License-Identifier: Apache-2.0
"""Exponential histograms counted one value at a time, for comparison."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from inferspan.profiling.histogram import MAX_BUCKETS, MAX_SCALE, Buckets, ExponentialHistogram, bucket_index


def histogram_of(values: Iterable[float]) -> ExponentialHistogram:
    """Returns the histogram of the finite ones of some values."""
    numbers = [value for value in values if math.isfinite(value)]
    sides = [value for value in numbers if value > 0], [-value for value in numbers if value < 0]
    scale = MAX_SCALE
    while any(_width(side, scale) > MAX_BUCKETS for side in sides):
        scale -= 1
    positive, negative = (_buckets(side, scale) for side in sides)
    return ExponentialHistogram(scale, numbers.count(0.0), positive, negative)


def _width(side: Sequence[float], scale: int) -> int:
    return bucket_index(max(side), scale) - bucket_index(min(side), scale) + 1 if side else 0


def _buckets(side: Sequence[float], scale: int) -> Buckets:
    counts = Counter(bucket_index(value, scale) for value in side)
    if not counts:
        return Buckets()
    return Buckets(min(counts), [counts[index] for index in range(min(counts), max(counts) + 1)])
