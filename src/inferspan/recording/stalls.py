# SPDX-License-Identifier: Apache-2.0
"""Tells of inferences that do not come back: each once, when it has been in progress for ``stall_seconds``.

A thread of its own looks, for the worker may be where the process hangs: in an exporter. It cannot look while native
code holds the interpreter's lock; such calls the crash ring tells of at the next start.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from opentelemetry._logs import SeverityNumber

from inferspan import clock, config, faults
from inferspan.recording import exceptions, gate, live
from inferspan.recording.live import Observed
from inferspan.semconv import attributes as names
from inferspan.semconv import events

#: Longest time between two looks, in seconds; a shorter limit is looked after four times.
_PERIOD = 1.0
_LOOKS = 4

_thread: threading.Thread | None = None
_lock = threading.Lock()


def watch() -> None:
    """Starts the thread, unless it runs."""
    global _thread
    if _thread is not None:
        return
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_run, name="inferspan-stalls", daemon=True)
            try:
                _thread.start()
            except RuntimeError:  # no more threads, or the interpreter is going down
                pass


def _run() -> None:
    while True:
        limit = config.in_force.stall_seconds
        time.sleep(min(_PERIOD, limit / _LOOKS) if limit else _PERIOD)
        if limit:
            try:
                _look(limit)
            except Exception:
                faults.caught("stalls")


def _look(limit: float) -> None:
    now = clock.monotonic()
    for call in list(live.calls.values()):
        inference = call.inference
        if inference is not None and not inference.told and now - inference.since >= limit * 1e9:
            inference.told = True
            _tell(inference, now - inference.since)


def _tell(call: Observed, age: int) -> None:
    attributes: dict[str, Any] = {
        **call.facts(),
        names.INFERSPAN_INFERENCE_AGE: age / 1e9,
        names.THREAD_ID: call.thread,
    }
    name = next((thread.name for thread in threading.enumerate() if thread.ident == call.thread), None)
    if name is not None:
        attributes[names.THREAD_NAME] = name
    frame = sys._current_frames().get(call.thread)  # pyright: ignore[reportPrivateUsage]
    stack = exceptions.stack_of(frame, detail=config.in_force.exception_detail)
    # It refers to every local variable of that thread.
    del frame
    if stack is not None:
        attributes[names.CODE_STACKTRACE] = stack
    gate.enter()
    try:
        call.series.scope.logger.emit(
            event_name=events.INFERSPAN_INFERENCE_STALLED,
            severity_number=SeverityNumber.WARN,
            timestamp=clock.wall(),
            context=call.context,
            attributes=attributes,
        )
    finally:
        gate.leave()


def _after_fork_in_child() -> None:
    global _thread, _lock
    _thread = None
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
