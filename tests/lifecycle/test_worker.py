# SPDX-License-Identifier: Apache-2.0
"""The queue and its worker: whatever fails or is full, every call is counted and every span ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from support.telemetry import Telemetry

import inferspan
from inferspan import faults, pipeline
from inferspan.recording import drops, live, worker
from inferspan.semconv import attributes as names

from .conftest import use

X = np.linspace(0, 1, 16, dtype=np.float32)
DURATION = "inferspan.inference.duration"


def infer(count: int = 1) -> None:
    for _ in range(count):
        with inferspan.inference("model") as call:
            call.inputs(X)


def count(telemetry: Telemetry) -> int:
    return sum(point.count for point in telemetry.points(DURATION))


class Processor(SpanProcessor):
    """Does what it is told with each span that ends."""

    def __init__(self, on_end: Callable[[int], None], on_start: Callable[[], None] = lambda: None) -> None:
        self._on_end = on_end
        self._on_start = on_start
        self.ended: list[str] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self._on_start()

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(threading.current_thread().name)
        self._on_end(len(self.ended))


@pytest.fixture
def add(manual: Telemetry) -> Iterator[Callable[..., Processor]]:
    """Adds a processor to the test's provider; what it waits for is released in the end."""

    def made(*what: Any) -> Processor:
        one = Processor(*what)
        manual.tracer_provider.add_span_processor(one)
        return one

    yield made
    worker.drain()


def wait_until(done: Callable[[], bool]) -> None:
    """Waits for the worker, without helping it as a flush would."""
    deadline = time.monotonic() + 30
    while not done() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert done()


# -- what fails ------------------------------------------------------------------------------------------------------


class LibraryTimeout(BaseException):
    """Some libraries' timeouts are no `Exception`."""


@pytest.mark.parametrize("raised", [ValueError, SystemExit, KeyboardInterrupt, LibraryTimeout])
def test_a_processor_that_raises_does_not_end_the_worker(
    manual: Telemetry, add: Callable[..., Processor], monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    monkeypatch.setattr(faults, "strict", False)

    def fail(number: int) -> None:
        if number % 3 == 0:
            raise raised

    processor = add(fail)
    infer(30)
    wait_until(lambda: len(processor.ended) == 30)
    assert processor.ended == ["inferspan-worker"] * 30
    assert count(manual) == 30
    assert len(manual.spans()) == 30
    assert faults.counts.pop("spans", 0) == (10 if raised is ValueError else 0)


class Broken:
    """A reservoir of exemplars that fails: the histogram's `record` raises."""

    def __init__(self, raised: type[BaseException]) -> None:
        self._raised = raised

    def offer(self, *_: Any, **__: Any) -> None:
        raise self._raised

    def collect(self, _: Any) -> list[Any]:
        return []


@pytest.mark.parametrize("raised", [ZeroDivisionError, LibraryTimeout])
def test_a_histogram_that_fails_does_not_keep_spans_open(
    monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    broken = View(instrument_name=DURATION, exemplar_reservoir_factory=lambda _: lambda **_: Broken(raised))
    with Telemetry() as telemetry:
        telemetry.meter_provider = MeterProvider([InMemoryMetricReader()], views=[broken], shutdown_on_exit=False)
        use(telemetry, monkeypatch)
        monkeypatch.setattr(faults, "strict", False)
        infer(3)
        wait_until(lambda: len(telemetry._spans.get_finished_spans()) == 3)
        if raised is ZeroDivisionError:
            assert [span.attributes[names.INPUT.counts] for span in telemetry.spans()] == [(16,)] * 3
            assert faults.counts.pop("metrics") == 3


# -- what is full ----------------------------------------------------------------------------------------------------


def test_a_full_queue_costs_profiles_alone(manual: Telemetry, add: Callable[..., Processor]) -> None:
    pipeline.configure(raise_faults=True, queue_size=5)
    working, release = threading.Event(), threading.Event()

    def block(number: int) -> None:
        if number == 1:
            working.set()
            assert release.wait(30)

    processor = add(block)
    before = dict(drops.counts)
    infer()
    assert working.wait(30)
    infer(20)
    assert len(processor.ended) == 16  # one in the worker, and fifteen here
    release.set()
    spans = manual.spans()
    assert count(manual) == len(spans) == 21
    dropped = drops.counts["queue_full"] - before.get("queue_full", 0)
    assert dropped == 15
    assert sum(names.INPUT.counts not in span.attributes for span in spans) == dropped


# -- who waits for whom ----------------------------------------------------------------------------------------------


def test_a_flush_has_what_the_worker_is_at(manual: Telemetry, add: Callable[..., Processor]) -> None:
    working = threading.Event()

    def take_time(_: int) -> None:
        working.set()
        time.sleep(0.2)

    add(take_time)
    infer()
    assert working.wait(30)
    assert len(manual.spans()) == 1


@pytest.mark.parametrize("what", ["spans", "points"])
def test_each_signals_flush_has_everything(manual: Telemetry, what: str) -> None:
    for number in range(1, 51):
        infer()
        if what == "spans":
            assert len(manual.spans()) == 1
        else:
            assert count(manual) == number


def test_a_blocked_processor_blocks_no_request_and_no_flush_for_good(
    manual: Telemetry, add: Callable[..., Processor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PATIENCE", 0.2)
    working, release = threading.Event(), threading.Event()

    def block(number: int) -> None:
        if number == 1:
            working.set()
            assert release.wait(30)

    add(block)
    infer()
    assert working.wait(30)
    start = time.monotonic()
    infer(100)
    assert time.monotonic() - start < 1
    assert len(manual.spans()) == 1  # the test's own exporter comes before the processor
    assert time.monotonic() - start < 5
    release.set()
    assert len(manual.spans()) == 100


def test_callers_that_finish_their_own_do_not_wait_for_one_another(
    manual: Telemetry, add: Callable[..., Processor]
) -> None:
    pipeline.configure(raise_faults=True, defer=False)
    barrier = threading.Barrier(4)
    add(lambda _: barrier.wait(30) and None)  # all four are in their processor at the same time
    threads = [threading.Thread(target=infer) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert not barrier.broken
    assert len(manual.spans()) == 4


# -- the exit, in parts ----------------------------------------------------------------------------------------------


def test_a_call_that_is_being_ended_as_the_process_exits_is_waited_for(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_exiting", False)
    ending, exiting = threading.Event(), threading.Event()

    def call() -> None:
        one = api_start()
        one.succeed(outputs)

    def outputs() -> dict[str, Any]:
        ending.set()
        assert exiting.wait(30)
        time.sleep(0.1)
        return {"output": X}

    thread = threading.Thread(target=call)
    thread.start()
    assert ending.wait(30)
    threading.Timer(0.05, exiting.set).start()
    live.interrupt_all()
    (span,) = manual.spans()
    thread.join()
    assert span.attributes[names.OUTPUT.counts] == (16,)
    assert names.ERROR_TYPE not in span.attributes


def test_a_call_that_is_starting_as_the_process_exits_is_waited_for_and_ended(
    manual: Telemetry, add: Callable[..., Processor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_exiting", False)
    starting = threading.Event()
    found: list[Any] = []

    def take_time() -> None:
        starting.set()
        wait_until(live.closed)  # the process exits while the span starts: whether it exits, the call has asked before
        time.sleep(0.1)

    add(lambda _: None, take_time)
    thread = threading.Thread(target=lambda: found.append(api_start()))
    thread.start()
    assert starting.wait(30)
    live.interrupt_all()
    (span,) = manual.spans()
    thread.join()
    assert span.attributes[names.ERROR_TYPE] == "interrupted"
    later = threading.Thread(target=lambda: found.append(api_start()))
    later.start()
    later.join()
    started, none = found
    assert none is None
    started.succeed()  # what is interrupted has ended
    assert manual.spans() == []
    assert count(manual) == 1


def test_a_call_that_does_not_come_to_its_start_keeps_no_process_from_exiting(
    manual: Telemetry, add: Callable[..., Processor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_exiting", False)
    monkeypatch.setattr(live, "PATIENCE", 0.05)
    starting, release = threading.Event(), threading.Event()

    def block() -> None:
        starting.set()
        assert release.wait(30)

    add(lambda _: None, block)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(api_start()))
    thread.start()
    assert starting.wait(30)
    live.interrupt_all()
    assert thread.is_alive()
    release.set()
    thread.join()
    found[0].succeed()
    assert len(manual.spans()) == count(manual) == 1


def api_start() -> Any:
    from inferspan import api

    return api._start("model", {"version": None, "system": "_OTHER", "server": None, "port": None}, {}, attach=False)


def test_an_interrupt_while_inputs_are_profiled_leaves_nothing(manual: Telemetry) -> None:
    from inferspan import api, identity

    def inputs() -> dict[str, Any]:
        raise KeyboardInterrupt

    recorder = api._recorder
    assert recorder is not None
    with pytest.raises(KeyboardInterrupt):
        recorder.start(identity.named("model"), inputs=inputs)
    assert len(manual.spans()) == 1
    assert count(manual) == 0
