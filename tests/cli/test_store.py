# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import pytest
from support import exports
from support.exports import DELTA, SECOND, START, common

from inferspan.cli import _store
from inferspan.cli._reading import FieldProfile
from inferspan.cli._store import Store
from inferspan.cli._summary import Failure, ModelKey, ModelSummary, Snapshot
from inferspan.semconv import attributes as names
from inferspan.semconv import events, metrics
from inferspan.semconv.attributes import SelfDropReason


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.seconds = START / SECOND

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Store:
    return Store(clock=clock)


def only(snapshot: Snapshot) -> ModelSummary:
    assert len(snapshot.models) == 1
    return snapshot.models[0]


DIGITS = ModelKey(service="app", operation="infer", name="digits", version="", system="onnxruntime", client=False)


def test_spans_make_a_row(store: Store) -> None:
    store.add(exports.traces(*[0.001] * 98, 0.5, 1.0, attributes=common(**{names.INFERSPAN_EXECUTION_DEVICE: "cpu"})))
    row = only(store.snapshot(final=True))
    assert row.latency is not None
    assert row.latency.p50 == pytest.approx(0.001, rel=0.01)
    assert row.latency.p99 == pytest.approx(0.5, rel=0.01)
    assert row.latency.maximum == 1.0
    assert row.rate == pytest.approx(100 / 1.598)
    assert replace(row, latency=None, rate=None) == ModelSummary(
        key=DIGITS,
        device="cpu",
        count=100,
        errors=0,
        rate=None,
        latency=None,
        source="spans",
        sampled=100,
        input=None,
        output=None,
        anomalies=(),
        anomalous=0,
    )


def test_what_makes_a_row_of_its_own(store: Store) -> None:
    store.add(exports.traces(0.1))
    store.add(exports.traces(0.1, service="other"))
    store.add(exports.traces(0.1, client=True))
    for name in (names.INFERSPAN_MODEL_VERSION, names.INFERSPAN_OPERATION_NAME, names.INFERSPAN_SYSTEM_NAME):
        store.add(exports.traces(0.1, attributes=common(**{name: "other"})))
    store.add(exports.traces(0.1))
    snapshot = store.snapshot(final=True)
    assert [row.count for row in snapshot.models] == [2, 1, 1, 1, 1, 1]
    assert [row.key for row in snapshot.models] == [
        DIGITS,
        replace(DIGITS, service="other"),
        replace(DIGITS, client=True),
        replace(DIGITS, version="other"),
        replace(DIGITS, operation="other"),
        replace(DIGITS, system="other"),
    ]
    assert snapshot.inferences == 7


def test_sampled_spans_leave_counting_to_the_histogram(store: Store) -> None:
    store.add(exports.traces(0.005, 0.005))
    store.add(exports.durations(0, 100, 0, 0, minimum=0.002, maximum=0.008))
    row = only(store.snapshot(final=True))
    assert (row.source, row.sampled, row.count) == ("histogram", 2, 100)
    assert row.latency is not None
    assert row.latency.p50 == pytest.approx(0.005)
    assert row.latency.maximum == 0.008
    assert row.rate == pytest.approx(100.0)


def test_histogram_that_is_just_ahead_of_the_spans_is_not_sampling(store: Store, clock: Clock) -> None:
    store.add(exports.traces(*[0.001] * 60))
    store.add(exports.durations(100, 0, 0, 0, end=START + SECOND))
    clock.seconds += 1.2
    assert only(store.snapshot()).source == "spans"
    clock.seconds += 2.0
    assert only(store.snapshot()).source == "histogram"
    store.add(exports.traces(*[0.001] * 40))
    assert only(store.snapshot()).source == "spans"


def test_errors_of_both_sources(store: Store) -> None:
    failed = common(**{names.ERROR_TYPE: "ValueError"})
    store.add(exports.traces(0.001))
    store.add(exports.traces(0.001, attributes=failed))
    assert (only(store.snapshot(final=True)).count, only(store.snapshot(final=True)).errors) == (2, 1)
    store.add(exports.durations(7, 0, 0, 0))
    store.add(exports.durations(3, 0, 0, 0, attributes=failed))
    row = only(store.snapshot(final=True))
    assert (row.source, row.count, row.errors) == ("histogram", 10, 3)
    assert store.snapshot(final=True).errors == 3


def test_cumulative_points_replace_and_delta_points_add(store: Store) -> None:
    for count in (5, 9, 9):
        store.add(exports.durations(count, 0, 0, 0))
    assert only(store.snapshot(final=True)).count == 9
    for count in (5, 2):
        store.add(exports.durations(count, 0, 0, 0, temporality=DELTA))
    assert only(store.snapshot(final=True)).count == 16


def test_processes_and_restarts_add_up(store: Store) -> None:
    store.add(exports.durations(5, 0, 0, 0, process="1"))
    store.add(exports.durations(7, 0, 0, 0, process="2"))
    # The same identity, started anew: a worker that was forked, or started again.
    store.add(exports.durations(2, 0, 0, 0, process="2", start=START + 5))
    assert only(store.snapshot(final=True)).count == 14
    # An older point that arrives late changes nothing.
    store.add(exports.durations(6, 0, 0, 0, process="2"))
    assert only(store.snapshot(final=True)).count == 14


def test_client_histogram(store: Store) -> None:
    store.add(exports.durations(5, 0, 0, 0, client=True))
    assert only(store.snapshot(final=True)).key == replace(DIGITS, client=True)


def test_exponential_histogram(store: Store) -> None:
    store.add(exports.exponential_durations(scale=0, offset=-8, counts=[10]))
    row = only(store.snapshot(final=True))
    assert row.latency is not None
    assert row.latency.p50 == pytest.approx(1.5 / 256)


def test_live_rate_is_that_of_the_last_seconds(store: Store, clock: Clock) -> None:
    assert store.snapshot().models == ()
    # 100 a second for 10 seconds, then 10 a second for 5.
    store.add(exports.traces(*[0.01] * 1000))
    clock.seconds += 10.0
    assert only(store.snapshot()).rate == pytest.approx(100, rel=0.03)
    store.add(exports.traces(*[0.1] * 50, start=START + 10 * SECOND))
    clock.seconds += 5.0
    assert only(store.snapshot()).rate == pytest.approx(10, rel=0.1)
    clock.seconds += 60.0
    assert only(store.snapshot()).rate == 0.0


def test_live_rate_from_the_histogram(store: Store, clock: Clock) -> None:
    for second in range(1, 11):
        store.add(exports.durations(50 * second, 0, 0, 0, end=START + second * SECOND))
    clock.seconds += 10.0
    assert only(store.snapshot()).rate == pytest.approx(50)


def test_rate_of_too_little_is_not_told(store: Store, clock: Clock) -> None:
    store.add(exports.traces(0.001))
    assert only(store.snapshot(final=True)).rate is None
    clock.seconds += 0.01
    assert only(store.snapshot()).rate is None


PROFILE = {
    names.INPUT.field_count: 3,
    names.INPUT.names: ["a", "b"],
    names.INPUT.types: ["float32", "string"],
    names.INPUT.shapes: ["1x4", ""],
    names.INPUT.counts: [4, None],
    names.INPUT.missing_counts: [1, None],
    names.INPUT.infinite_counts: [0, None],
    names.INPUT.means: [0.5, None],
    names.INPUT.minimums: [0.0],
    names.INPUT.notes: ["b: string values"],
}


def test_profile_of_the_last_inference(store: Store) -> None:
    store.add(exports.traces(0.1, attributes=common(**PROFILE)))
    store.add(exports.traces(0.1, attributes=common(**{names.OUTPUT.names: ["c"]})))
    row = only(store.snapshot())
    assert row.input is not None
    assert row.input.fields == (
        FieldProfile("a", "float32", "1x4", count=4, missing=1, infinite=0, mean=0.5, minimum=0.0),
        FieldProfile("b", "string", ""),
    )
    assert (row.input.field_count, row.input.notes) == (3, ("b: string values",))
    assert row.output is not None
    assert row.output.fields == (FieldProfile("c", "?", "?"),)


def test_failures_are_told_once(store: Store) -> None:
    failed = common(**{names.ERROR_TYPE: "ValueError"})
    store.add(exports.traces(0.5, attributes=failed, message="bad value"))
    told = {
        names.EXCEPTION_TYPE: "ValueError",
        names.EXCEPTION_MESSAGE: "the same",
        names.INFERSPAN_MODEL_NAME: "digits",
    }
    store.add(exports.event(events.INFERSPAN_INFERENCE_EXCEPTION, told))
    store.add(exports.event(events.INFERSPAN_INFERENCE_EXCEPTION, told, trace_id=2))
    first = Failure(
        at=START / SECOND + 0.5,
        model="digits",
        error_type="ValueError",
        message="bad value",
        trace_id=f"{1:032x}",
    )
    second = Failure(
        at=START / SECOND, model="digits", error_type="ValueError", message="the same", trace_id=f"{2:032x}"
    )
    assert store.snapshot().failures == (first, second)


def test_status_that_only_repeats_the_type_is_no_message(store: Store) -> None:
    store.add(exports.traces(0.1, attributes=common(**{names.ERROR_TYPE: "KeyError"}), message="KeyError"))
    assert store.snapshot().failures[0].message == ""


def test_anomaly_event_of_an_unsampled_failure(store: Store) -> None:
    store.add(exports.durations(1, 0, 0, 0))
    found = {names.INFERSPAN_ANOMALIES: ["a: 25 % missing"], names.ERROR_TYPE: "ValueError"}
    store.add(exports.event(events.INFERSPAN_INFERENCE_ANOMALY, common(**found, **PROFILE)))
    row = only(store.snapshot(final=True))
    assert (row.source, row.sampled, row.count) == ("histogram", 0, 1)
    assert (row.anomalies, row.anomalous) == (("a: 25 % missing",), 1)
    assert row.input is not None
    assert store.snapshot().failures[0].error_type == "ValueError"


def test_what_inferspan_says_of_itself(store: Store) -> None:
    dropped = {names.INFERSPAN_SELF_DROP_REASON: SelfDropReason.QUEUE_FULL}
    for process, value in (("1", 3), ("1", 5), ("2", 1)):
        store.add(exports.self_count(metrics.INFERSPAN_SELF_DROPPED, dropped, value, process=process))
    fault = {names.INFERSPAN_SELF_COMPONENT: "worker"}
    store.add(exports.self_count(metrics.INFERSPAN_SELF_FAULTS, fault, 0, process="1"))
    snapshot = store.snapshot()
    assert snapshot.dropped == ((SelfDropReason.QUEUE_FULL, 6),)
    assert snapshot.faults == ()


def test_telemetry_of_others_is_only_named(store: Store) -> None:
    store.add(
        exports.traces(0.1, attributes={"http.request.method": "GET"}, scope="opentelemetry.instrumentation.asgi")
    )
    snapshot = store.snapshot(final=True)
    assert snapshot.models == ()
    assert snapshot.other_scopes == ("opentelemetry.instrumentation.asgi",)


def test_models_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_store, "_MAX_MODELS", 3)
    for number in range(5):
        store.add(exports.traces(0.1, 0.1, attributes=common(f"model {number}")))
        store.add(exports.durations(2, 0, 0, 0, attributes=common(f"model {number}")))
    snapshot = store.snapshot(final=True)
    assert [row.count for row in snapshot.models] == [2, 2, 2]
    assert (snapshot.beyond_limit, snapshot.inferences) == (4, 10)


def test_streams_are_bounded_and_their_counts_stay(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_store, "_MAX_STREAMS", 4)
    for worker in range(100):
        store.add(exports.durations(2, 0, 0, 0, process=str(worker)))
    assert only(store.snapshot(final=True)).count == 200
    assert store._streams == 4  # pyright: ignore[reportPrivateUsage]


def test_failures_are_bounded(store: Store) -> None:
    for number in range(100):
        told = common(**{names.ERROR_TYPE: str(number)})
        store.add(exports.event(events.INFERSPAN_INFERENCE_ANOMALY, told, trace_id=number + 1))
    failures = store.snapshot().failures
    assert len(failures) == 20
    assert failures[-1].error_type == "99"
