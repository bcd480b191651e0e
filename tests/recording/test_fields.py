# SPDX-License-Identifier: Apache-2.0
"""The counters of fields never go down, and have a bounded number of series whatever a model's tables are like."""

from __future__ import annotations

import gc
import math
import weakref
from collections import Counter as Counted
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from opentelemetry.sdk.metrics import Counter, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

import inferspan
from inferspan import pipeline
from inferspan.profiling import capture
from inferspan.profiling.budget import budget
from inferspan.recording import profiles

from .conftest import SECOND, Models

VALUES = "inferspan.field.values"
MISSING = "inferspan.field.missing"
INFINITE = "inferspan.field.infinite"
DISTRIBUTION = "inferspan.field.distribution"


def row(width: int, **faults: float) -> dict[str, Any]:
    """One row of so many features, some of which have other values than 1: ``f3=math.nan``."""
    values = np.ones((1, width))
    for name, value in faults.items():
        values[0, int(name.removeprefix("f"))] = value
    return {"x": values}


class Wide:
    """A model whose input is said to be a table, however wide it is."""


@pytest.fixture
def wide(models: Models) -> Callable[..., None]:
    """Runs an inference with one row of a table."""
    model = Wide()
    inferspan.describe(model, name="fraud", table=True)

    def infer(width: int, score: float | None = None, **faults: float) -> None:
        with inferspan.inference(model) as call:
            call.inputs(row(width, **faults))
            if score is not None:
                call.outputs({"score": np.array([score])})
            if score is not None and score > 1:
                raise ValueError("not a probability")

    return infer


def test_points_in_full(models: Models) -> None:
    models.infer(row(2, f1=math.nan), {"score": np.array([[math.inf]])}, version="3")
    for metric, expected in (
        (VALUES, {("input", "x.0"): 1, ("input", "x.1"): 1, ("output", "score"): 1}),
        (MISSING, {("input", "x.0"): 0, ("input", "x.1"): 1, ("output", "score"): 0}),
        (INFINITE, {("output", "score"): 1}),
    ):
        assert models.values(metric) == expected
    (point,) = models.telemetry.points(INFINITE)
    assert dict(point.attributes) == {
        "inferspan.system.name": "_OTHER",
        "inferspan.model.name": "fraud",
        "inferspan.model.version": "3",
        "inferspan.io.direction": "output",
        "inferspan.field.name": "score",
    }


def test_infinite_values_of_a_model_with_few_fields(models: Models) -> None:
    models.infer(row(3, f1=math.inf))
    assert models.values(INFINITE) == {("input", "x.1"): 1}
    models.infer(row(3, f0=math.inf, f1=math.inf), {"score": np.array([math.inf])})
    assert models.values(INFINITE) == {("input", "x.1"): 2, (None, "_OTHER"): 2}
    assert ("input", "_OTHER") not in models.values(VALUES)
    assert (None, "_OTHER") not in models.values(VALUES)


def test_open_windows_count_and_closed_ones_still_do(models: Models) -> None:
    models.infer(row(2))
    profiles.close_all()
    models.infer(row(2))
    assert models.values(VALUES) == {("input", "x.0"): 2, ("input", "x.1"): 2}


def test_a_model_with_many_fields_has_the_worst_and_others(models: Models, wide: Callable[..., None]) -> None:
    wide(100)
    assert models.values(VALUES) == {("input", "_OTHER"): 100}
    assert models.values(MISSING) == {("input", "_OTHER"): 0}
    wide(100, f17=math.nan)
    wide(100)

    # What the field counted before it was found stays where it was.
    assert models.values(VALUES) == {("input", "_OTHER"): 298, ("input", "x.17"): 2}
    assert models.values(MISSING) == {("input", "_OTHER"): 0, ("input", "x.17"): 1}
    wide(100, f17=math.inf, f18=math.inf)
    assert models.values(VALUES) == {("input", "_OTHER"): 396, ("input", "x.17"): 3, ("input", "x.18"): 1}
    assert models.values(INFINITE) == {("input", "x.17"): 1, ("input", "x.18"): 1}


def test_no_counter_goes_down_and_none_is_counted_twice(models: Models, wide: Callable[..., None]) -> None:
    pipeline.configure(raise_faults=True, defer=False, faulty_field_series=5)
    generator = np.random.default_rng(7)
    before: dict[str, dict[Any, int]] = {VALUES: {}, MISSING: {}, INFINITE: {}}
    counts = dict.fromkeys(before, 0)
    for number in range(40):
        width = 10 if number < 10 else 60
        faults = {f"f{generator.integers(width)}": generator.choice([math.nan, math.inf]) for _ in range(number % 3)}
        wide(width, **faults)
        if number % 7 == 0:
            profiles.close_all()
        counts[VALUES] += width
        counts[MISSING] += sum(map(math.isnan, faults.values()))
        counts[INFINITE] += sum(map(math.isinf, faults.values()))
        for metric, known in before.items():
            now = models.values(metric)
            assert all(now[field] >= value for field, value in known.items())
            assert sum(now.values()) == counts[metric]
            before[metric] = now
    assert len(before[VALUES]) == 10 + 5 + 1


def test_two_long_names_that_leave_as_the_same_are_one_series(models: Models) -> None:
    pipeline.configure(raise_faults=True, defer=False, distribution_fields=("*",))
    models.infer({f"{'long' * 30}{number}": np.ones(20) for number in range(3)})
    assert list(models.values(VALUES).values()) == [60]
    assert [point.count for point in models.telemetry.points(DISTRIBUTION)] == [20]


def test_models_beyond_the_limit_are_others(models: Models) -> None:
    pipeline.configure(raise_faults=True, defer=False, max_models=1)
    for number in range(3):
        models.infer(row(3, f0=math.nan), model=f"model-{number}")
    models.windows.add_entity("features.v2", capture({"age": np.ones(5)}, max_elements=10_000))

    found = {
        (point.attributes.get("inferspan.model.name"), point.attributes.get("inferspan.entity.name")): point.value
        for point in models.telemetry.points(VALUES)
        if point.attributes["inferspan.field.name"] == "_OTHER"
    }
    assert found == {("_OTHER", None): 6, (None, "_OTHER"): 5}
    assert not [point for point in models.telemetry.points(DISTRIBUTION) if "model-0" not in str(point.attributes)]


def test_what_windows_have_no_room_for_is_counted(models: Models) -> None:
    pipeline.configure(raise_faults=True, defer=False, window_fields=4)
    before = {point.attributes["inferspan.self.drop.reason"]: point.value for point in dropped(models)}
    models.infer(row(6))
    models.infer(row(6))
    models.values(VALUES)
    after = {point.attributes["inferspan.self.drop.reason"]: point.value for point in dropped(models)}
    assert after["field_limit"] - before.get("field_limit", 0) == 4


def dropped(models: Models) -> list[Any]:
    return models.telemetry.points("inferspan.self.dropped")


def series(models: Models) -> dict[str, int]:
    """Returns how many series each metric has."""
    data = models.telemetry.collect()
    return {
        metric.name: len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


@pytest.mark.parametrize(("width", "bound"), [(20, 60), (1_000, 200)])
def test_the_series_of_one_model_are_bounded(models: Models, wide: Callable[..., None], width: int, bound: int) -> None:
    budget.forget()  # what other tests have looked at, and from which allowance, is not of this process
    for number in range(width):
        wide(width, score=0.5, **{f"f{number}": math.nan, f"f{width - 1 - number}": math.inf})
    with pytest.raises(ValueError, match="not a probability"):
        wide(width, score=2.0)
    found = series(models)

    print(width, sum(found.values()), found)
    assert (found[DISTRIBUTION], found["inferspan.inference.duration"]) == (2, 3)
    # What other tests have had dropped and skipped is not of this process.
    others = ("inferspan.self.dropped", "inferspan.self.skipped")
    assert sum(number for name, number in found.items() if name not in others) <= bound


def test_a_reader_of_deltas_has_deltas(models: Models) -> None:
    deltas = AggregationTemporality.DELTA
    reader = InMemoryMetricReader(preferred_temporality={Counter: deltas, ObservableCounter: deltas})
    models.telemetry.meter_provider.add_metric_reader(reader)
    models.infer(row(1))
    models.values(VALUES)
    first = value_of(reader)
    models.infer(row(1))
    models.infer(row(1))
    models.values(VALUES)
    assert (first, value_of(reader), models.values(VALUES)) == (1, 2, {("input", "x.0"): 3})


def value_of(reader: InMemoryMetricReader) -> int:
    data = reader.get_metrics_data()
    assert data is not None
    (value,) = [
        point.value
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == VALUES
        for point in metric.data.data_points
    ]
    return value


def test_quantiles_are_gauges_of_the_fields_that_are_named(models: Models) -> None:
    pipeline.configure(raise_faults=True, defer=False, quantile_fields=("sco*",))
    assert not models.telemetry.points("inferspan.field.quantile")
    for value in range(1, 101):
        models.infer(row(1), {"score": np.array([value / 100])})
    profiles.close_all()
    found = {
        (point.attributes["inferspan.field.name"], point.attributes["inferspan.quantile"]): point.value
        for point in models.telemetry.points("inferspan.field.quantile")
    }
    assert found == {
        ("score", "0.05"): pytest.approx(0.0595, rel=0.02),
        ("score", "0.5"): pytest.approx(0.505, rel=0.02),
        ("score", "0.95"): pytest.approx(0.9505, rel=0.02),
    }

    models.infer(row(1), {"score": np.array([0.5])})
    profiles.close_all()
    assert not models.telemetry.points("inferspan.field.quantile")  # of one value there is none


def test_a_quantile_of_a_model_that_is_not_called_any_more_is_gone(models: Models) -> None:
    pipeline.configure(raise_faults=True, defer=False, quantile_fields=("*",))
    models.infer({"x": np.arange(16.0)})
    profiles.close_all()
    models.now += 119 * SECOND
    assert len(models.telemetry.points("inferspan.field.quantile")) == 3
    models.now += 2 * SECOND
    assert not models.telemetry.points("inferspan.field.quantile")


def test_windows_end_with_their_providers(models: Models) -> None:
    provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    gone = weakref.ref(profiles.of("1", meter_provider=provider, logger_provider=None))
    del provider
    gc.collect()
    assert gone() is None


def test_a_model_that_made_room_for_another_has_no_series_and_starts_anew(models: Models) -> None:
    pipeline.configure(raise_faults=True, defer=False, window_fields=4)
    found: list[dict[str, int]] = []
    for version in ("1", "2", "3", "1"):
        models.infer(row(2), version=version)
        profiles.close_all()
        points = models.telemetry.points(VALUES)
        found.append(dict(sorted(Counted(point.attributes["inferspan.model.version"] for point in points).items())))
    assert found == [{"1": 2}, {"1": 2, "2": 2}, {"2": 2, "3": 2}, {"1": 2, "3": 2}]
    assert {point.value for point in models.telemetry.points(VALUES)} == {1}
