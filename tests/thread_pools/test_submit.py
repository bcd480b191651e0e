# SPDX-License-Identifier: Apache-2.0
"""A pool's threads know the request that they work for, and everything else of a pool is as without us."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from inferspan_instrumentors.thread_pools import ThreadPoolInstrumentor
from opentelemetry import context
from support.telemetry import Telemetry

from inferspan import pipeline

KEY = context.create_key("test")


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Telemetry:
    telemetry.instrument(ThreadPoolInstrumentor())
    return telemetry


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as one:
        yield one


@pytest.fixture
def request_context() -> Iterator[None]:
    token = context.attach(context.set_value(KEY, "request"))
    yield
    context.detach(token)


def value() -> Any:
    return context.get_value(KEY)


@pytest.mark.usefixtures("instrumented", "request_context")
def test_the_context_is_there_and_gone_afterwards(pool: ThreadPoolExecutor) -> None:
    assert pool.submit(value).result() == "request"
    assert list(pool.map(lambda _: value(), range(2))) == ["request", "request"]
    seen: list[Any] = []
    token = context.attach(context.Context())
    try:
        pool.submit(lambda: seen.append(value())).result()
    finally:
        context.detach(token)
    assert seen == [None]


@pytest.mark.usefixtures("instrumented", "request_context")
def test_arguments_results_and_errors_are_the_application_s(pool: ThreadPoolExecutor) -> None:
    assert pool.submit(lambda *args, **named: (args, named), 1, self=2, fn=3).result() == ((1,), {"self": 2, "fn": 3})
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 / 0).result()
    with pytest.raises(TypeError, match="submit"):
        pool.submit()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="submit"):
        pool.submit(fn=value)  # type: ignore[call-arg]
    assert list(inspect.signature(ThreadPoolExecutor.submit).parameters) == ["self", "fn", "args", "kwargs"]


@pytest.mark.usefixtures("instrumented")
def test_without_a_context_the_very_function_is_submitted() -> None:
    submitted: list[Any] = []

    class Pool(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            submitted.append(fn)
            return super().submit(fn, *args, **kwargs)

    with Pool(1) as pool:
        pool.submit(value).result()
        assert [work is value for work in submitted] == [True]


@pytest.mark.usefixtures("instrumented", "request_context")
def test_a_thread_is_left_alone() -> None:
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(value()))
    thread.start()
    thread.join()
    assert seen == [None]


@pytest.mark.usefixtures("request_context")
def test_switched_off_and_undone(telemetry: Telemetry, pool: ThreadPoolExecutor) -> None:
    before = ThreadPoolExecutor.submit
    instrumentor = ThreadPoolInstrumentor()
    instrumentor.instrument(**telemetry.providers)
    pipeline.configure(enabled=False)
    assert pool.submit(value).result() is None
    pipeline.configure(enabled=True)
    assert pool.submit(value).result() == "request"
    instrumentor.uninstrument()
    assert ThreadPoolExecutor.submit is before
    assert pool.submit(value).result() is None
