# SPDX-License-Identifier: Apache-2.0
"""The gate that records are finished in, and that a fork waits at.

A child of ``os.fork`` has one thread, and the locks of all: one that another thread held inside the SDK at that
moment is never released there. So a fork waits until no thread is inside, and holds back those that want to go in.
Threads do not wait for one another here, only for forks.
"""

from __future__ import annotations

import os
import threading
import time
from threading import get_ident

#: Longest wait of a fork, in seconds: an exporter that blocks must not block it for good.
PATIENCE = 5.0
_POLL = 0.0005

#: Threads that are inside, each with how many times: what finishes a record may finish another.
_inside: dict[int, int] = {}
_fork = threading.RLock()
#: The thread that forks, or 0.
_forking = 0


def enter() -> None:
    """Goes in; `leave` has to follow."""
    thread = get_ident()
    depth = _inside.get(thread, 0)
    _inside[thread] = depth + 1
    while _forking and not depth:
        # Step back, so that whoever forks does not wait for this thread, and wait for the fork.
        del _inside[thread]
        with _fork:
            pass
        _inside[thread] = 1


def leave() -> None:
    """Goes out."""
    thread = get_ident()
    depth = _inside.get(thread, 0)
    if depth > 1:
        _inside[thread] = depth - 1
    else:
        _inside.pop(thread, None)


def _before_fork() -> None:
    global _forking
    deadline = time.monotonic() + PATIENCE
    if not _fork.acquire(timeout=PATIENCE):
        return
    _forking = thread = get_ident()
    while any(other != thread for other in list(_inside)) and time.monotonic() < deadline:
        time.sleep(_POLL)


def _after_fork_in_parent() -> None:
    global _forking
    if _forking == get_ident():
        _forking = 0
        _fork.release()


def _after_fork_in_child() -> None:
    global _forking, _fork
    _forking = 0
    _fork = threading.RLock()
    depth = _inside.get(get_ident())
    _inside.clear()
    if depth:
        _inside[get_ident()] = depth


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
