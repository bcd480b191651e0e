# SPDX-License-Identifier: Apache-2.0
"""Distributions are exported as exponential histograms, on the provider's own export, as each reader prefers."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from support import otlp
from support.launcher import environment, run

from inferspan import api, faults, pipeline
from inferspan.profiling.histogram import Buckets, ExponentialHistogram, boundary
from inferspan.recording import distributions, profiles

from .conftest import NOW, SECOND, Models

DISTRIBUTION = "inferspan.field.distribution"


def scopes(data: MetricsData | None) -> dict[str, Any]:
    """Returns the metric of distributions by the name of its scope."""
    assert data is not None
    return {
        scope.scope.name: metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == DISTRIBUTION
    }


def point_of(reader: InMemoryMetricReader) -> Any:
    """Returns the only data point; None where there is none."""
    found = scopes(reader.get_metrics_data())
    if not found:
        return None
    (metric,) = found.values()
    (point,) = metric.data.data_points
    return point


def of_deltas() -> InMemoryMetricReader:
    return InMemoryMetricReader(preferred_temporality={Histogram: AggregationTemporality.DELTA})


def infer(models: Models, values: Any) -> None:
    models.infer({"x": np.asarray(values, dtype=np.float64)})


def test_a_point_in_full(models: Models) -> None:
    models.infer(
        {"x": np.array([-8.0, -2.0, -2.0, 0.0, 0.0, 1.0, 2.0, 4.0, math.nan, math.inf, 5.0, 8.0])}, version="3"
    )
    models.now += SECOND
    (metric,) = scopes(models.telemetry.collect()).values()

    assert (metric.name, metric.unit, metric.description) == (
        DISTRIBUTION,
        "1",
        "The distribution of the finite values of a field.",
    )
    assert metric.data.aggregation_temporality is AggregationTemporality.CUMULATIVE
    (point,) = metric.data.data_points
    assert dict(point.attributes) == {
        "inferspan.system.name": "_OTHER",
        "inferspan.model.name": "fraud",
        "inferspan.model.version": "3",
        "inferspan.io.direction": "input",
        "inferspan.field.name": "x",
    }
    assert (point.start_time_unix_nano, point.time_unix_nano) == (NOW, NOW + SECOND)
    assert (point.count, point.sum, point.min, point.max, point.zero_count) == (10, 8.0, -8.0, 8.0, 2)
    assert held(point) == {-8: 1, -2: 2, 1: 1, 2: 1, 4: 1, 5: 1, 8: 1}
    assert (type(point.positive.bucket_counts), type(point.negative.bucket_counts)) == (list, list)


def held(point: Any) -> dict[int, int]:
    """Returns how many values are in each bucket, by the whole number that is in it."""
    found: dict[int, int] = {}
    for sign, side in ((-1, point.negative), (1, point.positive)):
        for index, count in enumerate(side.bucket_counts, side.offset):
            if count:
                lower, upper = boundary(index, point.scale), boundary(index + 1, point.scale)
                (whole,) = [number for number in range(1, 100) if lower < number <= upper]
                found[sign * whole] = count
    return found


def test_it_is_otlp_with_everything_else_in_one_request(models: Models) -> None:
    infer(models, np.linspace(-1, 1, 100))
    data = models.telemetry.collect()
    request = encode_metrics(data)

    (resource,) = request.resource_metrics
    names = [scope.scope.name for scope in resource.scope_metrics]
    assert len(set(names)) == len(names)  # of two that are the same, one would be lost
    assert {"inferspan.windows", "inferspan.distributions"} <= set(names)
    (point,) = [
        one for one in otlp.points(MessageToDict(request, use_integers_for_enums=True)) if one.name == DISTRIBUTION
    ]
    assert (point.count, point.zero_count, point.scale) == (100, 0, 4)
    assert point.positive is not None
    assert point.negative is not None
    assert sum(point.positive.counts) == sum(point.negative.counts) == 50


def test_the_start_stays_and_the_histogram_grows(models: Models) -> None:
    infer(models, np.ones(20))
    models.now += SECOND
    first = point_of(models.telemetry.reader)
    profiles.close_all()
    models.now += SECOND
    infer(models, 1000 * np.ones(30))
    second = point_of(models.telemetry.reader)
    models.now += SECOND
    third = point_of(models.telemetry.reader)

    assert [(one.start_time_unix_nano - NOW, one.time_unix_nano - NOW) for one in (first, second, third)] == [
        (0, SECOND),
        (0, 2 * SECOND),
        (0, 3 * SECOND),
    ]
    assert [(one.count, one.sum) for one in (first, second, third)] == [(20, 20.0), (50, 30_020.0), (50, 30_020.0)]


def test_deltas_add_up_to_the_whole(models: Models) -> None:
    """Each reader has what it prefers, and the scale falls between exports."""
    deltas = of_deltas()
    models.telemetry.meter_provider.add_metric_reader(deltas)
    generator = np.random.default_rng(3)
    total = ExponentialHistogram()
    count, parts = 0, []
    for deviation in (1e-3, 1.0, 1e6):
        infer(models, generator.normal(100, deviation, size=500))
        models.now += SECOND
        point = point_of(deltas)
        parts.append((point.start_time_unix_nano - NOW, point.time_unix_nano - NOW, point.count))
        total = total.merge(histogram_of(point))
        count += point.count
        if deviation == 1.0:
            profiles.close_all()
        assert point_of(deltas) is None  # nothing is new

    whole = point_of(models.telemetry.reader)
    assert total == histogram_of(whole)
    assert parts == [(0, SECOND, 500), (SECOND, 2 * SECOND, 500), (2 * SECOND, 3 * SECOND, 500)]
    assert (whole.count, whole.start_time_unix_nano) == (1500, NOW)


def histogram_of(point: Any) -> ExponentialHistogram:
    return ExponentialHistogram(
        point.scale,
        point.zero_count,
        Buckets(point.positive.offset, point.positive.bucket_counts),
        Buckets(point.negative.offset, point.negative.bucket_counts),
    )


def test_what_is_new_is_held_back_while_it_is_a_few_values(models: Models) -> None:
    """The difference of two exports says what came in between: as many values as a statistic may summarise."""
    infer(models, [1.0] * 9)
    assert point_of(models.telemetry.reader) is None
    infer(models, [1.0])
    assert point_of(models.telemetry.reader).count == 10
    infer(models, [77.0] * 9)
    assert (point_of(models.telemetry.reader).count, point_of(models.telemetry.reader).max) == (10, 1.0)
    infer(models, [77.0])
    assert (point_of(models.telemetry.reader).count, point_of(models.telemetry.reader).max) == (20, 77.0)


def test_the_mean_of_a_sample_is_that_of_all(models: Models) -> None:
    """Large arrays are counted from a sample: what backends divide must come out right in every interval."""
    generator = np.random.default_rng(5)
    few, many = generator.normal(1, 1, 100), generator.normal(50, 10, 300_000)
    infer(models, few)
    first = point_of(models.telemetry.reader)
    infer(models, many)
    second = point_of(models.telemetry.reader)

    assert first.sum / first.count == pytest.approx(few.mean(), rel=1e-12)
    assert 1000 < second.count < 10_000
    assert (second.sum - first.sum) / (second.count - first.count) == pytest.approx(many.mean(), rel=1e-12)


def test_the_first_field_of_each_direction_and_those_that_are_named(models: Models) -> None:
    pipeline.configure(raise_faults=True, defer=False, distribution_fields=("x.[23]", "*_OTHER*"))
    models.infer({"x": np.ones((20, 6))}, {"score": np.ones(20), "label": np.ones(20)})
    assert list(models.values(DISTRIBUTION)) == [
        ("input", "x.0"),
        ("input", "x.2"),
        ("input", "x.3"),
        ("output", "score"),
    ]


def test_none_at_all(models: Models) -> None:
    pipeline.configure(raise_faults=True, defer=False, field_distributions=0)
    infer(models, np.ones(20))
    assert not scopes(models.telemetry.collect())


def test_a_reader_that_is_added_later_has_all_since_the_start(models: Models) -> None:
    infer(models, np.ones(20))
    assert point_of(models.telemetry.reader).count == 20
    later = InMemoryMetricReader()
    models.telemetry.meter_provider.add_metric_reader(later)
    assert (point_of(later).count, point_of(later).start_time_unix_nano) == (20, NOW)


class Kept(MetricExporter):
    """Keeps how many values the distribution has that is exported."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def export(self, metrics_data: MetricsData, *_: Any, **__: Any) -> MetricExportResult:
        self.counts += [point.count for metric in scopes(metrics_data).values() for point in metric.data.data_points]
        return MetricExportResult.SUCCESS

    def force_flush(self, *_: Any, **__: Any) -> bool:
        return True

    def shutdown(self, *_: Any, **__: Any) -> None: ...


def test_a_provider_that_is_set_later_has_them() -> None:
    finished = run(
        Path(__file__).parent / "programs" / "later.py",
        env=environment("http://127.0.0.1:1", OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET="inf"),
        launcher=False,
    )
    assert finished.stderr == ""
    assert finished.stdout.splitlines() == [
        "inferspan.field.values 20",
        "inferspan.field.missing 0",
        "inferspan.field.distribution 20",
    ]


def test_a_flush_and_the_shutdown_have_the_last_values(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = Kept()
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    recorder = pipeline.recorder(
        api.SCOPE, system="_OTHER", **{**models.telemetry.providers, "meter_provider": provider}
    )
    monkeypatch.setattr(api, "_recorder", recorder)
    infer(models, np.ones(20))
    provider.force_flush()
    infer(models, np.ones(11))
    provider.shutdown()
    assert exporter.counts == [20, 31]


def test_a_provider_that_is_not_the_sdks_is_named_in_one_warning(
    models: Models, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributions, "_warned", set())

    class Provider:
        """Has instruments that call back, and nothing else that the SDK has."""

    for _ in range(2):
        models.windows._distributions.reach(Provider())
    (record,) = [one for one in caplog.records if one.name == "inferspan"]
    assert "Provider is not made as the SDK's" in record.getMessage()


def test_a_fault_of_ours_leaves_what_was_collected(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    infer(models, np.ones(20))
    pipeline.configure(raise_faults=False)
    monkeypatch.setattr(models.windows._windows, "distributions", lambda: 1 / 0)
    data = models.telemetry.collect()
    assert not scopes(data)
    assert models.telemetry.points("inferspan.field.values")
    assert faults.counts.pop("distributions") == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_starts_anew(models: Models) -> None:
    infer(models, np.ones(20))
    assert point_of(models.telemetry.reader).count == 20
    read, write = os.pipe()
    child = os.fork()
    if not child:
        models.now += SECOND
        empty = point_of(models.telemetry.reader)
        infer(models, 3 * np.ones(30))
        point = point_of(models.telemetry.reader)
        values = models.values("inferspan.field.values")
        os.write(write, repr((empty, point.count, point.sum, point.start_time_unix_nano - NOW, values)).encode())
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    told = os.read(read, 10_000).decode()
    os.close(read)
    os.close(write)
    assert told == repr((None, 30, 90.0, SECOND, {("input", "x"): 30}))
    assert point_of(models.telemetry.reader).count == 20
