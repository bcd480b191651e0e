# SPDX-License-Identifier: Apache-2.0
"""The values of one tensor in an open window: small ones are gathered until they are worth a call of the kernel.

Imported late: numpy is the application's, and is there as soon as there is an array.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy

from inferspan.profiling import Capture, packed
from inferspan.profiling.categories import Categories
from inferspan.profiling.histogram import ExponentialHistogram
from inferspan.profiling.kernel import accumulate, distribute
from inferspan.profiling.states import States
from inferspan.windows._categories import kind_of, whole
from inferspan.windows.summary import FieldSummary
from inferspan.windows.totals import FieldTotals

#: Without its types, which know no array of any element type.
np: Any = numpy

#: Bytes that a waiting chunk takes beside its data: the object's own, and its place in the list.
_OVERHEAD = 48
#: Bytes of a number that waits as an object of Python's.
_NUMBER = 32


class Accumulator:
    """One tensor for as long as it is read alike: as one type, with the same columns.

    Args:
        capture: the first that is read so.
        fields: names for the tensor, or for its first columns, as many as there is room for.

    Attributes:
        omitted: columns that there was no room for.
        waiting: bytes that wait for `flush`, and those of the objects that hold them; of values whose frequent ones are
            counted, an eighth: that is the cheaper, the more there are at once.
    """

    __slots__ = (
        "_categories",
        "_layout",
        "_names",
        "_patience",
        "_pending",
        "_states",
        "_type",
        "_width",
        "columns",
        "fields",
        "omitted",
        "tensor",
        "waiting",
    )

    def __init__(self, capture: Capture, fields: Sequence[str]) -> None:
        reading = capture.reading
        self.tensor = capture.name
        self.columns = capture.columns
        self.fields = fields
        self.omitted = max(capture.columns - len(fields), 0)
        self.waiting = 0
        self._type = reading.type
        self._layout = reading.layout
        self._names = capture.names
        self._states = States(len(fields))
        kind = kind_of(capture)
        self._categories = () if kind is None else tuple(Categories(kind) for _ in fields)
        self._patience = 0 if kind is None else 3
        self._pending: list[Any] = []
        self._width = 1 if self._layout else _NUMBER

    def add(self, capture: Capture) -> bool:
        """Adds the values of a capture of the tensor.

        Returns:
            False where it is read in another way than those before: then it is for another accumulator.
        """
        reading = capture.reading
        if (
            reading.layout != self._layout
            or reading.type != self._type
            or capture.columns != self.columns
            or (capture.names is not self._names and capture.names != self._names)
        ):
            return False
        data = reading.data
        if data is not None:
            self._pending.append(data)
            self.waiting += len(data) * self._width + _OVERHEAD >> self._patience
        elif capture.moments is not None:
            self._add_moments(capture.moments[1:] if self.columns else capture.moments)
        return True

    def flush(self) -> None:
        """Has the kernel add what waits."""
        pending, self._pending, self.waiting = self._pending, [], 0
        if not pending:
            return
        if isinstance(pending[0], bytes):
            data, layout = b"".join(pending), self._layout
        else:
            data, layout = packed(chain.from_iterable(pending))
        if not data:
            return
        fields = len(self.fields)
        if fields < self.columns:
            accumulate(self._states, self._rows(data, layout)[:, :fields], layout, columns=fields)
        else:
            accumulate(self._states, data, layout, columns=self.columns)
        if self._categories:
            rows = self._rows(data, layout)
            for index, categories in enumerate(self._categories):
                categories.add(whole(rows[:, index]))

    def totals(self) -> Iterator[tuple[str, FieldTotals]]:
        """Returns what was counted of each field since the window was opened."""
        for index, name in enumerate(self.fields):
            found = self._states.read(index, histogram=False)
            total = (found.mean or 0.0) * found.finite  # infinite, where it is too large: adding makes it the largest
            yield name, FieldTotals(found.count, found.missing, found.infinite, found.zero, total)

    def summaries(self, only: Collection[str] | None = None) -> Iterator[FieldSummary]:
        """Returns what is known of all fields, or of some."""
        for index, name in enumerate(self.fields):
            if only is not None and name not in only:
                continue
            found = self._states.read(index)
            # The sums of the values and of their squares, exactly those that make this mean and these deviations.
            mean = Fraction(found.mean or 0.0)
            total = mean * found.finite
            yield FieldSummary(
                name=name,
                tensor=self.tensor,
                type=self._type,
                count=found.count,
                missing=found.missing,
                infinite=found.infinite,
                zero=found.zero,
                # Zero has no sign here: of two zeroes, it would depend on the order which one is the minimum.
                minimum=None if found.minimum is None else found.minimum + 0.0,
                maximum=None if found.maximum is None else found.maximum + 0.0,
                total=total,
                squares=found.squares + total * mean,
                histogram=found.histogram or ExponentialHistogram(),
                categories=(self._categories[index].summary,) if self._categories else (),
            )

    def _rows(self, data: bytes, layout: str) -> Any:
        values = np.frombuffer(data, np.uint16 if layout == "bfloat16" else layout)
        return values.reshape(-1, self.columns or 1)

    def _add_moments(self, moments: Sequence[Any]) -> None:
        """Adds what was summarised at the call, of each field: the moments of all values, and a sample of them."""
        for index, one in enumerate(moments[: len(self.fields)]):
            self._states.add_moments(index, one)
            if one.sample is not None and len(one.sample):
                sample = np.asarray(one.sample)
                distribute(self._states, index, sample, sample.dtype.str)
                if self._categories:
                    self._categories[index].add(whole(sample))
