# SPDX-License-Identifier: Apache-2.0
"""What is kept of one array or column: counts, moments, and a sample for quantiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Moments:
    """Of one array or column; statistics are over its finite values, and None where it has none.

    Attributes:
        count: all values; ``missing`` are NaN, ``infinite`` of either sign, ``zero`` of either sign.
        mean: within minimum and maximum.
        standard_deviation: of the population: the square root of the mean squared deviation.
        sample: finite values that quantiles are taken from: a list, or an array of its own.
        is_sorted: whether the sample is.
    """

    __slots__ = (
        "count",
        "infinite",
        "is_sorted",
        "maximum",
        "mean",
        "minimum",
        "missing",
        "sample",
        "standard_deviation",
        "zero",
    )

    def __init__(self, count: int) -> None:
        self.count = count
        self.missing = 0
        self.infinite = 0
        self.zero = 0
        self.minimum: float | None = None
        self.maximum: float | None = None
        self.mean: float | None = None
        self.standard_deviation: float | None = None
        self.sample: Any = None
        self.is_sorted = False

    @property
    def finite(self) -> int:
        return self.count - self.missing - self.infinite

    def quantiles(self, *probabilities: float) -> list[float | None]:
        """Quantiles of the sample, interpolated linearly between ranks as ``numpy.quantile`` does by default."""
        sample = self.sample
        if sample is None or not len(sample):
            return [None] * len(probabilities)
        if not self.is_sorted:
            sample.sort()
            self.is_sorted = True
        value_at: Callable[[int], float] = sample.item if hasattr(sample, "item") else sample.__getitem__
        last = len(sample) - 1
        found: list[float | None] = []
        for probability in probabilities:
            rank = probability * last
            low = int(rank)
            fraction = rank - low
            left, right = value_at(low), value_at(min(low + 1, last))
            found.append(left * (1.0 - fraction) + right * fraction)
        return found
