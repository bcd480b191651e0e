# SPDX-License-Identifier: Apache-2.0
"""The other half of profiling, on the worker: from captures to the statistics of fields."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inferspan.profiling._capture import Capture
from inferspan.profiling._moments import Moments
from inferspan.profiling._scalars import FEW, doubles, of_list

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
        importlib.import_module("inferspan.profiling._columns")


def summarise(captures: Iterable[Capture], *, min_count: int) -> list[FieldProfile]:
    """Turns captures into field profiles: one a tensor, followed by one a feature where its features are known."""
    fields: list[FieldProfile] = []
    for one in captures:
        reading = one.reading
        ordered = _shows_order(reading.shape, min_count)
        moments = one.moments if one.moments is not None else _small(one, min_count, ordered)
        whole = FieldProfile(one.name, reading.type, reading.shape, note=reading.note)
        fields.append(whole)
        if not moments:
            continue
        _fill(whole, moments[0], min_count=min_count, ordered=ordered)
        for name, column in zip(one.features or (), moments[1:], strict=False):
            field = FieldProfile(name, reading.type, (column.count,))
            _fill(field, column, min_count=min_count, ordered=True)
            fields.append(field)
    return fields


def has_findings(one: Capture) -> bool:
    """Returns whether values are missing or infinite."""
    if one.moments is not None:
        whole = one.moments[0]
        return bool(whole.missing or whole.infinite)
    data = one.reading.data
    if isinstance(data, tuple):
        return not math.isfinite(sum(doubles(data)))
    if not data or ("f" not in one.reading.layout):  # whole numbers are all finite
        return False
    from inferspan.profiling import _arrays

    return not math.isfinite(_arrays.from_copy(data, one.reading.layout).sum())


def _shows_order(shape: tuple[int, ...] | None, min_count: int) -> bool:
    """Returns whether minimum, maximum and quantiles may be shown: not of a few rows of a table.

    They are single values of single rows; over a small table they would give away a person's record, where the
    mean and the deviation of the row do not. Images, long sequences and wide vectors have no such rows.
    """
    if shape is None:
        return True
    columns = shape[-1] if shape else 1
    return columns > TABLE_COLUMNS or math.prod(shape[:-1]) >= min_count


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


def _small(one: Capture, min_count: int, ordered: bool) -> list[Moments]:
    """Summarises the private copy of a small value, and its columns where their names are known."""
    reading = one.reading
    data = reading.data
    if data is None:
        return []
    total = math.prod(reading.shape or ())
    if isinstance(data, tuple) and len(data) < total:
        reading.note = f"first {len(data)} of {total}"
        one.features = None
    if isinstance(data, tuple) and len(data) <= FEW:  # a few numbers do without numpy
        values: Any = doubles(data)
        arrays = None
    else:
        # Imported where it is needed: numpy is the application's.
        from inferspan.profiling import _arrays as arrays

        values = doubles(data) if isinstance(data, tuple) else arrays.from_copy(data, reading.layout)
    columns = _small_columns(values, len(one.features), min_count) if one.features and len(values) else []
    if arrays is None or len(values) <= FEW:
        return [of_list(_listed(values), min_count=min_count, ordered=ordered), *columns]
    return [arrays.of_few(values, ordered=ordered), *columns]


def _small_columns(values: Any, width: int, min_count: int) -> list[Moments]:
    rows = len(values) // width
    ordered = rows >= min_count
    if rows <= FEW:
        values = _listed(values)
        return [of_list(values[index::width], min_count=min_count, ordered=ordered) for index in range(width)]
    from inferspan.profiling import _columns

    return _columns.of_columns(values, width, ordered=ordered)


def _listed(values: Any) -> list[float]:
    return values.tolist() if hasattr(values, "tolist") else values
