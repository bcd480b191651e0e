# SPDX-License-Identifier: Apache-2.0
"""Calls of every shape: the right spans with the right parents, and nothing left attached."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from inferspan_instrumentors.onnxruntime import OnnxRuntimeInstrumentor
from onnxruntime.datasets import get_example
from opentelemetry import context, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from support.telemetry import Telemetry

import inferspan
from inferspan.semconv import attributes as names

X = np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 4, 5)


@functools.cache
def session() -> ort.InferenceSession:
    return ort.InferenceSession(get_example("sigmoid.onnx"), providers=["CPUExecutionProvider"])


def infer() -> Any:
    return session().run(None, {"x": X})


def parents(spans: list[ReadableSpan]) -> dict[str, list[str | None]]:
    """Returns the names of the parents of the spans of each name; None of a root."""
    by_id = {span.context.span_id: span.name for span in spans}
    found: dict[str, list[str | None]] = {}
    for span in spans:
        found.setdefault(span.name, []).append(by_id[span.parent.span_id] if span.parent else None)
    return found


@inferspan.inference("inner")
async def inner(x: np.ndarray) -> np.ndarray:
    await asyncio.sleep(0)
    return x


# -- tasks ---------------------------------------------------------------------------------------------------------


def test_each_of_a_hundred_gathered_calls_is_a_span(manual: Telemetry) -> None:
    async def main() -> None:
        with manual.tracer_provider.get_tracer("app").start_as_current_span("request"):
            await asyncio.gather(*(inner(X) for _ in range(100)))
        assert trace.get_current_span() is trace.INVALID_SPAN

    asyncio.run(main())
    assert parents(manual.spans()) == {"infer inner": ["request"] * 100, "request": [None]}


def test_a_fan_out_has_its_parts_as_children(manual: Telemetry) -> None:
    @inferspan.inference("outer")
    async def outer() -> None:
        await asyncio.gather(*(inner(X) for _ in range(10)))

    async def main() -> None:
        await asyncio.gather(*(outer() for _ in range(3)))

    asyncio.run(main())
    assert parents(manual.spans()) == {"infer inner": ["infer outer"] * 30, "infer outer": [None] * 3}


def test_a_task_that_outlives_the_outer_call_is_recorded_and_has_it_as_parent(manual: Telemetry) -> None:
    ended = asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    async def background() -> None:
        await ended.wait()
        # The same model as the outer call's, which has ended: not a part of it any more.
        await outer(start=False)

    @inferspan.inference("outer")
    async def outer(*, start: bool) -> None:
        if start:
            tasks.append(asyncio.create_task(background()))

    async def main() -> None:
        await outer(start=True)
        ended.set()
        await tasks[0]

    asyncio.run(main())
    first, second = manual.spans()
    assert first.parent is None
    assert second.parent is not None
    assert second.parent.span_id == first.context.span_id


@pytest.mark.parametrize("how", ["task", "timeout", "close"])
def test_a_cancelled_coroutine_is_an_error_and_a_closed_one_is_none(manual: Telemetry, how: str) -> None:
    @inferspan.inference("slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        if how == "timeout":
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(slow(), 0.01)
        elif how == "task":
            task = asyncio.create_task(slow())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            coroutine = slow()
            contextvars.copy_context().run(coroutine.send, None)
            coroutine.close()

    asyncio.run(main())
    (span,) = manual.spans()
    if how == "close":
        assert span.status.status_code is StatusCode.UNSET
        assert names.ERROR_TYPE not in span.attributes
    else:
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes[names.ERROR_TYPE] == "asyncio.exceptions.CancelledError"
        assert not span.events


def test_a_coroutine_that_nobody_awaits_is_none(manual: Telemetry) -> None:
    inner(X).close()
    assert manual.spans() == []


def test_a_thread_of_the_event_loop_has_the_caller_as_parent(manual: Telemetry) -> None:
    with_sessions(manual)

    async def main() -> None:
        with inferspan.inference("outer"):
            await asyncio.gather(*(asyncio.to_thread(infer) for _ in range(4)))

    asyncio.run(main())
    assert parents(manual.spans()) == {"infer sigmoid": ["infer outer"] * 4, "infer outer": [None]}


def test_threads_have_spans_of_their_own(manual: Telemetry) -> None:
    with_sessions(manual)

    def work(_: int) -> None:
        with inferspan.inference("outer"):
            infer()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert parents(manual.spans()) == {"infer sigmoid": ["infer outer"] * 200, "infer outer": [None] * 200}


def with_sessions(telemetry: Telemetry) -> None:
    telemetry.instrument(OnnxRuntimeInstrumentor())


# -- a call in a call ----------------------------------------------------------------------------------------------


def test_a_recursion_is_one_call(manual: Telemetry) -> None:
    @inferspan.inference("tree", version="1")
    def descend(depth: int) -> int:
        return depth if depth == 0 else descend(depth - 1)

    assert descend(5) == 0
    (span,) = manual.spans()
    assert span.name == "infer tree"


@pytest.mark.parametrize(
    ("model", "version", "separate"), [("a", "1", False), ("a", "2", True), ("a", None, True), ("b", "1", True)]
)
def test_another_model_inside_is_a_child(manual: Telemetry, model: str, version: str | None, separate: bool) -> None:
    with inferspan.inference("a", version="1"), inferspan.inference(model, version=version):
        pass
    expected: dict[str, list[str | None]] = {"infer a": [None]}
    if separate:
        expected.setdefault(f"infer {model}", []).insert(0, "infer a")
    assert parents(manual.spans()) == expected


def test_a_session_and_a_module_in_a_block_are_its_children(manual: Telemetry) -> None:
    torch = pytest.importorskip("torch")
    from inferspan_instrumentors.torch import TorchInstrumentor

    with_sessions(manual)
    manual.instrument(TorchInstrumentor())

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(5, 2)

        def forward(self, x: Any) -> Any:
            infer()
            return self.layer(x)

    model = Model().eval()
    with inferspan.inference("pipeline") as call:
        call.inputs(X)
        infer()
        with torch.no_grad():
            model(torch.from_numpy(X))
    assert parents(manual.spans()) == {
        "infer sigmoid": ["infer pipeline", "infer Model"],
        "infer Model": ["infer pipeline"],
        "infer pipeline": [None],
    }


def test_a_child_of_an_unsampled_call_is_unsampled(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

    from .conftest import use

    with Telemetry(sampler=ParentBased(ALWAYS_OFF)) as telemetry:
        use(telemetry, monkeypatch)
        with inferspan.inference("a"), inferspan.inference("b"):
            assert not trace.get_current_span().get_span_context().trace_flags.sampled
        assert telemetry.spans() == []
        points = telemetry.points("inferspan.inference.duration")
        assert sorted(point.attributes[names.INFERSPAN_MODEL_NAME] for point in points) == ["a", "b"]


def test_suppressed_instrumentation_makes_none(manual: Telemetry) -> None:
    with_sessions(manual)
    with suppress_instrumentation(), inferspan.inference("a") as call:
        call.inputs(X)
        infer()
    assert manual.spans() == []
    assert manual.points("inferspan.inference.duration") == []


@pytest.mark.parametrize("kind", [SpanKind.INTERNAL, SpanKind.CLIENT])
def test_a_generative_span_describes_what_it_covers(manual: Telemetry, kind: SpanKind) -> None:
    with_sessions(manual)
    tracer = manual.tracer_provider.get_tracer("app")
    chat = tracer.start_as_current_span("chat", kind=kind, attributes={"gen_ai.operation.name": "chat"})
    with chat, inferspan.inference("a"):
        infer()
    infer()
    assert parents(manual.spans()) == {"chat": [None], "infer sigmoid": [None]}


# -- callbacks -----------------------------------------------------------------------------------------------------


class Asynchronous:
    """A session with one thread of its own for callbacks."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 2
        self._session = ort.InferenceSession(get_example("sigmoid.onnx"), options, providers=["CPUExecutionProvider"])

    def run(self, callback: Callable[..., None], x: Any = X) -> None:
        """Runs the session, and returns when the callback has."""
        done = threading.Event()

        def answered(*results: Any) -> None:
            try:
                callback(*results)
            finally:
                done.set()

        self._session.run_async(None, {"x": x}, answered, None)
        gc.collect()
        assert done.wait(30)


def test_a_callback_on_a_foreign_thread_has_the_callers_context(manual: Telemetry) -> None:
    with_sessions(manual)
    seen: list[Any] = []

    def callback(results: Any, _data: Any, error: str) -> None:
        seen.append((threading.get_ident(), context.get_current(), error))
        with inferspan.inference("after"):
            pass

    with inferspan.inference("outer"):
        here = context.get_current()
        Asynchronous().run(callback)
        assert context.get_current() is here
    assert seen == [(seen[0][0], here, "")]
    assert seen[0][0] != threading.get_ident()
    assert parents(manual.spans()) == {
        "infer sigmoid": ["infer outer"],
        "infer after": ["infer outer"],
        "infer outer": [None],
    }


def test_an_error_comes_with_the_callback(manual: Telemetry) -> None:
    with_sessions(manual)
    errors: list[str] = []
    Asynchronous().run(lambda _results, _data, error: errors.append(error), X[:2])
    (span,) = manual.spans()
    assert errors[0]
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[names.ERROR_TYPE] == "_OTHER"
    assert span.attributes[names.INPUT.shapes] == ("2x4x5",)
    assert [event.name for event in span.events] == ["exception"]


def test_a_callback_that_raises_leaves_its_thread_as_it_was(manual: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ValueError("mine")
    ignored: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: ignored.append(unraisable.exc_value))
    contexts: list[Any] = []

    def callback(*_: Any) -> None:
        contexts.append(context.get_current())
        if len(contexts) == 1:
            raise mine

    session = Asynchronous()
    instrumentor = OnnxRuntimeInstrumentor()
    instrumentor.instrument(**manual.providers)
    try:
        with inferspan.inference("outer"):
            session.run(callback)
    finally:
        instrumentor.uninstrument()
    session.run(callback)
    assert ignored == [mine]
    assert contexts[0] != {}
    assert contexts[1] == {}
    assert [span.status.status_code for span in manual.spans()] == [StatusCode.UNSET] * 2


# -- one object, many blocks -----------------------------------------------------------------------------------------


def test_one_object_may_be_entered_by_many_threads_and_tasks(manual: Telemetry) -> None:
    shared = inferspan.inference("shared")
    barrier = threading.Barrier(4)

    def in_a_thread(number: int) -> None:
        for _ in range(25):
            with shared as call:
                barrier.wait(30)  # all four are in their blocks
                call.inputs(**{f"thread{number}": X})
                with shared:  # the same call, entered again: a part of it
                    pass
                call.outputs(**{f"thread{number}": X})

    threads = [threading.Thread(target=in_a_thread, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    async def in_a_task(number: int) -> None:
        with shared as call:
            call.inputs(**{f"task{number}": X})
            await asyncio.sleep(0.01 * number)
            call.outputs(**{f"task{number}": X})

    async def main() -> None:
        await asyncio.gather(*map(in_a_task, range(3)))

    asyncio.run(main())
    spans = manual.spans()
    assert len(spans) == 103
    for span in spans:
        assert span.parent is None
        assert len(span.attributes[names.INPUT.names]) == 1
        assert span.attributes[names.INPUT.names] == span.attributes[names.OUTPUT.names]


def test_what_a_block_leaves_attached_does_not_keep_its_call_open(manual: Telemetry) -> None:
    before = context.get_current()
    token = None
    with inferspan.inference("a"):
        token = context.attach(context.set_value("left", "attached"))
    assert token is not None
    assert context.get_current() is before
    assert len(manual.spans()) == 1
