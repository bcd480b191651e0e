# SPDX-License-Identifier: Apache-2.0
"""The queue and the thread that finish inferences off the request thread, and every way to wait for them.

The worker is woken for each record and finishes one at a time: one that wakes up now and then to finish a batch
holds the interpreter lock for as long, and doubles the 99th percentile of calls that release it.

Each record is finished under one gate. Whoever wants the queue empty (a flush, a collection of metrics, the end of
the process) takes the gate and finishes what is queued on its own thread, so nothing depends on the worker being
alive; ``os.fork`` waits at the gate, so that no lock of the SDK is held by a thread that the child does not have.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from queue import SimpleQueue
from typing import Protocol

from inferspan import faults

#: Longest wait for the gate, in seconds: an exporter that blocks must block neither a fork nor a flush for good.
_PATIENCE = 5.0


class Completable(Protocol):
    """What the queue holds."""

    def complete(self) -> None:
        """Finishes span, metrics and events."""
        ...

    def drop_profile(self) -> None:
        """Forgets the data profile, to be finished at the least cost."""
        ...


_queue: deque[Completable] = deque()
_wake: SimpleQueue[None] = SimpleQueue()
_gate = threading.RLock()
_start_lock = threading.Lock()
_thread: threading.Thread | None = None
_inline = False


def submit(record: Completable, *, limit: int) -> None:
    """Hands a record over; finishes it here where the queue is full, its data profile dropped."""
    if _inline:
        finish_here(record)
        return
    if len(_queue) >= limit:
        record.drop_profile()
        finish_here(record)
        return
    _queue.append(record)
    _wake.put(None)
    if _thread is None:
        _start()


def finish_here(record: Completable) -> None:
    """Finishes a record on the calling thread."""
    with _gate:
        try:
            record.complete()
        except Exception:
            faults.caught("worker")


def drain() -> None:
    """Returns when everything submitted before the call has been finished."""
    if not _gate.acquire(timeout=_PATIENCE):
        return
    try:
        for _ in range(len(_queue)):
            _finish_next()
    finally:
        _gate.release()


def finish_inline_from_now_on() -> None:
    """Drains, and lets the worker retire: from the exit of the process on, nobody waits for it any more."""
    global _inline
    _inline = True
    drain()


def _finish_next() -> None:
    try:
        record = _queue.popleft()
    except IndexError:
        return
    try:
        record.complete()
    except Exception:
        faults.caught("worker")


def _run(wake: SimpleQueue[None]) -> None:
    while True:
        wake.get()
        if wake is not _wake:
            return
        with _gate:
            try:
                _finish_next()
            except Exception:  # only with `raise_faults`: counted already, and the worker has to go on
                pass


def _start() -> None:
    global _thread, _inline
    with _start_lock:
        if _thread is not None:
            return
        thread = threading.Thread(target=_run, args=(_wake,), name="inferspan-worker", daemon=True)
        _thread = thread
    try:
        thread.start()
    except RuntimeError:  # no more threads, or the interpreter is going down
        _inline = True
        drain()


def _before_fork() -> None:
    _gate.acquire(timeout=_PATIENCE)


def _after_fork_in_parent() -> None:
    try:
        _gate.release()
    except RuntimeError:  # the wait had timed out
        pass


def _after_fork_in_child() -> None:
    # What is queued is the parent's, and the parent finishes it. The locks may be held by threads that are gone.
    global _wake, _gate, _start_lock, _thread
    _queue.clear()
    _wake = SimpleQueue()
    _gate = threading.RLock()
    _start_lock = threading.Lock()
    _thread = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
