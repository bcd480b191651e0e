# SPDX-License-Identifier: Apache-2.0
"""The fields that are known, and what closed windows have counted of them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from fractions import Fraction

from inferspan.windows.summary import FieldSummary, double
from inferspan.windows.totals import FieldTotals
from inferspan.windows.window import Window, WindowKey


class Entry:
    """One field: whose it is, and what closed windows have counted of it.

    Args:
        tensor: that it is, or is a column of.
        started: when it was first seen, in nanoseconds since the epoch.
        is_kept: whether its distribution is kept, and not its counts alone.

    Attributes:
        summary: of closed windows, where it is kept and one was closed.
    """

    __slots__ = ("_total", "_totals", "is_kept", "started", "summary", "tensor")

    def __init__(self, tensor: str, *, started: int, is_kept: bool) -> None:
        self.tensor = tensor
        self.is_kept = is_kept
        self.started = started
        self.summary: FieldSummary | None = None
        self._totals = FieldTotals()
        self._total = Fraction(0)

    @property
    def totals(self) -> FieldTotals:
        """What closed windows have counted."""
        counts = self._totals
        return FieldTotals(counts.count, counts.missing, counts.infinite, counts.zero, double(self._total))

    def add(self, summary: FieldSummary) -> None:
        """Adds what a window has counted that was closed."""
        self._totals += FieldTotals(summary.count, summary.missing, summary.infinite, summary.zero)
        self._total += summary.total  # exactly, so that small windows are not lost beside what was there before
        if self.is_kept:
            self.summary = self.with_summary(summary)

    def with_summary(self, summary: FieldSummary | None) -> FieldSummary | None:
        """Returns how the field is distributed: in closed windows, and in one more."""
        if summary is None:
            return self.summary
        summary = replace(summary, categories=(), custom={})
        return summary if self.summary is None else self.summary.merge(summary)


class Ledger:
    """The known fields of all models and entities, of which there is a bounded number.

    Where there is no room for another field, that model's or entity's are forgotten whose last window was closed the
    longest time ago: where models are replaced again and again, those in use find room. Should it come back, its counts
    start anew, as those of another process would.
    """

    def __init__(self) -> None:
        self._fields: dict[WindowKey, dict[str, Entry]] = {}
        self._size = 0

    def of(self, key: WindowKey) -> Mapping[str, Entry]:
        """Returns the known fields of one key."""
        return self._fields.get(key, {})

    def items(self) -> list[tuple[WindowKey, str, Entry]]:
        """Returns all known fields."""
        return [(key, name, entry) for key, fields in self._fields.items() for name, entry in fields.items()]

    def has_room(self, limit: int, in_use: Container[WindowKey]) -> bool:
        """Returns whether one more field may become known, if need be in the place of some that are not in use."""
        while self._size >= limit:
            oldest = next((key for key in self._fields if key not in in_use), None)
            if oldest is None:
                return False
            self._size -= len(self._fields.pop(oldest))
        return True

    def enter(self, key: WindowKey, name: str, entry: Entry) -> None:
        """Makes a field known."""
        self._fields.setdefault(key, {})[name] = entry
        self._size += 1

    def add(self, window: Window) -> None:
        """Adds what a window has counted that was closed."""
        fields = self._fields.pop(window.key, {})
        for name, summary in window.fields.items():
            fields[name].add(summary)
        if fields:  # of those that are closed, it is now the one to be forgotten last
            self._fields[window.key] = fields
