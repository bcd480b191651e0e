# SPDX-License-Identifier: Apache-2.0
"""Metrics count every inference, with the attributes that the registry says and no others."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricReader
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, TraceIdRatioBased
from registry import load
from support.telemetry import Telemetry

import inferspan
from inferspan import api, clock, faults, identity, pipeline
from inferspan.recorder import Recorder
from inferspan.recording import drops, limits, live, skips
from inferspan.semconv import attributes as names

from .conftest import use

X = np.linspace(0, 1, 16, dtype=np.float32)
DURATION = "inferspan.inference.duration"
CLIENT = "inferspan.client.inference.duration"
ACTIVE = "inferspan.inference.active"
OLDEST = "inferspan.inference.oldest.age"
INFO = "inferspan.model.info"
DROPPED = "inferspan.self.dropped"
FAULTS = "inferspan.self.faults"


@pytest.fixture(autouse=True)
def no_models_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of other tests do not count towards the limit."""
    monkeypatch.setattr(limits, "_models", {})
    drops.counts.clear()
    for reasons in skips.counts.values():
        reasons.clear()


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Makes an inference that takes exactly as many seconds."""
    now = [1_000_000_000]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])

    def infer(seconds: float) -> None:
        with inferspan.inference("model"):
            now[0] += round(seconds * 1e9)

    return infer


def collected(reader: InMemoryMetricReader) -> dict[str, Any]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: metric
        for resource in data.resource_metrics
        for one in resource.scope_metrics
        for metric in one.metrics
    }


def cold_and_warm(points: list[Any]) -> tuple[Any, Any]:
    """Tells apart the two points of a model that was called more than once."""
    cold = [point for point in points if point.attributes.get(names.INFERSPAN_COLD)]
    warm = [point for point in points if names.INFERSPAN_COLD not in point.attributes]
    assert (len(cold), len(warm)) == (1, 1)
    return cold[0], warm[0]


# -- durations -------------------------------------------------------------------------------------------------------


def test_durations_fall_into_the_registrys_buckets(manual: Telemetry, fixed: Callable[[float], None]) -> None:
    (metric,) = [metric for metric in load().metrics if metric.name == DURATION]
    bounds = metric.boundaries
    fixed(0.0)
    for bound in bounds:
        fixed(bound)
        fixed(bound * 1.01)
    cold, point = cold_and_warm(manual.points(DURATION))
    assert (cold.count, cold.sum) == (1, 0)
    assert tuple(point.explicit_bounds) == tuple(bounds)
    # A value equal to a boundary falls below it.
    assert tuple(point.bucket_counts) == (1, *[2] * (len(bounds) - 1), 1)
    assert point.count == 2 * len(bounds)
    assert point.sum == pytest.approx(2.01 * sum(bounds))
    assert (point.min, point.max) == (pytest.approx(bounds[0]), pytest.approx(bounds[-1] * 1.01))


def test_the_time_that_profiling_takes_is_not_in_the_duration(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000_000]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    monkeypatch.setattr(clock, "wall", lambda: now[0])

    def slowly(values: Any, **_: Any) -> list[Any]:
        now[0] += 7_000_000_000
        return []

    monkeypatch.setattr("inferspan.lifecycle.capture", slowly)

    @inferspan.inference("model")
    def body(x: Any) -> Any:
        now[0] += 2_000_000_000
        return x

    body(X)
    with inferspan.inference("model") as call:
        call.inputs(X)
        now[0] += 2_000_000_000
        call.outputs(X)
    assert [point.sum for point in cold_and_warm(manual.points(DURATION))] == [2, 2]
    first, _ = manual.spans()
    # The span begins after its inputs were profiled, and ends before its outputs are.
    assert first.end_time - first.start_time == 2_000_000_000
    assert first.start_time == 8_000_000_000


# -- attributes ------------------------------------------------------------------------------------------------------


class ModelError(Exception):
    """The application's own."""


def allowed(metric: str) -> dict[str, str]:
    """Returns the attributes of a metric in the registry, each with its requirement."""
    (found,) = [one for one in load().metrics if one.name == metric]
    return {use.key: use.requirement for use in found.attributes}


@pytest.mark.parametrize("version", [None, "3"])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize(("metric", "server"), [(DURATION, None), (CLIENT, "127.0.0.1")])
def test_attributes_are_those_of_the_registry(
    manual: Telemetry, metric: str, server: str | None, fails: bool, version: str | None
) -> None:
    inference = inferspan.inference("model", version=version, server=server, port=8001 if server else None)
    for _ in range(3):
        try:
            with inference as call:
                call.inputs(X)
                if fails:
                    raise ModelError
        except ModelError:
            pass
    expected: dict[str, Any] = {
        "inferspan.operation.name": "infer",
        "inferspan.system.name": "_OTHER",
        "inferspan.model.name": "model",
    }
    if version:
        expected["inferspan.model.version"] = version
    if fails:
        expected["error.type"] = f"{__name__}.ModelError"
    if server:
        expected |= {"server.address": "127.0.0.1", "server.port": 8001}
    cold, warm = cold_and_warm(manual.points(metric))
    assert dict(warm.attributes) == expected
    assert dict(cold.attributes) == {**expected, "inferspan.cold": True}
    assert (cold.count, warm.count) == (1, 2)
    registry = allowed(metric)
    assert set(cold.attributes) <= set(registry)
    assert {key for key, level in registry.items() if level == "required"} <= set(expected)
    assert manual.points(CLIENT if metric == DURATION else DURATION) == []


def test_error_types_are_bounded(manual: Telemetry) -> None:
    for number in range(40):
        with pytest.raises(BaseException), inferspan.inference("model"):
            raise type(f"Error{number}", (ModelError,), {})
    points = manual.points(DURATION)
    assert len(points) <= 33
    by_type = {point.attributes[names.ERROR_TYPE]: point.count for point in points}
    assert sum(by_type.values()) == 40
    assert by_type["_OTHER"] == 40 - len(points) + 1


# -- in progress -----------------------------------------------------------------------------------------------------


def test_in_progress_are_those_that_are(manual: Telemetry) -> None:
    inside = threading.Barrier(3)
    leave = threading.Event()

    def work() -> None:
        with inferspan.inference("busy", version="1"):
            inside.wait(30)
            assert leave.wait(30)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for one in threads:
        one.start()
    inside.wait(30)
    with inferspan.inference("idle"):
        pass
    before = {point.attributes[names.INFERSPAN_MODEL_NAME]: point for point in manual.points(ACTIVE)}
    leave.set()
    for one in threads:
        one.join()
    assert {name: point.value for name, point in before.items()} == {"busy": 2, "idle": 0}
    assert dict(before["busy"].attributes) == {
        "inferspan.system.name": "_OTHER",
        "inferspan.model.name": "busy",
        "inferspan.model.version": "1",
    }
    assert set(before["busy"].attributes) <= set(allowed(ACTIVE))
    assert [point.value for point in manual.points(ACTIVE)] == [0, 0]


def test_a_model_that_appears_during_a_collection_does_not_break_it(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []

    class Calls(dict[int, Any]):
        """Another thread, that begins its call while the calls are counted."""

        def values(self) -> Any:
            if not started:
                started.append(None)
                started.append(manual_recorder().start(identity.named("new"), attach=False))
            return super().values()

    monkeypatch.setattr(live, "calls", Calls())
    with inferspan.inference("old"):
        active = {point.attributes[names.INFERSPAN_MODEL_NAME]: point.value for point in manual.points(ACTIVE)}
    started[1].succeed()
    assert active == {"old": 1, "new": 1}


def manual_recorder() -> Recorder:
    assert api._recorder is not None
    return api._recorder


# -- exemplars -------------------------------------------------------------------------------------------------------


def test_exemplars_point_to_the_inference_itself(manual: Telemetry) -> None:
    with manual.tracer_provider.get_tracer("app").start_as_current_span("request"), inferspan.inference("model"):
        pass
    (inference,) = [span for span in manual.spans() if span.name == "infer model"]
    (point,) = manual.points(DURATION)
    (exemplar,) = point.exemplars
    assert (exemplar.trace_id, exemplar.span_id) == (inference.context.trace_id, inference.context.span_id)
    assert exemplar.value == pytest.approx(point.sum)


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, TraceIdRatioBased(0.5)])
def test_what_is_not_sampled_is_counted_all_the_same(monkeypatch: pytest.MonkeyPatch, sampler: Any) -> None:
    with Telemetry(sampler=sampler) as telemetry:
        use(telemetry, monkeypatch)
        for _ in range(50):
            with inferspan.inference("model") as call:
                call.inputs(X)
        points = cold_and_warm(telemetry.points(DURATION))
        assert [point.count for point in points] == [1, 49]
        if sampler is ALWAYS_OFF:
            assert not any(point.exemplars for point in points)


# -- limits ----------------------------------------------------------------------------------------------------------


def test_models_beyond_the_limit_are_others_and_counted(manual: Telemetry) -> None:
    pipeline.configure(raise_faults=True, max_models=3)
    for number in range(5):
        for _ in range(10):
            with inferspan.inference(f"model {number}", version="1"):
                pass
    by_model: dict[str, list[Any]] = {}
    for point in manual.points(DURATION):
        by_model.setdefault(point.attributes[names.INFERSPAN_MODEL_NAME], []).append(point)
    # Each of the models has its own first call, also those that have no series of their own.
    assert {name: [point.count for point in cold_and_warm(points)] for name, points in by_model.items()} == {
        "model 0": [1, 9],
        "model 1": [1, 9],
        "model 2": [1, 9],
        "_OTHER": [2, 18],
    }
    assert not any(names.INFERSPAN_MODEL_VERSION in point.attributes for point in by_model["_OTHER"])
    assert {span.name for span in manual.spans()} == {f"infer model {number}" for number in range(5)}
    assert {point.attributes[names.INFERSPAN_MODEL_NAME] for point in manual.points(ACTIVE)} == set(by_model)
    (dropped,) = manual.points(DROPPED)
    assert dict(dropped.attributes) == {"inferspan.self.drop.reason": "model_limit"}
    assert dropped.value == 20


# -- of inferspan itself ---------------------------------------------------------------------------------------------


def test_faults_are_counted_by_component(manual: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(faults, "strict", False)
    monkeypatch.setattr("inferspan.lifecycle.capture", broken)
    for _ in range(3):
        with inferspan.inference("model") as call:
            call.inputs(X)
    (point,) = manual.points(FAULTS)
    assert dict(point.attributes) == {"inferspan.self.component": "profile"}
    assert point.value == 3
    assert set(point.attributes) == set(allowed(FAULTS))
    assert len(manual.spans()) == 3
    faults.counts.clear()


def test_instruments_are_as_the_registry_says(manual: Telemetry) -> None:
    pipeline.configure(raise_faults=True, max_models=1)
    for name in ("a", "b"):
        with inferspan.inference(name):
            pass
    with inferspan.inference("a", server="127.0.0.1"):
        pass
    found = collected(manual.reader)
    registry = {metric.name: metric for metric in load().metrics}
    # What profiles have taken is of the process, whatever other tests were run in it.
    assert {name for name in found if ".self.profile." not in name} == {DURATION, CLIENT, ACTIVE, OLDEST, INFO, DROPPED}
    for name, metric in found.items():
        assert metric.unit == registry[name].unit
        assert metric.description == registry[name].brief


# -- readers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[InMemoryMetricReader]]:
    two = [InMemoryMetricReader(), InMemoryMetricReader()]
    with Telemetry() as telemetry:
        given: list[MetricReader] = list(two)
        telemetry.meter_provider = MeterProvider(given, shutdown_on_exit=False)
        use(telemetry, monkeypatch)
        yield two


def test_two_readers_have_everything_each(readers: list[InMemoryMetricReader]) -> None:
    for number in range(1, 6):
        with inferspan.inference("model"):
            (active,) = collected(readers[number % 2])[ACTIVE].data.data_points
            assert active.value == 1
        for reader in readers:
            found = collected(reader)
            counts = {
                point.attributes.get(names.INFERSPAN_COLD): point.count for point in found[DURATION].data.data_points
            }
            assert counts == ({True: 1, None: number - 1} if number > 1 else {True: 1})
            assert [point.value for point in found[ACTIVE].data.data_points] == [0]


def test_a_second_scope_on_the_same_provider_reports_once(manual: Telemetry) -> None:
    second = pipeline.recorder("second", system="pytorch", **manual.providers)
    call = second.start(identity.named("b"))
    with inferspan.inference("a"):
        active = {
            (point.attributes["inferspan.system.name"], point.attributes["inferspan.model.name"]): point.value
            for point in manual.points(ACTIVE)
        }
    call.succeed()
    assert active == {("pytorch", "b"): 1, ("_OTHER", "a"): 1}
    assert pipeline.recorder("second", system="pytorch", **manual.providers)._scope is second._scope


def test_scopes_on_other_providers_are_others() -> None:
    kept: list[Recorder] = []
    for _ in range(20):  # providers come and go; a new one may be at the address of an old one
        with Telemetry() as telemetry:
            kept.append(pipeline.recorder("scope", system="_OTHER", tracer_provider=telemetry.tracer_provider))
            call = kept[-1].start(identity.named("a"))
            assert call is not None
            call.succeed()
            assert len(telemetry.spans()) == 1
        del telemetry, call
        gc.collect()
