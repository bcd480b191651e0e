# SPDX-License-Identifier: Apache-2.0
"""A stage is a histogram always and a child span in a trace; it ends once, whatever ends it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opentelemetry import context, propagate, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode
from registry import load
from support.exported import run
from support.held import worker_held
from support.telemetry import Telemetry

import inferspan
from inferspan import api, clock, pipeline, stages
from inferspan.recording import drops, live
from inferspan.semconv import attributes as names

from .conftest import use

X = np.linspace(0, 1, 16, dtype=np.float32)
DURATION = "inferspan.stage.duration"


@pytest.fixture(autouse=True)
def no_stages_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of other tests do not count towards the limit."""
    monkeypatch.setattr(stages, "_names", set())
    monkeypatch.setattr(stages, "_error_types", set())
    drops.counts.clear()


def infer() -> None:
    with inferspan.inference("model") as call:
        call.inputs(X)


def request(telemetry: Telemetry) -> AbstractContextManager[Any]:
    return telemetry.tracer_provider.get_tracer("app").start_as_current_span("request")


def tree(spans: list[ReadableSpan]) -> list[tuple[str, str]]:
    """Returns each span's name with its parent's, which is empty for a root, in alphabetical order."""
    by_id = {span.context.span_id: span.name for span in spans}
    return sorted((span.name, by_id[span.parent.span_id] if span.parent else "") for span in spans)


def by_name(spans: list[ReadableSpan]) -> dict[str, ReadableSpan]:
    found = {span.name: span for span in spans}
    assert len(found) == len(spans)
    return found


def counts(telemetry: Telemetry) -> dict[tuple[str, str | None], int]:
    """Returns how many stages there were by name and type of error."""
    return {
        (point.attributes[names.INFERSPAN_STAGE_NAME], point.attributes.get(names.ERROR_TYPE)): point.count
        for point in telemetry.points(DURATION)
    }


# -- the span and the histogram --------------------------------------------------------------------------------------


def test_a_stage_in_a_request_is_a_child_span(manual: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000_000]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    monkeypatch.setattr(clock, "wall", lambda: 5_000_000_000)
    with request(manual), inferspan.stage("preprocess", model="digits"):
        now[0] += 250_000_000
    spans = by_name(manual.spans())
    assert set(spans) == {"preprocess", "request"}
    stage = spans["preprocess"]
    assert stage.kind is SpanKind.INTERNAL
    assert stage.parent == spans["request"].context
    assert dict(stage.attributes) == {"inferspan.stage.name": "preprocess", "inferspan.model.name": "digits"}
    assert stage.status.status_code is StatusCode.UNSET
    assert (stage.start_time, stage.end_time) == (5_000_000_000, 5_250_000_000)
    (point,) = manual.points(DURATION)
    assert dict(point.attributes) == dict(stage.attributes)
    assert (point.count, point.sum) == (1, 0.25)
    (exemplar,) = point.exemplars
    assert (exemplar.trace_id, exemplar.span_id) == (stage.context.trace_id, stage.context.span_id)
    (metric,) = [metric for metric in load().metrics if metric.name == DURATION]
    assert tuple(point.explicit_bounds) == tuple(metric.boundaries)
    assert set(point.attributes) <= {attribute.key for attribute in metric.attributes}


def test_a_stage_by_itself_is_no_trace(manual: Telemetry) -> None:
    with inferspan.stage("preprocess"):
        assert trace.get_current_span() is trace.INVALID_SPAN
    assert manual.spans() == []
    (point,) = manual.points(DURATION)
    assert dict(point.attributes) == {"inferspan.stage.name": "preprocess"}
    assert point.count == 1


def test_stages_and_inferences_are_nested_as_they_are_written(manual: Telemetry) -> None:
    with request(manual), inferspan.stage("all"):
        with inferspan.stage("preprocess"):
            pass
        infer()
        with inferspan.inference("wrapper"), inferspan.stage("postprocess"):
            infer()
    assert tree(manual.spans()) == [
        ("all", "request"),
        ("infer model", "all"),
        ("infer model", "postprocess"),
        ("infer wrapper", "all"),
        ("postprocess", "infer wrapper"),
        ("preprocess", "all"),
        ("request", ""),
    ]


def test_an_inference_in_a_stage_by_itself_is_the_root(manual: Telemetry) -> None:
    with inferspan.stage("all"):
        infer()
    assert tree(manual.spans()) == [("infer model", "")]
    assert counts(manual) == {("all", None): 1}


def test_what_is_not_sampled_is_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with Telemetry(sampler=ALWAYS_OFF) as telemetry:
        use(telemetry, monkeypatch)
        with request(telemetry) as parent, inferspan.stage("preprocess"):
            assert trace.get_current_span().get_span_context().trace_id == parent.get_span_context().trace_id
        assert telemetry.spans() == []
        assert counts(telemetry) == {("preprocess", None): 1}


def test_a_request_of_another_process_is_a_parent_as_well(manual: Telemetry) -> None:
    token = context.attach(propagate.extract({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}))
    try:
        with inferspan.stage("preprocess"):
            pass
    finally:
        context.detach(token)
    (stage,) = manual.spans()
    assert (stage.context.trace_id, stage.parent.span_id) == (int("a" * 32, 16), int("b" * 16, 16))


def test_a_stage_is_no_inference_in_progress(manual: Telemetry) -> None:
    infer()
    with inferspan.stage("preprocess"):
        for metric in ("inferspan.inference.active", "inferspan.inference.oldest.age"):
            assert [(dict(point.attributes), point.value) for point in manual.points(metric)] == [
                ({"inferspan.system.name": "_OTHER", "inferspan.model.name": "model"}, 0)
            ]


def test_an_adapters_stage_is_one_as_well(manual: Telemetry) -> None:
    recorder = pipeline.recorder("adapter", system="pytorch", **manual.providers)
    with request(manual):
        stage = recorder.stage("transform", model="digits")
        assert stage is not None
        infer()
        stage.end()
        stage.end(ValueError())  # it has ended
    spans = manual.spans()
    assert tree(spans) == [("infer model", "transform"), ("request", ""), ("transform", "request")]
    assert by_name(spans)["transform"].instrumentation_scope.name == "adapter"
    assert counts(manual) == {("transform", None): 1}
    pipeline.configure(enabled=False)
    assert recorder.stage("transform") is None


# -- decorators ------------------------------------------------------------------------------------------------------


def test_functions_methods_and_coroutine_functions_are_decorated(manual: Telemetry) -> None:
    class Steps:
        @inferspan.stage("method")
        def method(self, x: int) -> Any:
            """Says what it does."""
            return self, x

    @inferspan.stage("coroutine")
    async def wait(x: int) -> int:
        await asyncio.sleep(0)
        return x

    steps = Steps()
    assert (Steps.method.__name__, Steps.method.__doc__) == ("method", "Says what it does.")
    assert [steps.method(1), steps.method(2)] == [(steps, 1), (steps, 2)]
    assert inspect.iscoroutinefunction(wait)
    coroutine = wait(3)
    assert counts(manual) == {("method", None): 2}  # nothing of the coroutine has been executed so far
    assert asyncio.run(coroutine) == 3
    assert counts(manual) == {("method", None): 2, ("coroutine", None): 1}


def generator() -> Generator[int]:
    yield 1


async def asynchronous_generator() -> AsyncGenerator[int]:
    yield 1


@pytest.mark.parametrize("function", [generator, asynchronous_generator])
def test_generators_are_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=f"{function.__name__} is a generator function: use a with block"):
        inferspan.stage("preprocess")(function)


# -- errors ----------------------------------------------------------------------------------------------------------


class StageError(Exception):
    """The application's own."""


def test_a_stage_that_fails_says_so_and_raises_what_it_raised(manual: Telemetry) -> None:
    error = StageError("jane@example.org")
    step = inferspan.stage("preprocess")
    with pytest.raises(StageError) as caught, request(manual), step:
        raise error
    assert caught.value is error
    stage = by_name(manual.spans())["preprocess"]
    assert stage.status.status_code is StatusCode.ERROR
    assert stage.attributes[names.ERROR_TYPE] == f"{__name__}.StageError"
    assert "jane" not in stage.to_json()
    with pytest.raises(StageError), step:
        raise error
    with step:
        pass
    assert counts(manual) == {("preprocess", f"{__name__}.StageError"): 2, ("preprocess", None): 1}


def test_a_cancelled_stage_is_an_error_and_a_closed_one_is_none(manual: Telemetry) -> None:
    async def slow() -> None:
        with inferspan.stage("slow"):
            await asyncio.sleep(60)

    def items() -> Generator[int]:
        with inferspan.stage("items"):
            yield 1
            yield 2

    async def main() -> None:
        task = asyncio.create_task(slow())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    unread = items()
    next(unread)
    unread.close()
    assert counts(manual) == {("slow", "asyncio.exceptions.CancelledError"): 1, ("items", None): 1}


def test_error_types_are_bounded(manual: Telemetry) -> None:
    for number in range(40):
        with pytest.raises(StageError), inferspan.stage("preprocess"):
            raise type(f"Error{number}", (StageError,), {})
    found = counts(manual)
    assert len(found) == 33
    assert sum(found.values()) == 40
    assert found["preprocess", "_OTHER"] == 8


# -- one object, many blocks -----------------------------------------------------------------------------------------


def test_blocks_that_overlap_in_threads_have_their_own_times_and_errors(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0] * 1_000_000_000)
    shared = inferspan.stage("shared")
    entered, leave = ([threading.Event() for _ in range(2)] for _ in range(2))

    def work(number: int) -> None:
        with shared:
            entered[number].set()
            assert leave[number].wait(30)
            if number == 0:
                raise StageError

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(work, 0)
        assert entered[0].wait(30)
        now[0] = 1
        second = pool.submit(work, 1)
        assert entered[1].wait(30)
        now[0] = 5
        leave[0].set()
        assert type(first.exception(30)) is StageError
        now[0] = 10
        leave[1].set()
        assert second.exception(30) is None
    sums = {point.attributes.get(names.ERROR_TYPE): point.sum for point in manual.points(DURATION)}
    assert sums == {f"{__name__}.StageError": 5, None: 9}


@pytest.mark.parametrize("traced", [True, False])
def test_blocks_that_overlap_in_tasks_have_their_own_times(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch, traced: bool
) -> None:
    now = [0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0] * 1_000_000_000)

    @inferspan.stage("shared")
    async def step(leave: asyncio.Event) -> None:
        await leave.wait()
        infer()

    async def main() -> None:
        events = [asyncio.Event() for _ in range(4)]
        tasks = []
        for now[0], event in enumerate(events):
            tasks.append(asyncio.create_task(step(event)))
            await asyncio.sleep(0)
        for index, now[0] in ((2, 10), (0, 20), (3, 40), (1, 80)):
            events[index].set()
            await tasks[index]

    if traced:
        with request(manual):
            asyncio.run(main())
    else:
        asyncio.run(main())
    (point,) = manual.points(DURATION)
    assert (point.min, point.max, point.count) == (10 - 2, 80 - 1, 4)
    # Those in between fall into these buckets.
    found = dict(zip([*point.explicit_bounds, float("inf")], point.bucket_counts, strict=True))
    assert {bound: count for bound, count in found.items() if count} == {10: 1, 30: 1, 60: 1, float("inf"): 1}
    expected = [("infer model", "shared"), ("shared", "request")] if traced else [("infer model", "")]
    assert tree(manual.spans()) == sorted([*expected * 4, *[("request", "")] * traced])


# -- limits ----------------------------------------------------------------------------------------------------------


def test_names_beyond_the_limit_are_others_on_metrics_and_counted(manual: Telemetry) -> None:
    with request(manual):
        for number in (*range(103), 0, 102):
            with inferspan.stage(f"stage {number}"):
                pass
    found = counts(manual)
    assert len(found) == 101
    assert found["_OTHER", None] == 4
    assert found["stage 0", None] == 2
    (dropped,) = manual.points("inferspan.self.dropped")
    assert dict(dropped.attributes) == {"inferspan.self.drop.reason": "stage_limit"}
    assert dropped.value == 4
    assert {span.name for span in manual.spans()} == {"request", *(f"stage {number}" for number in range(103))}


def test_names_are_text_of_bounded_length(manual: Telemetry) -> None:
    with request(manual):
        for name in ("x" * 100, "a\udcff"):
            with inferspan.stage(name, model=name):
                pass
    assert counts(manual) == {("x" * 64, None): 1, ("a?", None): 1}
    spans = by_name(manual.spans())
    assert {name: span.attributes.get(names.INFERSPAN_MODEL_NAME) for name, span in spans.items()} == {
        "x" * 64: "x" * 64,
        "a?": "a?",
        "request": None,
    }


# -- the worker, and without it --------------------------------------------------------------------------------------


def test_without_the_worker_it_has_ended_when_the_block_has(manual: Telemetry) -> None:
    pipeline.configure(defer=False)
    with worker_held(), request(manual):
        with inferspan.stage("preprocess"):
            pass
        assert [span.name for span in manual._spans.get_finished_spans()] == ["preprocess"]


def test_a_full_queue_costs_nothing_of_a_stage(manual: Telemetry) -> None:
    pipeline.configure(queue_size=2)
    assert manual.spans() == []  # and nothing of another test's is queued
    with request(manual):
        with worker_held():
            for number in range(5):
                with inferspan.stage(f"stage {number}"):
                    pass
            # What the queue has no room for ends where it is.
            assert [span.name for span in manual._spans.get_finished_spans()] == ["stage 2", "stage 3", "stage 4"]
        assert len(manual.spans()) == 5
    assert sum(counts(manual).values()) == 5
    assert drops.counts == {}


def test_suppressed_instrumentation_makes_none(manual: Telemetry) -> None:
    step = inferspan.stage("preprocess")
    with request(manual):
        with suppress_instrumentation(), step:
            pass
        with step:
            pass
    assert counts(manual) == {("preprocess", None): 1}
    assert tree(manual.spans()) == [("preprocess", "request"), ("request", "")]


def test_switched_off_there_is_none(manual: Telemetry) -> None:
    pipeline.configure(enabled=False)
    with request(manual), inferspan.stage("preprocess"):
        pass
    assert tree(manual.spans()) == [("request", "")]
    assert counts(manual) == {}


def test_where_code_is_compiled_there_is_nothing_to_trace(manual: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_is_compiling", lambda: True)
    with request(manual), inferspan.stage("preprocess"):
        pass
    assert counts(manual) == {}


# -- the end of the process ------------------------------------------------------------------------------------------


def test_a_stage_in_progress_as_the_process_exits_is_interrupted(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_exiting", False)
    with request(manual) as parent:
        with inferspan.stage("preprocess"):
            live.interrupt_all()
        assert trace.get_current_span() is parent
    stage = by_name(manual.spans())["preprocess"]
    assert stage.attributes[names.ERROR_TYPE] == "interrupted"
    assert stage.status.status_code is StatusCode.ERROR
    assert counts(manual) == {("preprocess", "interrupted"): 1}


def test_a_stage_that_is_starting_as_the_process_exits_is_waited_for(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_exiting", False)
    starting, release = threading.Event(), threading.Event()
    wall = clock.wall

    def slowly() -> int:
        starting.set()
        assert release.wait(30)
        return wall()

    monkeypatch.setattr(clock, "wall", slowly)
    left = threading.Event()

    def work() -> None:
        with inferspan.stage("preprocess"):
            left.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    assert starting.wait(30)
    threading.Timer(0.05, release.set).start()
    live.interrupt_all()
    assert counts(manual) == {("preprocess", "interrupted"): 1}
    left.set()
    thread.join()
    assert counts(manual) == {("preprocess", "interrupted"): 1}


@pytest.mark.parametrize("traced", [True, False])
def test_a_process_that_ends_in_a_stage_exports_it(tmp_path: Path, traced: bool) -> None:
    exported = run(tmp_path, "stages.py", "exit", *["--traced"] * traced)
    by_error = exported.counts(DURATION, by=names.ERROR_TYPE)
    assert by_error == {"interrupted": 2}
    assert {(span["span"], span["error"]) for span in exported.spans} == (
        {("request", None), ("stuck", "interrupted"), ("main", "interrupted")} if traced else set()
    )


def test_a_fork_in_a_stage_ends_it_in_the_parent_alone(tmp_path: Path) -> None:
    exported = run(tmp_path, "stages.py", "fork", "--traced")
    child, parent = exported.pids()  # which waits for the child
    ended = [(span["pid"] == parent, span["span"]) for span in exported.spans]
    assert sorted(ended) == [(False, "of the child"), (True, "forked in"), (True, "request")]
    stages_of = {
        pid: {
            point["attributes"][names.INFERSPAN_STAGE_NAME]: point["count"]
            for point in points
            if point["metric"] == DURATION
        }
        for pid, points in exported.by_process()
    }
    assert stages_of == {parent: {"forked in": 1}, child: {"of the child": 1}}
