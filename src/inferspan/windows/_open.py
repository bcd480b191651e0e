# SPDX-License-Identifier: Apache-2.0
"""A window that data is still being added to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from inferspan import clock, faults
from inferspan.profiling import Capture
from inferspan.profiling.custom import OpenProfilers
from inferspan.profiling.profilers import of_model
from inferspan.windows.accumulator import Accumulator
from inferspan.windows.counted import Counted
from inferspan.windows.summary import FieldSummary
from inferspan.windows.window import Window, WindowKey


class OpenWindow:
    """What has been gathered of a model's inputs or outputs, or of an entity.

    Args:
        key: what it is of.
        due: when it is to be closed at the latest, on the monotonic clock.
        limit: after how many inferences it is to be closed.

    Attributes:
        accumulators: by how a tensor is read. One that is read in several ways has several; its fields are put together
            when the window is closed.
        current: by tensor, that of how it was read last.
        profilers: the application's, where it has some for this.
        started: when it was opened, in nanoseconds since the epoch.
        states: how many fields there is memory for.
    """

    __slots__ = (
        "accumulators",
        "current",
        "due",
        "inferences",
        "key",
        "limit",
        "omitted",
        "profilers",
        "started",
        "states",
    )

    def __init__(self, key: WindowKey, *, due: int, limit: int) -> None:
        self.key = key
        self.due = due
        self.limit = limit
        self.inferences = 0
        self.omitted = 0
        self.states = 0
        self.current: dict[str, Accumulator | Counted] = {}
        self.accumulators: dict[Any, Accumulator | Counted] = {}
        selection = of_model(key.entity or key.model or "")
        self.profilers = None if selection is None else OpenProfilers(selection)
        self.started = clock.wall()

    def find(self, capture: Capture) -> Accumulator | Counted | None:
        """Returns the accumulator of a tensor that has been read so before, if it has."""
        found = self.accumulators.get(_way_of(capture))
        if found is not None:
            self.current[capture.name] = found
        return found

    def begin(self, capture: Capture, fields: Sequence[str]) -> Accumulator | Counted:
        """Returns a new accumulator, for a tensor that is read so for the first time."""
        kind = Accumulator if capture.reading.counts is None else Counted
        self.states += len(fields)
        begun = self.current[capture.name] = self.accumulators[_way_of(capture)] = kind(capture, fields)
        return begun

    def flush(self) -> None:
        """Adds what waits to the state of the fields."""
        for one in list(self.accumulators.values()):
            if one.waiting:
                try:
                    one.flush()
                except Exception:
                    faults.caught("windows")

    def summaries(self, only: Collection[str] | None = None) -> dict[str, FieldSummary]:
        """Returns what is known by now of all fields, or of some."""
        self.flush()
        fields: dict[str, FieldSummary] = {}
        for one in list(self.accumulators.values()):
            try:
                for summary in one.summaries(only):
                    known = fields.get(summary.name)
                    fields[summary.name] = summary if known is None else known.merge(summary)
            except Exception:
                faults.caught("windows")
        return fields

    def close(self) -> Window:
        """Returns the window, closed."""
        fields = self.summaries()
        if self.profilers is not None:
            found = self.profilers.close()
            fields = {name: replace(one, custom=found[name]) if name in found else one for name, one in fields.items()}
        return Window(
            key=self.key,
            started=self.started,
            # The clock may have been set back.
            ended=max(self.started, clock.wall()),
            inferences=self.inferences,
            fields=fields,
            omitted=self.omitted,
        )


def _way_of(capture: Capture) -> tuple[Any, ...]:
    """Returns what all captures have in common that can be added up together."""
    reading, names = capture.reading, capture.names
    return capture.name, reading.type, reading.layout, capture.columns, None if names is None else tuple(names)
