# SPDX-License-Identifier: Apache-2.0
"""The inferences in progress: each is in here until it has ended, which it does exactly once.

Whoever takes a call out ends it: its own thread when it returns, or the exit of the process. A forked child starts
with none: the calls in progress are its parent's to end.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Protocol

from opentelemetry.context import Context
from opentelemetry.trace import Span

from inferspan import faults


class Reported(Protocol):
    """The series of an inference."""

    @property
    def scope(self) -> Any: ...

    @property
    def key(self) -> tuple[str, str, str | None]: ...


class Observed(Protocol):
    """What can be told of an inference while it is in progress.

    Attributes:
        told: whether it was told that it lasts too long.
    """

    told: bool

    @property
    def series(self) -> Reported: ...

    @property
    def span(self) -> Span: ...

    @property
    def context(self) -> Context: ...

    @property
    def started(self) -> int:
        """When it began, in nanoseconds since the epoch."""
        ...

    @property
    def since(self) -> int:
        """When it began, in nanoseconds of the monotonic clock."""
        ...

    @property
    def thread(self) -> int:
        """Which thread made the call."""
        ...

    def facts(self) -> dict[str, Any]:
        """Returns attributes that are known already: which model, and what shapes its inputs have."""
        ...


class InProgress(Protocol):
    """An inference or a stage that has begun."""

    @property
    def inference(self) -> Observed | None:
        """Itself; None for a stage, which is not counted as in progress."""
        ...

    def interrupt(self) -> None:
        """Ends the call because the process exits."""
        ...

    def disown(self) -> None:
        """Forgets the call in a forked child: it is the parent's to end, and covers nothing that the child does."""
        ...


#: By ``id``: a call is taken out before it can be collected.
calls: dict[int, InProgress] = {}
#: The ``id`` of each call that is about to be put in: whoever starts it has yet to ask whether that is `closed`.
starting: list[int] = []
#: The ``id`` of each call that has been taken out and is not handed over yet. A list, for two threads may try to take
#: the same call: what the one that comes too late takes back is its own entry, and not that of the other.
ending: list[int] = []

#: Longest wait at exit, in seconds, for threads that are starting a call, and for those that are ending one: they
#: profile what it has returned.
PATIENCE = 1.0
_POLL = 0.0005

_exiting = False


def closed() -> bool:
    """Returns whether no new call may begin on this thread.

    Once the process exits, threads that are not waited for could begin calls that never end.
    """
    return _exiting and threading.get_ident() != threading.main_thread().ident


def take(call: InProgress) -> bool:
    """Takes out a call, for the caller to end and to say `handed_over`; returns False where another has."""
    number = id(call)
    ending.append(number)
    if calls.pop(number, None) is None:
        ending.remove(number)
        return False
    return True


def handed_over(call: object) -> None:
    """Says that the worker has the call, or that it is finished."""
    ending.remove(id(call))


def interrupt_all() -> None:
    """Ends what is in progress, as the process exits, and waits for those that are being ended."""
    global _exiting
    _exiting = True
    _wait_for(starting)
    for call in list(calls.values()):
        try:
            call.interrupt()
        except Exception:
            faults.caught("exit")
    _wait_for(ending)


def _wait_for(threads: list[int]) -> None:
    deadline = time.monotonic() + PATIENCE
    while threads and time.monotonic() < deadline:
        time.sleep(_POLL)


def _after_fork_in_child() -> None:
    for call in calls.values():
        call.disown()
    calls.clear()
    starting.clear()
    ending.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
