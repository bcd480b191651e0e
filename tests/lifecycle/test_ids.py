# SPDX-License-Identifier: Apache-2.0
"""An inference's identifier is that of its span, sampled or not, and is there where there are no spans at all."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from inferspan_instrumentors.thread_pools import ThreadPoolInstrumentor
from opentelemetry import context, propagate, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id
from support.exported import run
from support.telemetry import Telemetry

import inferspan
from inferspan import api, pipeline
from inferspan.semconv.attributes import SystemName

FORM = re.compile("[0-9a-f]{32}-[0-9a-f]{16}")


def id_of(span: ReadableSpan) -> str:
    return f"{format_trace_id(span.context.trace_id)}-{format_span_id(span.context.span_id)}"


@pytest.fixture
def untraced(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    """A meter provider, and no tracer provider."""
    assert trace._TRACER_PROVIDER is None
    recorder = pipeline.recorder(api.SCOPE, system=SystemName.OTHER, meter_provider=telemetry.meter_provider)
    monkeypatch.setattr(api, "_recorder", recorder)
    return telemetry


def seen_by(count: int = 1) -> list[str]:
    """Returns the identifiers of as many inferences."""
    found: list[str] = []
    for _ in range(count):
        with inferspan.inference("model") as call:
            first = inferspan.current_id()
            assert first == inferspan.current_id() == call.id
            assert first is not None
            found.append(first)
    return found


# -- which it is -----------------------------------------------------------------------------------------------------


def test_it_is_that_of_the_span(manual: Telemetry) -> None:
    found = seen_by(2)
    with manual.tracer_provider.get_tracer("app").start_as_current_span("request"):
        found += seen_by(2)
    assert [id_of(span) for span in manual.spans() if span.name == "infer model"] == found
    assert all(map(FORM.fullmatch, found))
    # Ids of spans are unique in their trace alone.
    assert [one.split("-")[0] for one in found] == ["0" * 31 + digit for digit in "1233"]


def test_it_is_that_of_a_span_that_is_not_sampled(unsampled: Telemetry) -> None:
    (found,) = seen_by()
    assert FORM.fullmatch(found)
    with pytest.raises(ZeroDivisionError), inferspan.inference("model"):
        failing = inferspan.current_id()
        raise ZeroDivisionError
    assert failing != found
    unsampled.tracer_provider.force_flush()
    assert unsampled.spans() == []
    (event,) = unsampled.events()
    assert failing == f"{format_trace_id(event.trace_id)}-{format_span_id(event.span_id)}"


@pytest.mark.parametrize("remote", [True, False])
def test_without_a_tracer_provider_it_is_random(untraced: Telemetry, remote: bool) -> None:
    """The API's own tracer gives each inference the span of the request, if another process has started one."""
    parent = f"{'a' * 32}-{'b' * 16}"
    token = context.attach(propagate.extract({"traceparent": f"00-{parent}-01"} if remote else {}))
    try:
        found = seen_by(50)
    finally:
        context.detach(token)
    assert len({*found, parent}) == 51
    for one in found:
        assert FORM.fullmatch(one)
        assert one.strip("0-")
    assert sum(point.count for point in untraced.points("inferspan.inference.duration")) == 50


# -- where it is -----------------------------------------------------------------------------------------------------


def test_outside_of_inferences_there_is_none(manual: Telemetry) -> None:
    call = inferspan.inference("model")
    assert (inferspan.current_id(), call.id) == (None, None)
    with manual.tracer_provider.get_tracer("app").start_as_current_span("request"), inferspan.stage("preprocess"):
        assert inferspan.current_id() is None
        with call:
            assert call.id is not None
        assert (inferspan.current_id(), call.id) == (None, None)


def test_models_in_models_have_their_own(manual: Telemetry) -> None:
    with inferspan.inference("outer") as outer:
        mine = inferspan.current_id()
        with inferspan.inference("inner") as inner, inferspan.stage("postprocess"):
            theirs = inferspan.current_id()
            assert (outer.id, inner.id) == (mine, theirs)
        with inferspan.inference("outer") as again:  # a part of it
            assert (inferspan.current_id(), again.id) == (mine, None)
        assert inferspan.current_id() == mine
    spans = {span.name: id_of(span) for span in manual.spans()}
    assert (spans["infer outer"], spans["infer inner"]) == (mine, theirs)


def test_a_decorated_function_has_its_own_at_each_step(manual: Telemetry) -> None:
    seen: dict[str, set[str | None]] = {}

    def note(kind: str) -> None:
        seen.setdefault(f"infer {kind}", set()).add(inferspan.current_id())

    @inferspan.inference("plain")
    def plain() -> None:
        note("plain")

    @inferspan.inference("coroutine")
    async def coroutine() -> None:
        note("coroutine")
        await asyncio.sleep(0)
        note("coroutine")

    @inferspan.inference("generator")
    def generator() -> Generator[None]:
        note("generator")
        yield
        note("generator")

    @inferspan.inference("asynchronous")
    async def asynchronous() -> AsyncGenerator[None]:
        note("asynchronous")
        yield
        note("asynchronous")

    async def read() -> None:
        async for _ in asynchronous():
            assert inferspan.current_id() is None

    plain()
    asyncio.run(coroutine())
    for _ in generator():
        assert inferspan.current_id() is None
    asyncio.run(read())
    assert seen == {span.name: {id_of(span)} for span in manual.spans()}
    assert len(seen) == 4


def test_threads_and_tasks_of_an_inference_have_its_own_until_it_ends(manual: Telemetry) -> None:
    found: list[str | None] = []

    async def later(left: asyncio.Event) -> str | None:
        found.append(inferspan.current_id())
        await left.wait()
        return inferspan.current_id()

    async def main() -> None:
        left = asyncio.Event()
        with inferspan.inference("model") as call:
            task = asyncio.create_task(later(left))
            found.extend([call.id, await asyncio.to_thread(inferspan.current_id)])
        left.set()
        assert await task is None

    asyncio.run(main())
    (span,) = manual.spans()
    assert found == [id_of(span)] * 3


def test_one_object_in_many_threads_has_the_id_of_each(manual: Telemetry) -> None:
    shared = inferspan.inference("model")
    barrier = threading.Barrier(4)
    tracer = manual.tracer_provider.get_tracer("app")

    def work(_: int) -> None:
        for _ in range(20):
            with shared as call:
                mine = inferspan.current_id()
                barrier.wait(30)  # all four are in their blocks
                assert call.id == mine
                with tracer.start_as_current_span("inside"), inferspan.inference("inner"):
                    assert call.id == mine
                    assert inferspan.current_id() != mine
                barrier.wait(30)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(manual.spans()) == 240


def test_one_object_in_many_tasks_has_the_id_of_each(manual: Telemetry) -> None:
    shared = inferspan.inference("model")
    tracer = manual.tracer_provider.get_tracer("app")
    ids: list[str | None] = []

    async def work(number: int) -> None:
        with shared as call:
            mine = inferspan.current_id()
            with tracer.start_as_current_span("inside"):
                await asyncio.sleep(0)
                assert call.id == mine
                call.inputs(**{f"task{number}": float(number)})
        ids.append(mine)

    async def main() -> None:
        await asyncio.gather(*map(work, range(4)))

    asyncio.run(main())
    spans = [span for span in manual.spans() if span.name == "infer model"]
    assert [id_of(span) for span in spans] == ids
    assert [span.attributes["inferspan.input.names"] for span in spans] == [(f"task{number}",) for number in range(4)]


def test_a_pool_that_passes_on_the_context_has_the_id_of_the_block_that_it_works_for(manual: Telemetry) -> None:
    shared = inferspan.inference("model")
    instrumented = threading.Event()
    barrier = threading.Barrier(2)
    instrumentor = ThreadPoolInstrumentor()

    def request(_: int) -> None:
        assert instrumented.wait(30)
        with shared:
            barrier.wait(30)  # both are in their blocks
            assert helpers.submit(lambda: shared.id).result(30) == inferspan.current_id()
            barrier.wait(30)

    with ThreadPoolExecutor(2) as requests, ThreadPoolExecutor(1) as helpers:
        answered = requests.map(request, range(2))
        instrumentor.instrument(**manual.providers)
        try:
            instrumented.set()
            list(answered)
        finally:
            instrumentor.uninstrument()
    assert len(manual.spans()) == 2


# -- where nothing is recorded ---------------------------------------------------------------------------------------


def none_seen() -> None:
    with inferspan.inference("model") as call:
        assert (inferspan.current_id(), call.id) == (None, None)


def test_without_any_provider_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_recorder", None)
    none_seen()


def test_switched_off_or_suppressed_there_is_none(manual: Telemetry) -> None:
    with suppress_instrumentation():
        none_seen()
    pipeline.configure(enabled=False)
    none_seen()


def test_where_code_is_compiled_there_is_none(manual: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_is_compiling", lambda: True)
    none_seen()


def test_a_forked_child_is_in_none_of_its_parents(tmp_path: Path) -> None:
    exported = run(tmp_path, "stages.py", "fork in a call")
    ids: dict[bool, Any] = {line["child"]: line["id"] for line in exported.lines if "child" in line}
    assert ids[True] is None
    assert FORM.fullmatch(ids[False])
