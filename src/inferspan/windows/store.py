# SPDX-License-Identifier: Apache-2.0
"""The windows of a process: data is added to open ones, and those that are full or due are closed."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from inferspan import clock, config, faults
from inferspan.profiling import Capture
from inferspan.windows._ledger import Entry, Ledger
from inferspan.windows._names import names_of
from inferspan.windows.totals import Distribution, FieldTotals
from inferspan.windows.window import Window, WindowKey

if TYPE_CHECKING:
    from inferspan.windows._open import OpenWindow
    from inferspan.windows.accumulator import Accumulator
    from inferspan.windows.counted import Counted

#: A field of one key.
FieldKey = tuple[WindowKey, str]
#: Most bytes of small values that wait, of one tensor and of all. A kernel is called for many rows at once, and so
#: seldom that of a hundred additions, even of some kilobytes, hardly one has to wait for it.
_MOST_WAITING = 524_288
_MOST_WAITING_OF_ALL = 2_097_152
#: A window is closed after as many inferences whatever is set: a histogram has 32 bits for each count, and takes up to
#: some thousands of values of an inference.
_MOST_INFERENCES = 131_072
_NANOSECONDS = 1_000_000_000


def prepare() -> None:
    """Imports what windows of arrays need: once, which is not to be taken for the cost of adding to one."""
    importlib.import_module("inferspan.windows._open")


def _nothing(_key: WindowKey, _name: str) -> bool:
    return False


class Windows:
    """All windows of a process. Any thread may use it.

    A window is closed after the inferences of the setting ``window_inferences``, or the seconds of ``window_seconds``
    on a clock that never steps, whichever comes first; by the thread that adds the last inference, or calls
    `close_due`. The fields of all models are bounded by ``window_fields``.

    Args:
        keeps: says of which fields all that is known since the process started is kept, for `distributions`; it is
            asked once for each field that has numbers.

    Attributes:
        overflowed: for how many fields there was no room, summed over the inferences of the process.
    """

    def __init__(self, *, keeps: Callable[[WindowKey, str], bool] = _nothing) -> None:
        self._keeps = keeps
        self._listeners: list[Callable[[Window], None]] = []
        self.clear()

    def clear(self) -> None:
        """Starts anew in a forked child: what was added before, its parent closes and counts."""
        # Reentrant: a finaliser that runs an inference can interrupt one that is being added, on the same thread.
        self._lock = threading.RLock()
        self._open: dict[WindowKey, OpenWindow] = {}
        self._ledger = Ledger()
        self._states = self._accumulators = 0
        self._most_waiting = _MOST_WAITING
        self._next_due: int | None = None
        self.overflowed = 0

    def on_close(self, listener: Callable[[Window], None]) -> None:
        """Has a function called with each window that is closed, on the thread that closes it."""
        self._listeners.append(listener)

    def add(self, key: WindowKey, captures: Sequence[Capture]) -> None:
        """Adds the data of one inference.

        Args:
            key: what it is data of.
            captures: of all its inputs, or of all its outputs.
        """
        closed: Window | None = None
        lock = self._lock
        lock.acquire()  # half the price of a with statement, for what is done for every inference
        try:
            window = self._open.get(key)
            if window is None:
                window = self._begin(key)
            window.inferences += 1
            current, profilers = window.current, window.profilers
            for capture in captures:
                try:
                    one = current.get(capture.name)
                    if one is None or not one.add(capture):
                        one = self._add_otherwise(window, capture)
                        if one is None:
                            continue
                    if one.waiting > self._most_waiting:
                        one.flush()
                    if profilers is not None:
                        profilers.add(capture, one.fields)
                    if one.omitted:
                        self._omit(window, one.omitted)
                except Exception:
                    faults.caught("windows")
            # Unless an inference that came between has closed it.
            if window.inferences >= window.limit and self._open.get(key) is window:
                closed = self._close(window)
        finally:
            lock.release()
        if closed is not None:
            self._tell([closed])

    def next_due(self) -> int | None:
        """Returns when the next window has to be closed, on `clock.monotonic`; None while none is open."""
        return self._next_due

    def close_due(self, now: int | None = None) -> None:
        """Closes the windows whose time is over, those of models included that are not called any more.

        Args:
            now: on `clock.monotonic`, where the caller knows.
        """
        due = self._next_due
        if due is not None and due <= (clock.monotonic() if now is None else now):
            self._close_until(clock.monotonic() if now is None else now)

    def close_all(self) -> None:
        """Closes all windows."""
        self._close_until(None)

    def totals(self) -> dict[FieldKey, FieldTotals]:
        """Returns what has been counted of each field since the process started, open windows included."""
        with self._lock:
            found = {(key, name): entry.totals for key, name, entry in self._ledger.items()}
            for window in list(self._open.values()):
                window.flush()
                for one in list(window.accumulators.values()):
                    for name, totals in one.totals():
                        found[window.key, name] += totals
        return found

    def distributions(self) -> dict[FieldKey, Distribution]:
        """Returns all that is known since they were first seen of the fields for which that is kept."""
        found: dict[FieldKey, Distribution] = {}
        with self._lock:
            kept = [field for field in self._ledger.items() if field[2].is_kept]
            names: dict[WindowKey, set[str]] = {}
            for key, name, _ in kept:
                names.setdefault(key, set()).add(name)
            latest = {key: self._open[key].summaries(only) for key, only in names.items() if key in self._open}
            for key, name, entry in kept:
                summary = entry.with_summary(latest.get(key, {}).get(name))
                if summary is not None:
                    found[key, name] = Distribution(entry.started, summary)
        return found

    def _begin(self, key: WindowKey) -> OpenWindow:
        # Imported late: it needs numpy, which is the application's.
        from inferspan.windows._open import OpenWindow

        settings = config.in_force
        due = clock.monotonic() + settings.window_seconds * _NANOSECONDS
        window = OpenWindow(key, due=due, limit=min(settings.window_inferences, _MOST_INFERENCES))
        self._open[key] = window
        self._next_due = due if self._next_due is None else min(self._next_due, due)
        return window

    def _add_otherwise(self, window: OpenWindow, capture: Capture) -> Accumulator | Counted | None:
        """Adds a capture that is not read as the last of its tensor; None where there is nothing to add, or no room."""
        reading = capture.reading
        if reading.data is None and capture.moments is None and reading.counts is None:
            return None
        found = window.find(capture)
        if found is None:
            names = names_of(capture, self._ledger.of(window.key))
            fields = self._admit(window, capture, names)
            if not fields or self._open.get(window.key) is not window:
                self._omit(window, len(names))
                return None
            self._states += len(fields)
            self._accumulators += 1
            self._most_waiting = min(_MOST_WAITING, _MOST_WAITING_OF_ALL // self._accumulators)
            found = window.begin(capture, fields)
        found.add(capture)
        return found

    def _admit(self, window: OpenWindow, capture: Capture, names: Sequence[str]) -> list[str]:
        """Returns the first of a tensor's fields, as many as there is room for."""
        limit = config.in_force.window_fields
        admitted: list[str] = []
        for name in names[: max(limit - self._states, 0)]:
            if name not in self._ledger.of(window.key):
                if not self._ledger.has_room(limit, self._open):
                    break
                # Text has no distribution.
                is_kept = capture.reading.counts is None and self._keeps(window.key, name)
                self._ledger.enter(window.key, name, Entry(capture.name, started=window.started, is_kept=is_kept))
            admitted.append(name)
        return admitted

    def _omit(self, window: OpenWindow, fields: int) -> None:
        window.omitted += fields
        self.overflowed += fields

    def _close_until(self, now: int | None) -> None:
        with self._lock:
            windows = [one for one in self._open.values() if now is None or one.due <= now]
            closed = [self._close(window) for window in windows]
        self._tell(closed)

    def _close(self, opened: OpenWindow) -> Window:
        del self._open[opened.key]
        self._states -= opened.states
        self._accumulators -= len(opened.accumulators)
        self._next_due = min((window.due for window in self._open.values()), default=None)
        window = opened.close()
        self._ledger.add(window)
        return window

    def _tell(self, windows: Sequence[Window]) -> None:
        for window in windows:
            for listener in tuple(self._listeners):
                try:
                    listener(window)
                except Exception:
                    faults.caught("windows")
