# SPDX-License-Identifier: Apache-2.0
"""What the public context managers have in common: one object, entered by several threads and tasks at a time."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from opentelemetry.context import Context, get_current

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])


class Blocks(Generic[_T]):
    """The ``with`` blocks of one object that are being executed, each with what belongs to it."""

    __slots__ = ("_entered",)

    def __init__(self) -> None:
        #: With the OpenTelemetry context that each was entered with; by ``id``.
        self._entered: dict[int, tuple[_Block, Context, _T]] = {}

    def enter(self, item: _T) -> None:
        """Adds a block of this thread and task."""
        block = (self, _innermost())
        self._entered[id(block)] = (block, get_current(), item)
        _latest.set(block)

    def current(self) -> _T | None:
        """Returns what belongs to the block that this thread or task is in."""
        found = self._find()
        return None if found is None else found[2]

    def leave(self) -> _T | None:
        """Takes out the block that this thread or task is in, and returns what belongs to it."""
        found = self._find()
        if found is None:
            return None
        self._entered.pop(id(found[0]), None)
        return found[2]

    def has(self, block: _Block) -> bool:
        """Returns whether a block of this object has not been left."""
        return id(block) in self._entered

    def _find(self) -> tuple[_Block, Context, _T] | None:
        block = _latest.get()
        while block is not None:
            if block[0] is self:
                found = self._entered.get(id(block))
                if found is not None:
                    return found
            block = block[1]
        # A thread that was given the object in the middle of a block. Pools that are instrumented pass on
        # OpenTelemetry's context alone, which tells where there are several.
        entered = list(self._entered.values())
        if len(entered) > 1:
            here = get_current()
            entered = [one for one in entered if one[1] is here] or entered
        return entered[-1] if entered else None


#: The object that a block is one of, and the block around it, which may be another object's. It says no more, for
#: contexts remember it after its end.
_Block = tuple[Blocks[Any], "_Block | None"]
_latest: ContextVar[_Block | None] = ContextVar("inferspan-block", default=None)


def _innermost() -> _Block | None:
    """Returns the innermost block that this thread or task is in, of all objects."""
    block = _latest.get()
    while block is not None and not block[0].has(block):
        block = block[1]
    return block


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
