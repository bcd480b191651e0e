# SPDX-License-Identifier: Apache-2.0
"""Latency quantiles, from the durations of spans or from the buckets of a histogram."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Ratio of one bucket's boundary to the next: a quantile is then at most 1 % off.
_GROWTH = 1.02
_LOG_GROWTH = math.log(_GROWTH)
#: Durations outside 1 ns to 11 days count as these, which bounds the buckets to 1 750.
_SHORTEST, _LONGEST = 1e-9, 1e6


@dataclass(frozen=True)
class Latency:
    """Quantiles of durations, in seconds."""

    p50: float
    p95: float
    p99: float
    maximum: float


class DurationSketch:
    """Durations of spans, in buckets that grow by 2 %: bounded, and within 1 % of any quantile."""

    def __init__(self) -> None:
        self.count = 0
        self._maximum = 0.0
        self._buckets: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Counts one duration."""
        clamped = min(max(seconds, _SHORTEST), _LONGEST)
        bucket = math.floor(math.log(clamped) / _LOG_GROWTH)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self._maximum = max(self._maximum, seconds)
        self.count += 1

    def latency(self) -> Latency | None:
        """The quantiles; ``None`` before the first duration."""
        if not self.count:
            return None
        ordered = sorted(self._buckets.items())
        return Latency(
            self._quantile(ordered, 0.5),
            self._quantile(ordered, 0.95),
            self._quantile(ordered, 0.99),
            self._maximum,
        )

    def _quantile(self, ordered: Sequence[tuple[int, int]], share: float) -> float:
        rank = max(math.ceil(share * self.count), 1)
        seen = 0
        for bucket, count in ordered:
            seen += count
            if seen >= rank:
                return min(math.exp((bucket + 0.5) * _LOG_GROWTH), self._maximum)
        return self._maximum


@dataclass(frozen=True)
class Bucket:
    """That many durations lie between two bounds, in seconds."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class HistogramPoint:
    """One data point of a duration histogram, explicit or exponential."""

    count: int
    failed: bool
    buckets: tuple[Bucket, ...]
    minimum: float | None
    maximum: float | None


def explicit_buckets(bounds: Sequence[float], counts: Sequence[int]) -> tuple[Bucket, ...]:
    """The buckets of an OTLP histogram data point that are not empty.

    Args:
        bounds: boundaries, in seconds; the first bucket is below the first and the last, without end, above
            the last.
        counts: one more than boundaries; empty for a point without buckets.
    """
    edges = (0.0, *bounds, math.inf)
    if len(counts) != len(edges) - 1:
        return ()
    return tuple(Bucket(low, high, count) for low, high, count in zip(edges, edges[1:], counts, strict=False) if count)


def exponential_buckets(scale: int, offset: int, counts: Sequence[int], zero_count: int) -> tuple[Bucket, ...]:
    """The buckets of an OTLP exponential histogram data point that are not empty.

    Durations fill only the positive half.
    https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
    """
    base = 2.0 ** (2.0**-scale)
    zero = (Bucket(0.0, 0.0, zero_count),) if zero_count else ()
    return zero + tuple(
        Bucket(base**position, base ** (position + 1), count) for position, count in enumerate(counts, offset) if count
    )


class HistogramTotals:
    """Histograms of any number of processes, added up."""

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0
        self._buckets: dict[tuple[float, float], int] = {}
        self._minimum = math.inf
        self._maximum = 0.0
        #: Whether every point told its largest duration.
        self._maximum_known = True

    def add(self, point: HistogramPoint) -> None:
        """Adds one data point."""
        self.count += point.count
        self.failed += point.count if point.failed else 0
        for bucket in point.buckets:
            bounds = (bucket.low, bucket.high)
            self._buckets[bounds] = self._buckets.get(bounds, 0) + bucket.count
        # Not told: it can be anything above nothing.
        self._minimum = min(self._minimum, point.minimum or 0.0)
        if point.maximum is None:
            self._maximum_known = False
        else:
            self._maximum = max(self._maximum, point.maximum)

    def merge(self, other: HistogramTotals) -> None:
        """Adds all that another one holds."""
        self.count += other.count
        self.failed += other.failed
        for bounds, count in other._buckets.items():
            self._buckets[bounds] = self._buckets.get(bounds, 0) + count
        self._minimum = min(self._minimum, other._minimum)
        self._maximum = max(self._maximum, other._maximum)
        self._maximum_known = self._maximum_known and other._maximum_known

    def latency(self) -> Latency | None:
        """Quantiles by linear interpolation inside a bucket, as PromQL's ``histogram_quantile`` does.

        The smallest and the largest duration, which OTLP tells, narrow the outermost buckets.
        """
        if not self._buckets:
            return None
        highest_edge = max(edge for bounds in self._buckets for edge in bounds if math.isfinite(edge))
        highest = self._maximum if self._maximum_known else max(highest_edge, self._maximum)
        narrowed: dict[tuple[float, float], int] = {}
        for (low, high), count in self._buckets.items():
            bounds = (max(low, min(self._minimum, high)), min(high, max(highest, low)))
            narrowed[bounds] = narrowed.get(bounds, 0) + count
        edges = sorted({edge for bounds in narrowed for edge in bounds})
        below = [_count_below(narrowed, edge) for edge in edges]
        p50, p95, p99 = (_at(edges, below, share * below[-1]) for share in (0.5, 0.95, 0.99))
        return Latency(p50, p95, p99, highest)


def _count_below(buckets: dict[tuple[float, float], int], edge: float) -> float:
    below = 0.0
    for (low, high), count in buckets.items():
        if high <= edge:
            below += count
        elif low < edge:
            below += count * (edge - low) / (high - low)
    return below


def _at(edges: Sequence[float], below: Sequence[float], rank: float) -> float:
    position = bisect.bisect_left(below, rank)
    if position == 0:
        return edges[0]
    if position == len(edges):
        return edges[-1]
    share = (rank - below[position - 1]) / (below[position] - below[position - 1])
    return edges[position - 1] + share * (edges[position] - edges[position - 1])
