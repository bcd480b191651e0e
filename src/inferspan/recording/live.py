# SPDX-License-Identifier: Apache-2.0
"""The inferences in progress: each is in here until it has ended, which it does exactly once.

Whoever takes a call out ends it: its own thread when it returns, or the exit of the process. A forked child starts
with none: the calls in progress are its parent's to end.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol


class InProgress(Protocol):
    """A call that has begun."""

    def interrupt(self) -> None:
        """Ends the call because the process exits."""
        ...


#: By ``id``: a call is taken out before it can be collected.
calls: dict[int, InProgress] = {}

_exiting = False


def closed() -> bool:
    """Returns whether no new call may begin on this thread.

    Once the process exits, threads that are not waited for could begin calls that never end.
    """
    return _exiting and threading.current_thread() is not threading.main_thread()


def interrupt_all() -> None:
    """Ends what is in progress, as the process exits."""
    global _exiting
    _exiting = True
    for call in list(calls.values()):
        call.interrupt()


def _after_fork_in_child() -> None:
    calls.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
