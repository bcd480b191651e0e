# SPDX-License-Identifier: Apache-2.0
"""Exponential histograms: buckets against exact arithmetic and the SDK, merging against counting all values at once."""

from __future__ import annotations

import decimal
import math
import random
import sys
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import ExponentialHistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from support.histograms import histogram_of

from inferspan.profiling.histogram import (
    MAX_BUCKETS,
    MAX_SCALE,
    MIN_SCALE,
    Buckets,
    ExponentialHistogram,
    boundary,
    bucket_index,
)

SEED = 20240131
LARGEST, SMALLEST = sys.float_info.max, math.ulp(0.0)
SCALES = range(MIN_SCALE, MAX_SCALE + 1)
#: Sixty digits tell a double from every boundary that is no power of two: none is nearer than 2^-80 of itself here.
EXACT = decimal.Context(prec=60, Emin=-99999, Emax=99999)


def exact_boundary(index: int, scale: int) -> Fraction:
    """2^(index/2^scale): exactly where it is a power of two, else to sixty digits."""
    exponent = Fraction(index, 2**scale) if scale > 0 else Fraction(index * 2**-scale)
    if exponent.denominator == 1:
        return Fraction(2) ** exponent.numerator
    return Fraction(EXACT.power(2, EXACT.divide(exponent.numerator, exponent.denominator)))


def doubles(count: int) -> list[float]:
    """Doubles of all magnitudes, subnormal ones among them."""
    rng = random.Random(SEED)
    return [math.ldexp(rng.uniform(0.5, 1.0), rng.randint(-1073, 1024)) for _ in range(count)]


@pytest.mark.parametrize("scale", SCALES)
def test_a_value_is_in_the_bucket_whose_boundaries_it_is_between(scale: int) -> None:
    for value in [*doubles(100), LARGEST, SMALLEST, 1.0, math.nextafter(1.0, 2.0), math.nextafter(1.0, 0.0)]:
        index = bucket_index(value, scale)
        assert exact_boundary(index, scale) < Fraction(value) <= exact_boundary(index + 1, scale), value


@pytest.mark.parametrize("scale", SCALES)
def test_a_boundary_is_the_last_double_that_is_not_above_it(scale: int) -> None:
    rng = random.Random(SEED)
    first, last = bucket_index(SMALLEST, scale) + 1, bucket_index(LARGEST, scale)
    for index in {rng.randint(first, last) for _ in range(200)}:
        below = boundary(index, scale)
        above = math.nextafter(below, math.inf)
        assert Fraction(below) <= exact_boundary(index, scale) < Fraction(above)
        if below >= sys.float_info.min:
            assert (bucket_index(below, scale), bucket_index(above, scale)) == (index - 1, index)
        else:  # subnormal values are further apart than boundaries are
            assert bucket_index(below, scale) < index <= bucket_index(above, scale)


@pytest.mark.parametrize("scale", SCALES)
def test_a_power_of_two_is_in_the_lower_bucket(scale: int) -> None:
    for exponent in range(-1074, 1024):
        value = math.ldexp(1.0, exponent)
        assert bucket_index(value, scale) == math.ceil(exponent * 2.0**scale) - 1


def test_boundaries_beyond_what_doubles_are() -> None:
    assert boundary(1024 << 3, 3) == LARGEST
    assert boundary(5000 << 3, 3) == LARGEST
    assert boundary(-1075 << 3, 3) == 0.0
    assert boundary(-(2**31), 20) == 0.0


def exported(values: list[float]) -> ExponentialHistogramDataPoint:
    """What the SDK makes of values."""
    reader = InMemoryMetricReader()
    view = View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation(max_size=MAX_BUCKETS))
    instrument = (
        MeterProvider([reader], views=[view], shutdown_on_exit=False).get_meter("test").create_histogram("values")
    )
    for value in values:
        instrument.record(value)
    metrics = reader.get_metrics_data()
    assert metrics is not None
    (point,) = metrics.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert isinstance(point, ExponentialHistogramDataPoint)
    return point


SHAPES: dict[str, Callable[[random.Random], float]] = {
    "near a hundred": lambda rng: rng.gauss(100, 1),
    "near zero": lambda rng: abs(rng.gauss(0, 1)),
    "of all magnitudes": lambda rng: math.ldexp(rng.uniform(0.5, 1.0), rng.randint(-1000, 1000)),
    "with zeroes": lambda rng: float(rng.randint(0, 5)),
    "powers of two": lambda rng: math.ldexp(1.0, rng.randint(-20, 20)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_scale_and_buckets_are_those_of_the_sdk(shape: str) -> None:
    rng = random.Random(SEED)
    values = [SHAPES[shape](rng) for _ in range(2000)]
    point = exported(values)
    found = histogram_of(values)
    assert (found.scale, found.zero_count) == (point.scale, point.zero_count)
    assert found.positive == Buckets(point.positive.offset, point.positive.bucket_counts)


def signed(rng: random.Random) -> float:
    """A number of either sign, of few or of all magnitudes; now and then zero."""
    if rng.random() < 0.1:
        return rng.choice((0.0, -0.0))
    return rng.choice((-1, 1)) * math.ldexp(rng.uniform(0.5, 1.0), round(rng.gauss(0, rng.choice((1, 30, 200)))))


@pytest.mark.parametrize("seed", range(40))
def test_merged_in_any_order_is_counted_at_once(seed: int) -> None:
    rng = random.Random(seed)
    parts = [[signed(rng) for _ in range(rng.choice((0, 1, 5, 200)))] for _ in range(8)]
    everything = histogram_of(value for part in parts for value in part)
    for _ in range(5):
        found = [histogram_of(part) for part in parts]
        while len(found) > 1:
            one = found.pop(rng.randrange(len(found)))
            two = found.pop(rng.randrange(len(found)))
            found.append(one.merge(two))
        assert found == [everything]


def test_nothing_merged_changes_nothing() -> None:
    some = histogram_of([1.5, -2.5, 0.0])
    assert some.merge(ExponentialHistogram()) == ExponentialHistogram().merge(some) == some


def test_a_scale_is_only_made_lower() -> None:
    some = histogram_of([1.0, 1.5, 2.0, 3.0])
    lower = some.downscale(0)
    assert (lower.scale, lower.positive) == (0, Buckets(-1, [1, 2, 1]))
    with pytest.raises(ValueError, match="scale 0 has no scale 1"):
        lower.downscale(1)


def test_buckets_are_equal_if_they_count_the_same() -> None:
    assert Buckets(3, [0, 0, 5, 0, 7, 0]) == Buckets(5, [5, 0, 7])
    assert Buckets(-8, [0, 0]) == Buckets(0, [])
    assert hash(Buckets(1, [0, 300])) == hash(Buckets(2, [300]))
    assert Buckets(0, [1]) != Buckets(1, [1])
    assert Buckets(0, [1, 2**63]).counts == (1, 2**63)
    assert Buckets(-2, [2**40, 1]).total == 2**40 + 1


@pytest.mark.parametrize(("counts", "error"), [([-1], OverflowError), ([2**64], OverflowError), ([1.5], TypeError)])
def test_a_count_that_is_none(counts: list[int], error: type[Exception]) -> None:
    with pytest.raises(error):
        Buckets(0, counts)


DISTRIBUTIONS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "normal": lambda rng: rng.normal(0, 1, 20_000),
    "far from zero": lambda rng: rng.normal(100, 1, 20_000),
    "below zero": lambda rng: rng.normal(-100, 1, 20_000),
    "lognormal": lambda rng: rng.lognormal(0, 1, 20_000),
    "uniform": lambda rng: rng.uniform(-3, 7, 20_000),
}


@pytest.mark.parametrize("shape", DISTRIBUTIONS)
def test_quantiles_are_near_those_of_the_values(shape: str) -> None:
    values = DISTRIBUTIONS[shape](np.random.default_rng(SEED))
    histogram, low, high = histogram_of(values.tolist()), float(values.min()), float(values.max())
    last = -math.inf
    for probability in np.linspace(0, 1, 101).tolist():
        found = histogram.quantile(probability, minimum=low, maximum=high)
        assert found is not None
        assert last <= found <= high
        last = found
        # Within the bucket, whose width is this share of the value, or next to it.
        width = abs(found) * (2**2**-histogram.scale - 1)
        assert found == pytest.approx(float(np.quantile(values, probability)), abs=2 * width + 0.02)
    assert histogram.quantile(0.0, minimum=low, maximum=high) == low
    assert histogram.quantile(1.0, minimum=low, maximum=high) == high


def test_the_median_of_a_narrow_distribution_far_from_zero() -> None:
    values = np.random.default_rng(SEED).normal(100, 1, 100_000)
    found = histogram_of(values.tolist()).quantile(0.5, minimum=float(values.min()), maximum=float(values.max()))
    assert found == pytest.approx(float(np.median(values)), abs=0.05)


@pytest.mark.parametrize(
    ("values", "probability", "expected"),
    [
        ([7.0], 0.5, 7.0),
        ([-7.0], 0.9, -7.0),
        ([0.0], 0.5, 0.0),
        ([0.0] * 9 + [5.0], 0.5, 0.0),
        ([-4.0, 8.0], 0.5, 2.0),
        ([-1.0, 0.0, 1.0], 0.5, 0.0),
        ([LARGEST, -LARGEST], 0.0, -LARGEST),
        ([SMALLEST, 2 * SMALLEST], 1.0, 2 * SMALLEST),
    ],
)
def test_quantiles_of_few_values(values: list[float], probability: float, expected: float) -> None:
    assert histogram_of(values).quantile(probability, minimum=min(values), maximum=max(values)) == expected


def test_no_quantile_of_nothing() -> None:
    assert ExponentialHistogram().quantile(0.5, minimum=0.0, maximum=0.0) is None
