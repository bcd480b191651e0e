# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import random

import pytest

from inferspan.cli._durations import (
    DurationSketch,
    HistogramPoint,
    HistogramTotals,
    Latency,
    explicit_buckets,
    exponential_buckets,
)


def totals(*points: HistogramPoint) -> HistogramTotals:
    added = HistogramTotals()
    for point in points:
        added.add(point)
    return added


def explicit(
    *counts: int,
    bounds: tuple[float, ...] = (1.0, 2.0, 4.0),
    minimum: float | None = None,
    maximum: float | None = None,
) -> HistogramPoint:
    return HistogramPoint(
        count=sum(counts),
        failed=False,
        buckets=explicit_buckets(bounds, counts),
        minimum=minimum,
        maximum=maximum,
    )


def test_sketch_is_within_one_percent_of_any_quantile() -> None:
    generator = random.Random(7)
    values = sorted(generator.lognormvariate(-6, 2) for _ in range(10_000))
    sketch = DurationSketch()
    for value in values:
        sketch.add(value)
    found = sketch.latency()
    assert found is not None
    assert found.p50 == pytest.approx(values[4_999], rel=0.0101)
    assert found.p95 == pytest.approx(values[9_499], rel=0.0101)
    assert found.p99 == pytest.approx(values[9_899], rel=0.0101)
    assert found.maximum == values[-1]


def test_sketch_of_one_and_of_none() -> None:
    sketch = DurationSketch()
    assert sketch.latency() is None
    sketch.add(0.25)
    found = sketch.latency()
    assert found is not None
    assert found.maximum == 0.25
    assert found.p50 == found.p99 == pytest.approx(0.25, rel=0.01)
    assert found.p99 <= found.maximum


def test_sketch_is_bounded() -> None:
    sketch = DurationSketch()
    for exponent in range(-40, 40):
        sketch.add(10.0**exponent)
    sketch.add(0.0)
    found = sketch.latency()
    assert found is not None
    assert (sketch.count, found.maximum) == (81, 1e39)


def test_quantiles_are_interpolated() -> None:
    found = totals(explicit(0, 100, 0, 0)).latency()
    assert found == Latency(p50=1.5, p95=pytest.approx(1.95), p99=pytest.approx(1.99), maximum=2.0)


def test_smallest_and_largest_duration_narrow_the_buckets() -> None:
    found = totals(explicit(0, 10, 0, 10, minimum=1.5, maximum=6.0)).latency()
    assert found == Latency(p50=2.0, p95=pytest.approx(5.8), p99=pytest.approx(5.96), maximum=6.0)
    alone = totals(explicit(0, 1, 0, 0, minimum=1.25, maximum=1.25)).latency()
    assert alone == Latency(1.25, 1.25, 1.25, 1.25)


def test_last_bucket_without_a_largest_duration_ends_at_its_bound() -> None:
    assert totals(explicit(0, 0, 0, 10)).latency() == Latency(4.0, 4.0, 4.0, 4.0)


def test_histograms_with_different_boundaries_add_up() -> None:
    found = totals(explicit(50, 50, bounds=(1.0,), maximum=2.0), explicit(0, 100, bounds=(1.0,), maximum=3.0)).latency()
    assert found is not None
    # 50 up to 1 s, 150 evenly up to 3 s.
    assert found.p50 == pytest.approx(1 + 2 / 3)
    assert found.maximum == 3.0
    mixed = totals(explicit(4, 0, bounds=(1.0,)), explicit(4, 0, bounds=(2.0,))).latency()
    assert mixed is not None
    # Up to 1 s lie all of the first and half of the second.
    assert mixed.p50 == pytest.approx(2 / 3)


def test_exponential_buckets() -> None:
    # Scale 0: boundaries are the powers of two.
    assert [(bucket.low, bucket.high, bucket.count) for bucket in exponential_buckets(0, -1, [3, 0, 2], 1)] == [
        (0.0, 0.0, 1),
        (0.5, 1.0, 3),
        (2.0, 4.0, 2),
    ]
    boundary = exponential_buckets(3, 8, [1], 0)[0]
    assert boundary.low == pytest.approx(2.0)
    assert boundary.high == pytest.approx(2.0 * 2 ** (1 / 8))


def test_no_buckets() -> None:
    assert explicit_buckets((), (5,))[0].high == math.inf
    assert explicit_buckets((1.0,), ()) == ()
    assert totals(HistogramPoint(5, False, (), 0.1, 0.2)).latency() is None
    assert totals().latency() is None
    only = totals(explicit(5, bounds=(), minimum=0.1, maximum=0.2)).latency()
    assert only is not None
    assert (only.p50, only.maximum) == (pytest.approx(0.15), 0.2)


def test_merged_totals_are_the_same_as_added_points() -> None:
    one, two = explicit(1, 2, 3, 4, minimum=0.5, maximum=9.0), explicit(4, 3, 2, 1, minimum=0.1, maximum=5.0)
    merged = totals(one)
    merged.merge(totals(two))
    assert merged.latency() == totals(one, two).latency()
    assert merged.count == 20
