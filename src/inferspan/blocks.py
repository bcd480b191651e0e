# SPDX-License-Identifier: Apache-2.0
"""What the public context managers have in common: one object, entered by several threads and tasks at a time."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from opentelemetry.context import Context, get_current

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])


class Blocks(Generic[_T]):
    """The ``with`` blocks of one object that are being executed, each with what belongs to it."""

    __slots__ = ("_entered",)

    def __init__(self) -> None:
        #: With the context that each was entered with; by ``id``.
        self._entered: dict[int, tuple[Context, _T]] = {}

    def enter(self, item: _T) -> None:
        """Adds a block of this thread and task, whose context is the current one."""
        block = (get_current(), item)
        self._entered[id(block)] = block

    def current(self) -> _T | None:
        """Returns what belongs to the block that this thread or task is in."""
        block = self._innermost()
        return None if block is None else block[1]

    def leave(self) -> _T | None:
        """Takes out the block that this thread or task is in, and returns what belongs to it."""
        block = self._innermost()
        if block is None:
            return None
        self._entered.pop(id(block), None)
        return block[1]

    def _innermost(self) -> tuple[Context, _T] | None:
        # Where there are several, the context tells.
        blocks = list(self._entered.values())
        if len(blocks) > 1:
            here = get_current()
            blocks = [block for block in blocks if block[0] is here] or blocks
        return blocks[-1] if blocks else None


def decorated(function: _F, make: Callable[[], AbstractContextManager[Any]]) -> _F:
    """Makes each call of a function, or of a coroutine function, a block of its own.

    Raises:
        TypeError: the function is a generator function: its body runs between the steps of its consumer, in whose
            context the block would stay open.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{function.__qualname__} is a generator function: use a with block inside it")
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with make():
                return await function(*args, **kwargs)

        return awaited  # type: ignore[return-value]

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with make():
            return function(*args, **kwargs)

    return called  # type: ignore[return-value]
