# SPDX-License-Identifier: Apache-2.0
"""Reads pandas' DataFrame and Series, whose columns are arrays of numpy's, of pandas' own classes, or of pyarrow's."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy

from inferspan.values._columns import of_array, of_doubles, unread
from inferspan.values._reading import Reading
from inferspan.values._texts import every, of_text, wanted
from inferspan.values._types import class_of, inherits, name_of, simple_name_of
from inferspan.values._walk import join

#: Without its types, which know no array of any element type.
np: Any = numpy


def read_frame(frame: Any, limit: int) -> list[tuple[Any, Reading]]:
    """Reads the first columns of a frame, and one more where there are more."""
    # Not `frame.items()`: it makes a Series of each, which takes 15 times as long, and copies what the application
    # keeps in `attrs`. The arrays are only looked at, as they lie there.
    arrays = islice(frame._iter_column_arrays(), limit + 1)
    labels = _labels(frame.columns, limit + 1)
    return [(label, _read(values)) for label, values in zip(labels, arrays, strict=False)]


def read_series(series: Any) -> Reading:
    """Reads a column."""
    return _read(series.array)


def _labels(index: Any, limit: int) -> Iterable[Any]:
    """Returns what columns are called; by their numbers where their labels are made by code that is not pandas' own."""
    if not _is_plain(index):
        return range(limit)
    labels = index.tolist() if len(index) <= limit else index[:limit].tolist()
    return [".".join(join("", part) for part in label) if class_of(label) is tuple else label for label in labels]


def _is_plain(index: Any) -> bool:
    pandas = sys.modules["pandas"]
    kinds = (pandas.Index, pandas.RangeIndex, pandas.MultiIndex)
    dtype = class_of(index.dtype)
    return any(class_of(index) is kind for kind in kinds) and (dtype is pandas.StringDtype or inherits(dtype, np.dtype))


def _read(values: Any) -> Reading:
    """Reads the array of a column."""
    kind = class_of(values)
    if kind is np.ndarray:
        return of_array(values)
    name = simple_name_of(kind)
    if getattr(sys.modules["pandas"].arrays, name, None) is not kind:
        return Reading(name_of(kind), None, note=f"{name_of(kind)} is not read", column=True)
    size = len(values)
    if name in ("NumpyExtensionArray", "PandasArray"):
        return of_array(values.to_numpy())
    if name in ("DatetimeArray", "TimedeltaArray"):  # those with a time zone in UTC
        return of_array(values.to_numpy(dtype=f"{'M' if name == 'DatetimeArray' else 'm'}8[{values.unit}]"))
    if name in ("IntegerArray", "FloatingArray", "BooleanArray"):
        return of_doubles(values.dtype.numpy_dtype.name, size, lambda start, step: _doubles(values, start, step))
    if name in ("ArrowExtensionArray", "ArrowStringArray"):
        # Imported where it is needed: pyarrow is there then.
        from inferspan.values import _arrow

        return _arrow.read_chunked(values.__arrow_array__())
    if name == "StringArray":
        return _texts(values, values.isna(), "string")
    if name == "Categorical":
        return _texts(values, values.codes < 0, "category" if _is_plain(values.categories) else None)
    return unread(name, size)


def _doubles(values: Any, start: int, step: int) -> Any:
    return values[start::step].to_numpy(dtype="float64", na_value=np.nan)


def _texts(values: Any, missing: Any, kind: str | None) -> Reading:
    size = len(values)
    counts = size, int(np.count_nonzero(missing))
    if kind is None:
        return unread("category", *counts)
    start, step = every(size, wanted())
    return of_text((size,), counts, values[start::step].tolist(), kind=kind, column=True)
