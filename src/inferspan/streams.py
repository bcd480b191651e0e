# SPDX-License-Identifier: Apache-2.0
"""Inferences whose body is a generator: nothing of ours stays attached while it is not running."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import nullcontext
from typing import Any

from inferspan.lifecycle import Inference


def streaming(
    start: Callable[[Any, Any], Inference | None], function: Callable[..., Generator[Any, Any, Any]]
) -> Callable[..., Generator[Any, Any, Any]]:
    """Makes a generator function of another, each run of which is an inference.

    It starts with the first step: a stream that nobody reads is none. It ends when the body does, or when its consumer
    stops. The first item is profiled as the output. Nothing that passes through is kept.

    Args:
        start: is given the arguments, and starts the inference with ``attach=False``.
        function: a generator function.
    """

    def streamed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        body = function(*args, **kwargs)
        call = start(args, kwargs)
        del args, kwargs
        if call is None:
            return (yield from body)
        sent: list[Any] = [None]
        thrown: list[BaseException] = []
        item: list[Any] = []
        try:
            while True:
                try:
                    with call.current():
                        item.append(body.throw(thrown.pop()) if thrown else body.send(sent.pop()))
                except StopIteration as stop:
                    call.succeed()
                    return stop.value
                call.first_item(item[0])
                try:
                    sent.append((yield item.pop()))
                except BaseException as error:
                    thrown.append(error)
        except BaseException as error:
            call.fail(error)
            raise

    return streamed


def streaming_async(
    start: Callable[[Any, Any], Inference | None], function: Callable[..., AsyncGenerator[Any, Any]]
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """Makes an asynchronous generator function of another; as `streaming`."""

    async def streamed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        body = function(*args, **kwargs)
        call = start(args, kwargs)
        del args, kwargs
        current = nullcontext if call is None else call.current
        step = [_first_step(body)]
        item: list[Any] = []
        try:
            while True:
                try:
                    with current():
                        item.append(await step.pop())
                except StopAsyncIteration:
                    if call is not None:
                        call.succeed()
                    return
                if call is not None:
                    call.first_item(item[0])
                try:
                    step.append(body.asend((yield item.pop())))
                except BaseException as error:
                    step.append(body.athrow(error))
        except BaseException as error:
            if call is not None:
                call.fail(error)
            raise

    return streamed


def _first_step(body: AsyncGenerator[Any, Any]) -> Awaitable[Any]:
    """Makes the first step of a body behind the event loop's back.

    The loop would come to know of the body, and at its end close it beside the generator that reads it and closes it.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return body.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)
