# SPDX-License-Identifier: Apache-2.0
"""The values of one field in an open window that are counted and no more, as text is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from inferspan.profiling import Capture
from inferspan.profiling.categories import Categories
from inferspan.windows.summary import FieldSummary
from inferspan.windows.totals import FieldTotals

#: Bytes that a text of up to 64 characters takes that waits.
_TEXT = 128


class Counted:
    """One field of values that have no numbers: how many there are, and how many are missing.

    It is used as an `Accumulator` is.

    Args:
        capture: the first of its captures.
        fields: its name.
    """

    __slots__ = (
        "_categories",
        "_count",
        "_missing",
        "_texts",
        "_type",
        "columns",
        "fields",
        "omitted",
        "tensor",
        "waiting",
    )

    def __init__(self, capture: Capture, fields: Sequence[str]) -> None:
        self.tensor = capture.name
        self.columns = 0
        self.fields = fields
        self.omitted = self.waiting = 0
        self._type = capture.reading.type
        self._count = 0
        self._missing = 0
        self._categories = Categories("string")
        self._texts: list[str] = []

    def add(self, capture: Capture) -> bool:
        """Adds the counts of a capture of the tensor; False where it is read in another way."""
        reading = capture.reading
        if reading.counts is None or reading.type != self._type:
            return False
        count, missing = reading.counts
        self._count += count
        self._missing += missing
        if reading.texts:
            self._texts += reading.texts
            self.waiting += len(reading.texts) * _TEXT
        return True

    def flush(self) -> None:
        """Counts the texts that wait."""
        texts, self._texts, self.waiting = self._texts, [], 0
        if texts:
            self._categories.add(texts)

    def totals(self) -> Iterator[tuple[str, FieldTotals]]:
        """Returns what was counted since the window was opened."""
        yield self.fields[0], FieldTotals(self._count, self._missing)

    def summaries(self, only: Collection[str] | None = None) -> Iterator[FieldSummary]:
        """Returns what is known of it."""
        if only is not None and self.fields[0] not in only:
            return
        yield FieldSummary(
            name=self.fields[0],
            tensor=self.tensor,
            type=self._type,
            count=self._count,
            missing=self._missing,
            unmeasured=self._count - self._missing,
            categories=(self._categories.summary,) if self._categories.summary.count else (),
        )
