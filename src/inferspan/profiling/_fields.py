# SPDX-License-Identifier: Apache-2.0
"""The other half of profiling, on the worker: from captures to the statistics of fields."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inferspan.profiling import kernel
from inferspan.profiling._capture import Capture
from inferspan.profiling._moments import Moments
from inferspan.profiling._scalars import FEW, doubles, of_list, packed
from inferspan.values import Reading

#: A two-dimensional value with at most as many columns is a table; its rows are somebody's records.
TABLE_COLUMNS = 256


@dataclass(slots=True)
class FieldProfile:
    """One tensor, feature or column.

    Counts are of all values; statistics are over the finite ones, and None where there are none or where they are
    withheld: over fewer than ``min_count`` values a statistic is a raw value in disguise. The minimum, the maximum
    and the quantiles always are values that occurred.
    """

    name: str
    type: str
    shape: tuple[int, ...] | None
    count: int | None = None
    missing: int | None = None
    infinite: int | None = None
    zero: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    standard_deviation: float | None = None
    quantile_05: float | None = None
    quantile_50: float | None = None
    quantile_95: float | None = None
    note: str | None = None

    @property
    def missing_ratio(self) -> float:
        return (self.missing or 0) / self.count if self.count else 0.0

    @property
    def infinite_ratio(self) -> float:
        return (self.infinite or 0) / self.count if self.count else 0.0


def prepare(captures: Iterable[Capture]) -> None:
    """Imports what profiles of arrays need: once, which is not to be taken for the cost of one profile."""
    if any(type(one.reading.data) is bytes for one in captures):
        _arrays()
        kernel.name()


def summarise(captures: Iterable[Capture], *, min_count: int) -> list[FieldProfile]:
    """Turns captures into field profiles: one a tensor, followed by some of its columns where it is a table.

    Those are all of them where their names are known, and else the ones with missing or infinite values.
    """
    fields: list[FieldProfile] = []
    for one in captures:
        reading = one.reading
        whole = FieldProfile(one.name, reading.type, reading.shape, note=reading.note)
        fields.append(whole)
        if reading.counts is not None:
            whole.count, whole.missing = reading.counts
        elif one.moments is not None:
            _fill(whole, one.moments[0], min_count=min_count, ordered=_shows_order(reading, min_count))
            fields += _columns(one, whole, one.moments[1:], min_count)
        elif reading.data is not None:
            ordered = _shows_order(reading, min_count)
            _fill(whole, _small(reading, min_count=min_count, ordered=ordered), min_count=min_count, ordered=ordered)
            if one.columns and whole.count and _shows_columns(one, whole):
                fields += _columns(one, whole, _small_columns(reading, one.columns, min_count), min_count)
    return fields


def has_findings(one: Capture) -> bool:
    """Returns whether values are missing or infinite."""
    if one.moments is not None:
        whole = one.moments[0]
        return bool(whole.missing or whole.infinite)
    data = one.reading.data
    if isinstance(data, tuple):
        return not math.isfinite(sum(doubles(data)))
    if not data or one.reading.layout[1] in "iu":  # whole numbers are all finite
        return False
    (found,) = kernel.moments(data, one.reading.layout)
    return bool(found.missing or found.infinite)


def _shows_order(reading: Reading, min_count: int) -> bool:
    """Returns whether minimum, maximum and quantiles may be shown: not of a few rows of a table.

    They are single values of single rows; over a small table they would give away a person's record, where the
    mean and the deviation of the row do not. Images, long sequences and wide vectors have no such rows.
    """
    shape = reading.shape
    if shape is None or reading.column:  # of a column nothing is shown unless it has as many rows
        return True
    columns = shape[-1] if shape else 1
    return columns > TABLE_COLUMNS or math.prod(shape[:-1]) >= min_count


def _shows_columns(one: Capture, whole: FieldProfile) -> bool:
    return one.names is not None or bool(whole.missing or whole.infinite)


def _columns(one: Capture, whole: FieldProfile, columns: list[Moments], min_count: int) -> list[FieldProfile]:
    if not _shows_columns(one, whole):
        return []
    found: list[FieldProfile] = []
    for index, column in enumerate(columns):
        if one.names is not None or column.missing or column.infinite:
            field = FieldProfile(one.name_of(index), one.reading.type, (column.count,))
            _fill(field, column, min_count=min_count, ordered=True)
            found.append(field)
    return found


def _fill(field: FieldProfile, moments: Moments, *, min_count: int, ordered: bool) -> None:
    field.count = moments.count
    field.missing = moments.missing
    field.infinite = moments.infinite
    field.zero = moments.zero
    if moments.finite < min_count:
        return
    field.mean = moments.mean
    field.standard_deviation = moments.standard_deviation
    if ordered:
        field.minimum = moments.minimum
        field.maximum = moments.maximum
        field.quantile_05, field.quantile_50, field.quantile_95 = moments.quantiles(0.05, 0.5, 0.95)


def _small(reading: Reading, *, min_count: int, ordered: bool) -> Moments:
    data = reading.data
    if isinstance(data, tuple) and len(data) <= FEW:  # a few numbers do without numpy
        return of_list(doubles(data), min_count=min_count, ordered=ordered)
    data, layout = _bytes(reading)
    (found,) = kernel.moments(data, layout)
    if ordered and found.finite >= min_count:
        found.sample = _arrays().finite(_arrays().from_copy(data, layout))
    return found


def _small_columns(reading: Reading, width: int, min_count: int) -> list[Moments]:
    data, layout = _bytes(reading)
    found = kernel.moments(data, layout, columns=width)
    if found[0].count >= min_count:
        table = _arrays().from_copy(data, layout).reshape(-1, width)
        for index, one in enumerate(found):
            one.sample = _arrays().finite(table[:, index])
    return found


def _bytes(reading: Reading) -> tuple[bytes, str]:
    """Returns the private copy of a small value, and the layout of its elements."""
    if isinstance(reading.data, bytes):
        return reading.data, reading.layout
    return packed(reading.data or ())


def _arrays() -> Any:
    # Imported where it is needed: numpy is the application's.
    from inferspan.profiling import _arrays

    return _arrays
