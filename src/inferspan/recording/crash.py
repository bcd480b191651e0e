# SPDX-License-Identifier: Apache-2.0
"""Tells at the next start which inferences a process was running that was killed, aborted or crashed.

Each process keeps a file in ``crash_folder``, mapped into its memory: a slot for each inference in progress. What was
written survives the process, whatever ends it, for the system keeps the mapped pages (not so if the machine itself
loses power). The process holds a lock on its file as long as it lives, by which others tell that it does not.
"""

from __future__ import annotations

import json
import mmap
import os
import secrets
from collections import deque
from pathlib import Path
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from inferspan import config, faults
from inferspan.recording import drops
from inferspan.recording.live import Observed
from inferspan.semconv import attributes as names
from inferspan.semconv import events
from inferspan.semconv.attributes import SelfDropReason

try:
    import fcntl
except ImportError:  # Windows: files cannot be removed there while they are mapped either
    fcntl = None

_SUFFIX = ".inferences"
_SLOTS = 256
_SLOT = 1024
#: A slot: whether it is in use, the length of its text in two bytes, the text.
_HEAD = 3
_MAX_FILES = 256
_NO_SLOT = -1


class _Ring:
    """The file of this process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        _lock(self._file)
        os.ftruncate(self._file, _SLOTS * _SLOT)
        self._memory = mmap.mmap(self._file, _SLOTS * _SLOT)
        self._free = deque(range(_SLOTS))

    def reserve(self) -> int:
        """Returns a free slot, if there is one."""
        try:
            return self._free.popleft()
        except IndexError:
            drops.count(SelfDropReason.CRASH_LIMIT)
            return _NO_SLOT

    def put(self, slot: int, facts: dict[str, Any]) -> None:
        """Writes an inference down."""
        text = json.dumps(facts).encode()
        while len(text) > _SLOT - _HEAD:  # many inputs: the last ones go
            facts = {key: value[:-1] if isinstance(value, list) else value for key, value in facts.items()}
            text = json.dumps(facts).encode()
        begin = slot * _SLOT
        self._memory[begin + 1 : begin + _HEAD + len(text)] = len(text).to_bytes(2, "little") + text
        self._memory[begin] = 1

    def take(self, slot: int) -> None:
        """Says that the inference has ended."""
        self._memory[slot * _SLOT] = 0
        self._free.append(slot)

    def close(self, *, remove: bool) -> None:
        """Lets go of the file; a forked child leaves its parent's where it is."""
        self._memory.close()
        os.close(self._file)
        if remove:
            self.path.unlink(missing_ok=True)


_ring: _Ring | None = None
_failed = False


def begin(call: Observed) -> int:
    """Writes an inference down that begins; returns what `end` is to be given."""
    global _ring, _failed
    folder = config.in_force.crash_folder
    if not folder or _failed:
        return _NO_SLOT
    try:
        if _ring is None:
            _ring = _Ring(Path(folder))
        slot = _ring.reserve()
        update(slot, call)
    except Exception:
        _failed = True  # a folder that cannot be written to stays so
        faults.caught("crash")
        return _NO_SLOT
    return slot


def update(slot: int, call: Observed) -> None:
    """Writes an inference down anew, of which more is known by now."""
    ring = _ring
    if slot != _NO_SLOT and ring is not None:
        ring.put(slot, _facts_of(call))


def end(slot: int) -> None:
    """Forgets an inference that has ended."""
    ring = _ring
    if slot != _NO_SLOT and ring is not None:
        try:
            ring.take(slot)
        except ValueError:  # the process exits, and has closed it
            pass


def finish() -> None:
    """Removes the file: the process ends in order."""
    global _ring
    ring, _ring = _ring, None
    if ring is not None:
        ring.close(remove=True)


def report(logger: Any) -> None:
    """Emits an event for each inference that processes left behind that are no more, and removes their files."""
    folder = config.in_force.crash_folder
    if not folder or fcntl is None:
        return
    try:
        for path in sorted(Path(folder).glob(f"*{_SUFFIX}"))[:_MAX_FILES]:
            if _ring is None or path != _ring.path:
                _report_file(logger, path)
    except Exception:
        faults.caught("crash")


def _report_file(logger: Any, path: Path) -> None:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # another process was faster, or it is somebody else's
        return
    try:
        if not _lock(file) or os.fstat(file).st_nlink == 0:
            return
        content = os.pread(file, _SLOTS * _SLOT, 0)
        path.unlink()
    finally:
        os.close(file)
    for begin in range(0, len(content) - _HEAD, _SLOT):
        if content[begin]:
            size = int.from_bytes(content[begin + 1 : begin + _HEAD], "little")
            try:
                _emit(logger, json.loads(content[begin + _HEAD : begin + _HEAD + size]))
            except (ValueError, KeyError, TypeError):  # the process ended while it wrote
                pass


def _emit(logger: Any, facts: dict[str, Any]) -> None:
    trace_id, span_id = facts.pop("trace"), facts.pop("span")
    span = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(facts.pop("flags")))
    logger.emit(
        event_name=events.INFERSPAN_INFERENCE_LOST,
        severity_number=SeverityNumber.ERROR,
        timestamp=facts.pop("started"),
        context=set_span_in_context(NonRecordingSpan(span), Context()) if span.is_valid else Context(),
        attributes=facts,
    )


def _facts_of(call: Observed) -> dict[str, Any]:
    span = call.span.get_span_context()
    return {
        **call.facts(),
        names.PROCESS_PID: os.getpid(),
        names.THREAD_ID: call.thread,
        "started": call.started,
        "trace": span.trace_id,
        "span": span.span_id,
        "flags": int(span.trace_flags),
    }


def _lock(file: int) -> bool:
    """Takes the lock of a file; returns False where its process lives."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _after_fork_in_child() -> None:
    # The lock belongs to the open file: it would outlive the parent as long as the child holds its copy.
    global _ring
    ring, _ring = _ring, None
    if ring is not None:
        ring.close(remove=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
