# SPDX-License-Identifier: Apache-2.0
"""How exact histograms and standard deviations are, whichever kernel computes them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from report import Result

from inferspan.profiling import kernel
from inferspan.profiling.histogram import ExponentialHistogram, boundary, bucket_index
from inferspan.profiling.states import States

#: So near a boundary the SDK's logarithm may be on the wrong side of it in double precision: there, exact is right.
_ULPS = 4


class Accuracy:
    """What a kernel gathers, against the SDK's own aggregation and against doubled precision.

    Args:
        size: values of each array.
    """

    def __init__(self, *, size: int) -> None:
        self._size = size

    def results(self) -> Iterator[Result]:
        """Measures everything."""
        yield self._buckets()
        yield self._median()
        yield self._deviation()

    def _buckets(self) -> Result:
        """Counts values in other buckets, or at another scale, than where the SDK's own aggregation puts them."""
        wrong: dict[str, int] = {}
        rng = np.random.default_rng(0)
        for name, values in (
            ("N(0,1)", np.abs(rng.normal(0, 1, self._size))),
            ("N(100,1)", rng.normal(100, 1, self._size)),
            ("lognormal", rng.lognormal(0, 3, self._size)),
            ("powers of two", np.exp2(rng.integers(-60, 60, self._size).astype(np.float64))),
            ("near boundaries", _near_boundaries(rng, self._size)),
            ("constant", np.full(self._size, 0.1)),
        ):
            for dtype in (np.float32, np.float64):
                seen = values.astype(dtype)
                wrong[f"{name} {dtype.__name__}"] = _wrong(_gathered(seen), seen.astype(np.float64))
        worst = max(wrong, key=wrong.__getitem__)
        return Result(
            name="values in another bucket than the SDK's",
            seen=float(sum(wrong.values())),
            unit="values",
            at_most=0,
            detail=f"of {self._size * len(wrong)}" + (f"; most of {worst}" if wrong[worst] else ""),
        )

    def _median(self) -> Result:
        values = np.random.default_rng(1).normal(100, 1, self._size).astype(np.float32)
        histogram = _gathered(values)
        estimate = histogram.quantile(0.5, minimum=float(values.min()), maximum=float(values.max()))
        assert estimate is not None
        return Result(
            name="median of N(100,1) from its histogram, error",
            seen=abs(estimate - float(np.median(values))),
            unit="sd",
            at_most=0.05,
            detail=f"scale {histogram.scale}, {len(histogram.positive)} buckets",
        )

    def _deviation(self) -> Result:
        """The worst relative error of the standard deviation where the mean is 10⁴ times as large."""
        rng = np.random.default_rng(2)
        errors: dict[str, float] = {}
        for name, first in (("plain", None), ("zero first", 0.0), ("outlier first", 1e7), ("negative first", -1e4)):
            values = rng.normal(1e4, 1, self._size).astype(np.float32)
            if first is not None:
                values[0] = first
            (moments,) = kernel.moments(values, values.dtype.str)
            assert moments.standard_deviation is not None
            errors[name] = _relative(moments.standard_deviation, values)
            errors[f"{name}, gathered"] = _relative(_gathered_deviation(values), values)
        earlier = rng.normal(1.1e4, 1, self._size).astype(np.float32)
        later = rng.normal(1e4, 1, self._size).astype(np.float32)
        errors["stale shift"] = _relative(_gathered_deviation(earlier[:1], later), earlier[:1], later)
        errors["stale shift, as many"] = _relative(_gathered_deviation(earlier, later), earlier, later)
        parts = np.array_split(later, 1000)
        errors["a thousand merges"] = _relative(_gathered_deviation(*parts), *parts)
        worst = max(errors, key=errors.__getitem__)
        return Result(
            name="standard deviation at mean/sd = 10⁴, float32, relative error",
            seen=errors[worst] * 1e6,
            unit="millionths",
            at_most=1,
            detail=f"the worst of {len(errors)}: {worst}",
        )


def _gathered(values: Any) -> ExponentialHistogram:
    states = States(1)
    kernel.accumulate(states, values, values.dtype.str)
    histogram = states.read(0).histogram
    assert histogram is not None
    return histogram


def _gathered_deviation(*parts: Any) -> float:
    states = States(1)
    for part in parts:
        kernel.accumulate(states, part, part.dtype.str)
    found = states.read(0).standard_deviation
    assert found is not None
    return found


def _relative(found: float, *parts: Any) -> float:
    # Deviations from a first, rough mean are exact enough for twice the digits of what is compared.
    values = np.concatenate(parts).astype(np.longdouble)
    deviations = values - values.mean()
    expected = np.sqrt(np.square(deviations - deviations.mean()).mean())
    return float(abs(found - expected) / expected)


def _wrong(ours: ExponentialHistogram, values: Any) -> int:
    """Returns how many values are in another bucket than in the SDK's histogram of them, or than they belong in."""
    point = _of_the_sdk(values)
    if point.scale != ours.scale:
        return len(values)
    found = _counter(ours.positive.offset, ours.positive.counts)
    exact = Counter(bucket_index(value, ours.scale) for value in values.tolist())
    theirs = _counter(point.positive.offset, point.positive.bucket_counts)
    doubtful = sum(_is_near_a_boundary(value, ours.scale) for value in values.tolist())
    return (exact - found).total() + max(0, (theirs - found).total() - doubtful)


def _is_near_a_boundary(value: float, scale: int) -> bool:
    index = bucket_index(value, scale)
    return any(abs(value - boundary(edge, scale)) <= _ULPS * math.ulp(value) for edge in (index, index + 1))


def _counter(offset: int, counts: Iterable[int]) -> Counter[int]:
    return Counter({index: count for index, count in enumerate(counts, offset) if count})


def _of_the_sdk(values: Any) -> Any:
    """Returns the point that the SDK makes of values above zero."""
    reader = InMemoryMetricReader(preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()})
    provider = MeterProvider([reader], shutdown_on_exit=False)
    histogram = provider.get_meter("benchmark").create_histogram("values")
    for value in values.tolist():
        histogram.record(value)
    data = reader.get_metrics_data()
    provider.shutdown()
    assert data is not None
    return data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]


def _near_boundaries(rng: Any, size: int) -> Any:
    """Returns values a few steps of a float's precision beside the boundaries of about 160 buckets."""
    edges = np.array([boundary(index, 5) for index in range(1, 160)])
    values = edges[rng.integers(0, len(edges), size)]
    return values * (1 + rng.integers(-3, 4, size) * 2.0**-23)
