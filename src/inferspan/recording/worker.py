# SPDX-License-Identifier: Apache-2.0
"""The queue and the thread that finish inferences off the request thread, and every way to wait for them.

While there is traffic the worker looks at the queue every 1.5 ms, and a caller only appends: to wake a
sleeping thread for each record would cost the caller more than the rest of its part (25 µs on a virtual machine, where
an idle processor has to be woken too). A longer wait would make batches of records, for which the worker would hold the
interpreter lock, and calls that want it back would wait. Once the traffic pauses the worker sleeps until it is woken.

The queue is finished by one thread at a time. Whoever wants it empty (a flush, a collection of metrics, the end of the
process) takes its turn and finishes what is queued on its own thread, so nothing depends on the worker being alive.
Who finishes a record of its own waits for nobody. Every record is finished inside the gate that a fork waits at.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

from inferspan import clock, config, faults
from inferspan.profiling.budget import budget
from inferspan.recording import drops, gate, live

#: Longest wait for a turn, in seconds: an exporter that blocks must not block a flush for good.
PATIENCE = 5.0
#: How long the worker waits until it looks at the queue again, in seconds, and how often in vain before it sleeps.
_POLL = 0.0015
_POLLS = 10


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
#: Whether the worker sleeps, or is about to: whoever appends a record then has to wake it.
_asleep = False
_turn = threading.RLock()
_start_lock = threading.Lock()
_thread: threading.Thread | None = None
_inline = False
#: When something is to be done although nothing is queued, on the monotonic clock, and what.
_idle: tuple[Callable[[], int | None], Callable[[], None]] | None = None
#: Whether this process has finished a record.
_finished = False


def hand_over(record: Completable) -> None:
    """Has a call finished that was taken out of `live.calls`: by the worker, or here where that is how it is set."""
    settings = config.in_force
    try:
        if settings.defer:
            _submit(record, limit=settings.queue_size)
        else:
            finish_here(record)
    finally:
        live.handed_over(record)


def _submit(record: Completable, *, limit: int) -> None:
    """Queues a record; finishes it here where the queue is full, its data profile dropped."""
    if _inline:
        finish_here(record)
        return
    if len(_queue) >= limit:
        record.drop_profile()
        finish_here(record)
        return
    _queue.append(record)
    if _asleep:
        _wake.put(None)
    if _thread is None:
        _start()


def finish_here(record: Completable) -> None:
    """Finishes a record on the calling thread."""
    global _finished
    _finished = True
    gate.enter()
    try:
        record.complete()
    except Exception:
        faults.caught("worker")
    finally:
        gate.leave()


def when_idle(next_due: Callable[[], int | None], do_due: Callable[[], None]) -> None:
    """Has the worker, while nothing is queued, do at its time what has to be done then.

    Args:
        next_due: returns when that is, on `clock.monotonic`; None while there is nothing.
        do_due: does it.
    """
    global _idle
    _idle = next_due, do_due


def drain() -> bool:
    """Returns when everything submitted before the call has been finished.

    Returns:
        False where there was no turn within the patience: what is being finished blocks.
    """
    turn = _turn
    if not turn.acquire(timeout=PATIENCE):
        return False
    try:
        for _ in range(len(_queue)):
            _finish_next()
    finally:
        turn.release()
    return True


def has_records() -> bool:
    """Returns whether this process, and not one that it was forked from, has had anything to record."""
    return _finished or bool(_queue)


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
    finish_here(record)


def _run(wake: SimpleQueue[None]) -> None:
    while wake is _wake:
        _wait(wake)
        with _turn:
            try:
                _finish_next()
            except BaseException:
                # A fault that is to be raised was counted already; and what a span processor may raise besides
                # (SystemExit, another library's timeout) must not end the thread that all records depend on.
                pass


def _wait(wake: SimpleQueue[None]) -> None:
    """Returns when there may be something in the queue."""
    global _asleep
    for _ in range(_POLLS):
        if _queue:
            return
        time.sleep(_POLL)
    _asleep = True
    # In this order: a record that was appended before is seen here, and whoever appends one from now on wakes us.
    while not _queue:
        due = None if _idle is None else _idle[0]()
        try:
            wake.get(timeout=None if due is None else max(0, due - clock.monotonic()) / 1e9)
            break
        except Empty:
            _do_due()
    _asleep = False


def _do_due() -> None:
    assert _idle is not None
    try:
        _idle[1]()
    except BaseException:
        pass  # as in _run


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


def _after_fork_in_child() -> None:
    # What is queued is the parent's, and the parent finishes it, as it reports what it has counted. The locks may be
    # held by threads that are gone.
    global _wake, _asleep, _turn, _start_lock, _thread, _finished
    _finished = False
    _queue.clear()
    drops.forget()
    budget.forget()
    faults.counts.clear()
    _wake = SimpleQueue()
    _asleep = False
    _turn = threading.RLock()
    _start_lock = threading.Lock()
    _thread = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
