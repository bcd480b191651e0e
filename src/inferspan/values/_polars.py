# SPDX-License-Identifier: Apache-2.0
"""Reads polars' DataFrame and Series."""

from __future__ import annotations

import sys
from typing import Any

from inferspan.values._columns import of_array, of_doubles, unread
from inferspan.values._reading import Reading
from inferspan.values._texts import every, of_text, wanted
from inferspan.values._times import in_seconds
from inferspan.values._types import class_of, simple_name_of

_NUMBERS = {
    **{f"{kind}{bits}": f"{kind}{bits}".lower() for kind in ("Int", "UInt") for bits in (8, 16, 32, 64)},
    "Float16": "float16",
    "Float32": "float32",
    "Float64": "float64",
}
_TEXTS = {"String": "string", "Utf8": "string", "Categorical": "category", "Enum": "category"}
_TIMES = {"Datetime": "datetime64", "Duration": "timedelta64"}


def read_frame(frame: Any, limit: int) -> list[tuple[Any, Reading]]:
    """Reads the first columns of a frame, and one more where there are more."""
    return [(name, read_series(frame.to_series(index))) for index, name in enumerate(frame.columns[: limit + 1])]


def read_series(series: Any) -> Reading:
    """Reads a column; one without missing values is looked at where it lies."""
    size = len(series)
    kind = class_of(series.dtype)
    name = simple_name_of(kind)
    if getattr(sys.modules["polars"], name, None) is not kind:  # an extension's type is somebody's code
        return unread(name, size)
    missing = series.null_count()
    if name in _NUMBERS:
        if not missing and series.n_chunks() == 1:
            return of_array(series.to_numpy(), _NUMBERS[name])
        return of_doubles(_NUMBERS[name], size, lambda start, step: _doubles(series, start, step))
    if name == "Boolean":
        byte = sys.modules["polars"].UInt8
        return of_doubles("bool", size, lambda start, step: _doubles(series, start, step, cast=byte))
    if name in _TEXTS:
        start, step = every(size, wanted())
        some = map(series.item, range(start, size, step))  # `gather_every` takes longer than that
        return of_text((size,), (size, missing), some, kind=_TEXTS[name], column=True)
    unit = "D" if name == "Date" else getattr(series.dtype, "time_unit", None) if name in _TIMES else None
    if unit is None:
        return unread(name.lower(), size, missing)
    whole = series.to_physical()
    return of_doubles(
        f"{_TIMES.get(name, 'datetime64')}[{unit}]",
        size,
        lambda start, step: in_seconds(_doubles(whole, start, step), unit),
    )


def _doubles(series: Any, start: int, step: int, *, cast: Any = None) -> Any:
    some = series if step == 1 else series.gather_every(step, start)
    if cast is not None:
        some = some.cast(cast)
    return some.to_numpy().astype("f8")
