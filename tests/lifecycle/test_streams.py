# SPDX-License-Identifier: Apache-2.0
"""Streams: one span from the first step to the last, however they end, and nothing attached in between."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import numpy as np
import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode
from support.telemetry import Telemetry

import inferspan
from inferspan import lifecycle
from inferspan.semconv import attributes as names

X = np.linspace(0, 1, 16, dtype=np.float32)

infer = inferspan.inference("stream")


def talk(count: int = 3) -> Generator[Any, Any, Any]:
    """Says what it is sent and what is thrown into it, and returns that too."""
    heard: list[Any] = []
    for number in range(count):
        try:
            heard.append((yield (number, list(heard))))
        except LookupError as error:
            heard.append(repr(error))
    return heard


async def talk_async(count: int = 3) -> AsyncGenerator[Any, Any]:
    heard: list[Any] = []
    for number in range(count):
        try:
            heard.append((yield (number, list(heard))))
        except LookupError as error:
            heard.append(repr(error))


def one(telemetry: Telemetry) -> ReadableSpan:
    (span,) = telemetry.spans()
    return span


def is_fine(span: ReadableSpan) -> bool:
    return span.status.status_code is StatusCode.UNSET and names.ERROR_TYPE not in span.attributes


# -- generators ----------------------------------------------------------------------------------------------------


def conversation(stream: Generator[Any, Any, Any]) -> list[Any]:
    said = [next(stream), stream.send("one"), stream.throw(LookupError("two"))]
    with pytest.raises(StopIteration) as end:
        stream.send("three")
    return [*said, end.value.value]


def test_a_generator_is_as_without_us(manual: Telemetry) -> None:
    assert conversation(infer(talk)()) == conversation(talk())
    assert is_fine(one(manual))


def test_a_generator_that_is_not_recorded_is_as_without_us() -> None:
    assert conversation(infer(talk)()) == conversation(talk())


def test_the_span_is_current_in_the_body_alone(manual: Telemetry) -> None:
    tracer = manual.tracer_provider.get_tracer("app")

    @infer
    def body() -> Generator[Any]:
        with tracer.start_as_current_span("in the body"):
            yield trace.get_current_span()
            with tracer.start_as_current_span("in the body, later"):
                pass
            yield trace.get_current_span()

    before = context.get_current()
    with tracer.start_as_current_span("consumer") as consumer:
        stream = body()
        first = next(stream)
        assert trace.get_current_span() is consumer
        with tracer.start_as_current_span("between"):
            assert next(stream) is first
        assert list(stream) == []
        assert trace.get_current_span() is consumer
    assert context.get_current() is before
    spans = {span.name: span for span in manual.spans()}
    by_id = {span.context.span_id: name for name, span in spans.items()}
    assert {name: by_id[span.parent.span_id] for name, span in spans.items() if span.parent} == {
        "infer stream": "consumer",
        "between": "consumer",
        "in the body": "infer stream",
        "in the body, later": "in the body",
    }


def test_other_calls_between_the_steps_are_not_part_of_the_stream(manual: Telemetry) -> None:
    streams = [infer(talk)() for _ in range(3)]
    for _ in range(3):
        for stream in streams:
            next(stream)
        with infer:
            pass
    for stream in streams:
        assert next(stream, None) is None
    spans = manual.spans()
    assert len(spans) == 6
    assert all(span.parent is None for span in spans)


def test_the_same_model_inside_the_body_is_part_of_it(manual: Telemetry) -> None:
    @infer
    def body() -> Generator[int]:
        with infer:
            yield 1
        with infer:
            yield 2

    assert list(body()) == [1, 2]
    assert is_fine(one(manual))


@pytest.mark.parametrize("steps", [0, 1, 2])
@pytest.mark.parametrize("how", ["close", "forget"])
def test_an_abandoned_generator_is_no_error(manual: Telemetry, steps: int, how: str) -> None:
    cleaned: list[Any] = []

    @infer
    def body() -> Generator[Any]:
        try:
            yield X
            yield X
        finally:
            cleaned.append(trace.get_current_span())

    stream = body()
    for _ in range(steps):
        next(stream)
    if how == "close":
        stream.close()
    del stream
    gc.collect()
    if steps == 0:  # it never ran
        assert manual.spans() == []
        return
    span = one(manual)
    assert is_fine(span)
    assert span.attributes[names.OUTPUT.counts] == (16,)
    assert [found.get_span_context() for found in cleaned] == [span.context]


def test_a_generator_may_be_closed_on_another_thread(manual: Telemetry) -> None:
    stream = infer(talk)()
    next(stream)
    thread = threading.Thread(target=stream.close)
    thread.start()
    thread.join()
    assert is_fine(one(manual))


@pytest.mark.parametrize(
    "raised", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3), StopIteration("inside"), GeneratorExit()]
)
def test_what_the_body_raises_comes_out(manual: Telemetry, raised: BaseException) -> None:
    @infer
    def body() -> Generator[int]:
        yield 1
        raise raised

    stream = body()
    next(stream)
    with pytest.raises(BaseException) as caught:
        next(stream)
    span = one(manual)
    if isinstance(raised, StopIteration):  # as any generator has it
        assert type(caught.value) is RuntimeError
        assert caught.value.__cause__ is raised
    else:
        assert caught.value is raised
    assert is_fine(span) == isinstance(raised, GeneratorExit)
    assert span.attributes.get(names.ERROR_TYPE) == (
        None if isinstance(raised, GeneratorExit) else type(caught.value).__name__
    )


def test_what_the_consumer_throws_and_the_body_lets_through_is_an_error(manual: Telemetry) -> None:
    stream = infer(talk)()
    next(stream)
    mine = OSError("thrown in")
    with pytest.raises(OSError) as caught:
        stream.throw(mine)
    assert caught.value is mine
    assert one(manual).attributes[names.ERROR_TYPE] == "OSError"


@pytest.mark.parametrize("recorded", [True, False])
def test_a_body_that_ignores_its_end_is_told_off_by_python(
    manual: Telemetry, recorded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.unraisablehook", lambda _: None)

    def stubborn() -> Generator[int]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    stream = infer(stubborn)() if recorded else stubborn()
    next(stream)
    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        stream.close()
    stream.close()
    assert len(manual.spans()) == recorded


@pytest.mark.skipif(sys.version_info < (3, 13), reason="close() returns nothing before Python 3.13")
def test_close_returns_what_the_body_returns(manual: Telemetry) -> None:
    @infer
    def body() -> Generator[int, None, str]:
        try:
            yield 1
        except GeneratorExit:
            pass
        return "the end"

    stream = body()
    next(stream)
    assert stream.close() == "the end"
    assert is_fine(one(manual))


class Item:
    """Can be referred to weakly."""


def test_nothing_that_passes_through_is_kept(manual: Telemetry) -> None:
    @infer
    def body(given: Any) -> Generator[Any, Any]:
        del given
        while True:
            try:
                yield Item()
            except LookupError:
                pass

    given, sent, thrown = Item(), Item(), type("Error", (LookupError,), {})()
    seen = [weakref.ref(given), weakref.ref(sent), weakref.ref(thrown)]
    stream = body(given)
    del given
    seen.append(weakref.ref(next(stream)))
    seen.append(weakref.ref(stream.send(sent)))
    del sent
    seen.append(weakref.ref(stream.throw(thrown)))
    del thrown
    assert [one() for one in seen] == [None] * 6
    stream.close()


def test_a_fault_in_profiling_an_item_costs_the_profile_alone(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inferspan import faults

    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(lifecycle, "capture", broken)
    monkeypatch.setattr(faults, "strict", False)
    assert list(infer(talk)(2)) == [(0, []), (1, [None])]
    assert is_fine(one(manual))
    assert faults.counts.pop("profile") == 2  # the argument, and the item


# -- asynchronous generators -----------------------------------------------------------------------------------------


async def conversation_async(stream: AsyncGenerator[Any, Any]) -> list[Any]:
    said = [await anext(stream), await stream.asend("one"), await stream.athrow(LookupError("two"))]
    with pytest.raises(StopAsyncIteration):
        await stream.asend("three")
    return said


def test_an_asynchronous_generator_is_as_without_us(manual: Telemetry) -> None:
    assert asyncio.run(conversation_async(infer(talk_async)())) == asyncio.run(conversation_async(talk_async()))
    assert is_fine(one(manual))


def test_an_asynchronous_generator_that_is_not_recorded_is_as_without_us() -> None:
    assert asyncio.run(conversation_async(infer(talk_async)())) == asyncio.run(conversation_async(talk_async()))


def test_nothing_that_passes_through_an_asynchronous_one_is_kept(manual: Telemetry) -> None:
    @infer
    async def body(given: Any) -> AsyncGenerator[Any, Any]:
        del given
        while True:
            try:
                yield Item()
            except LookupError:
                pass

    async def main() -> None:
        given, sent, thrown = Item(), Item(), type("Error", (LookupError,), {})()
        seen = [weakref.ref(given), weakref.ref(sent), weakref.ref(thrown)]
        stream = body(given)
        del given
        seen.append(weakref.ref(await anext(stream)))
        seen.append(weakref.ref(await stream.asend(sent)))
        del sent
        seen.append(weakref.ref(await stream.athrow(thrown)))
        del thrown
        assert [one() for one in seen] == [None] * 6
        await stream.aclose()

    asyncio.run(main())


def slow(steps: list[str], *, awaits: bool) -> Callable[[], AsyncGenerator[int]]:
    @infer
    async def body() -> AsyncGenerator[int]:
        try:
            for number in range(3):
                yield number
                await asyncio.sleep(0)
        finally:
            if awaits:
                await asyncio.sleep(0.01)
            steps.append("cleaned up")

    return body


@pytest.mark.parametrize("awaits", [False, True])
@pytest.mark.parametrize("how", ["break", "aclose", "another task", "left open", "cancelled"])
def test_an_abandoned_asynchronous_generator_is_cleaned_up_and_no_error(
    manual: Telemetry, how: str, awaits: bool
) -> None:
    steps: list[str] = []
    kept: list[Any] = []

    async def main() -> None:
        before = context.get_current()
        stream = slow(steps, awaits=awaits)()
        if how == "break":
            async for _ in stream:
                break
            del stream
            gc.collect()
            await asyncio.sleep(0.05)
        elif how == "left open":
            await anext(stream)
            kept.append(stream)
        elif how == "cancelled":

            async def consume() -> None:
                async for _ in stream:
                    await asyncio.sleep(60)

            task = asyncio.create_task(consume())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await stream.aclose()
        else:
            await anext(stream)
            if how == "aclose":
                await stream.aclose()
            else:
                await asyncio.create_task(stream.aclose())
        assert context.get_current() is before

    asyncio.run(main())
    assert steps == ["cleaned up"]
    assert is_fine(one(manual))


def test_a_step_that_is_cancelled_is_an_error(manual: Telemetry) -> None:
    @infer
    async def body() -> AsyncGenerator[int]:
        yield 1
        await asyncio.sleep(60)

    async def main() -> None:
        stream = body()
        await anext(stream)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(stream), 0.01)

    asyncio.run(main())
    assert one(manual).attributes[names.ERROR_TYPE] == "asyncio.exceptions.CancelledError"


def test_a_hundred_streams_side_by_side(manual: Telemetry) -> None:
    tracer = manual.tracer_provider.get_tracer("app")

    async def consume(number: int) -> None:
        with tracer.start_as_current_span(f"consumer {number}") as span:
            async for _ in infer(talk_async)():
                assert trace.get_current_span() is span
                await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*map(consume, range(100)))

    asyncio.run(main())
    spans = manual.spans()
    consumers = {span.context.span_id for span in spans if span.name.startswith("consumer")}
    assert {span.parent.span_id for span in spans if span.name == "infer stream"} == consumers
    assert len(spans) == 200
