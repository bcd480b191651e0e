# SPDX-License-Identifier: Apache-2.0
"""The other half of profiling, on the worker: from captures to the statistics of fields."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inferspan.profile._capture import Capture

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


def summarise(captures: Iterable[Capture], *, min_count: int) -> list[FieldProfile]:
    """Turns captures into field profiles: one a tensor, followed by one a feature where its features are known."""
    fields: list[FieldProfile] = []
    for one in captures:
        reading = one.reading
        whole = FieldProfile(one.name, reading.type, reading.shape, note=reading.note)
        fields.append(whole)
        moments = one.moments if one.moments is not None else _small(one)
        if not moments:
            continue
        ordered = _shows_order(reading.shape, moments[0].finite, min_count)
        _fill(whole, moments[0], min_count=min_count, ordered=ordered)
        for name, column in zip(one.features or (), moments[1:], strict=False):
            field = FieldProfile(name, reading.type, (column.count,))
            _fill(field, column, min_count=min_count, ordered=True)
            fields.append(field)
    return fields


def _shows_order(shape: tuple[int, ...] | None, finite: int, min_count: int) -> bool:
    """Returns whether minimum, maximum and quantiles may be shown: not of a few rows of a table.

    They are single values of single rows; over a small table they would give away a person's record, where the
    mean and the deviation of the row do not. Images, sequences and wide vectors have no such rows.
    """
    if finite < min_count:
        return False
    if shape is None or len(shape) > 2:
        return True
    columns = shape[-1] if shape else 1
    rows = shape[0] if len(shape) == 2 else 1
    return columns > TABLE_COLUMNS or rows >= min_count


def _fill(field: FieldProfile, moments: Any, *, min_count: int, ordered: bool) -> None:
    field.count = moments.count
    field.missing = moments.missing
    field.infinite = moments.infinite
    field.zero = moments.zero
    if moments.finite < min_count:
        return
    field.mean = _finite(moments.mean)
    field.standard_deviation = moments.standard_deviation
    if ordered:
        field.minimum = moments.minimum
        field.maximum = moments.maximum
        field.quantile_05, field.quantile_50, field.quantile_95 = moments.quantiles(0.05, 0.5, 0.95)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _small(one: Capture) -> list[Any] | None:
    """Summarises the private copy of a small value."""
    reading = one.reading
    if reading.data is None:
        return None
    import numpy as np

    from inferspan.profile import _moments

    if isinstance(reading.data, bytes):
        if reading.layout == "bfloat16":
            array = np.frombuffer(reading.data, np.uint16)
        else:
            array = np.frombuffer(reading.data, reading.layout)
    else:
        array = _from_scalars(np, reading.data)
        total = math.prod(reading.shape or ())
        if len(reading.data) < total:
            one.features = None
            reading.note = f"first {len(reading.data)} of {total}"
    whole = _moments.of_array(array, reading.layout)
    if one.features is None or not array.size:
        return [whole]
    return [whole, *_moments.of_columns(array.reshape(-1, len(one.features)), reading.layout)]


def _from_scalars(np: Any, data: tuple[Any, ...]) -> Any:
    """Python scalars as doubles, None as NaN; whole numbers beyond a double's range as infinities of their sign."""
    try:
        return np.array([math.nan if item is None else item for item in data], np.float64)
    except OverflowError:
        return np.array([math.nan if item is None else _to_double(item) for item in data], np.float64)


def _to_double(item: float) -> float:
    try:
        return float(item)
    except OverflowError:
        return math.inf if item > 0 else -math.inf
