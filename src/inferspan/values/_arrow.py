# SPDX-License-Identifier: Apache-2.0
"""Reads Arrow's arrays and tables by their buffers, of the classes of pyarrow itself.

Neither ``to_numpy`` nor ``cast``: they import pandas or more of pyarrow, and an extension type's are somebody's code.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy

from inferspan.values._columns import of_array, of_doubles, unread
from inferspan.values._reading import Reading
from inferspan.values._texts import every, of_text, wanted
from inferspan.values._times import in_seconds
from inferspan.values._types import class_of, name_of

#: Without its types, which know no array of any element type.
np: Any = numpy

#: Arrow's name of a type: ours, numpy's, and of times the unit.
_TYPES: dict[str, tuple[str, str, str]] = {
    "int8": ("int8", "|i1", ""),
    "int16": ("int16", "<i2", ""),
    "int32": ("int32", "<i4", ""),
    "int64": ("int64", "<i8", ""),
    "uint8": ("uint8", "|u1", ""),
    "uint16": ("uint16", "<u2", ""),
    "uint32": ("uint32", "<u4", ""),
    "uint64": ("uint64", "<u8", ""),
    "halffloat": ("float16", "<f2", ""),
    "float": ("float32", "<f4", ""),
    "double": ("float64", "<f8", ""),
    "date32[day]": ("datetime64[D]", "<i4", "D"),
    "date64[ms]": ("datetime64[D]", "<i8", "ms"),
    **{f"duration[{unit}]": (f"timedelta64[{unit}]", "<i8", unit) for unit in ("s", "ms", "us", "ns")},
}
_TEXTS = frozenset(("string", "large_string", "string_view"))
#: The classes of types whose names are pyarrow's own: an extension type can be called what it likes.
_NAMED = ("DataType", "TimestampType", "DurationType", "DictionaryType")


def read_table(table: Any, limit: int) -> list[tuple[Any, Reading]]:
    """Reads the first columns of a Table or RecordBatch, and one more where there are more."""
    fields = [table.schema.field(index) for index in range(min(table.num_columns, limit + 1))]
    return [(field.name, _read_column(table, index, field.type)) for index, field in enumerate(fields)]


def read_array(array: Any) -> Reading:
    """Reads an array."""
    return _read([array], _name_of(array.type) or "")


def read_chunked(array: Any) -> Reading:
    """Reads an array that is in parts."""
    name = _name_of(array.type)
    return _unknown(array.type, len(array)) if name is None else _read(array.chunks, name)


def _read_column(table: Any, index: int, kind: Any) -> Reading:
    if _name_of(kind) is None:  # its array can be of the application's class, which would be run to make one
        return _unknown(kind, table.num_rows)
    column = table.column(index)
    return read_chunked(column) if hasattr(column, "chunks") else read_array(column)


def _unknown(kind: Any, size: int) -> Reading:
    return unread(name_of(class_of(kind)), size)


def _read(chunks: Sequence[Any], name: str) -> Reading:
    size = sum(map(len, chunks))
    missing = sum(chunk.null_count for chunk in chunks)
    if name == "null":
        return Reading(name, (size,), counts=(size, size), column=True)
    if name in _TEXTS or name == "dictionary":
        return _read_texts(chunks, size, missing, "category" if name == "dictionary" else "string")
    if name == "bool":
        return of_doubles("bool", size, lambda start, step: _every(chunks, size, start, step, _bits))
    if name.startswith("timestamp["):
        unit = name[10:].partition(",")[0].rstrip("]")
        known = (f"datetime64[{unit}]", "<i8", unit)
    else:
        found = _TYPES.get(name)
        if found is None:
            return unread(name, size, missing)
        known = found
    ours, layout, unit = known
    if len(chunks) == 1 and not missing and not unit:
        return of_array(_values(chunks[0], layout), ours)

    def doubles(chunk: Any, first: int, step: int) -> Any:
        values = _values(chunk, layout)[first::step].astype(np.float64)
        return in_seconds(values, unit) if unit else values

    return of_doubles(ours, size, lambda start, step: _every(chunks, size, start, step, doubles))


def _name_of(kind: Any) -> str | None:
    """Returns the name of a type of pyarrow's own; None of any other."""
    arrow = sys.modules["pyarrow.lib"]
    named = next((name for name in _NAMED if class_of(kind) is getattr(arrow, name)), None)
    if named == "DictionaryType":
        return "dictionary" if _name_of(kind.value_type) in _TEXTS else None
    return None if named is None else str(kind)


def _read_texts(chunks: Sequence[Any], size: int, missing: int, kind: str) -> Reading:
    some: list[Any] = []
    start, step = every(size, wanted())
    base = 0
    for chunk in chunks:
        some += [chunk[index].as_py() for index in range((start - base) % step, len(chunk), step)]
        base += len(chunk)
    return of_text((size,), (size, missing), some, kind=kind, column=True)


def _every(chunks: Sequence[Any], size: int, start: int, step: int, read: Any) -> Any:
    """Returns every so manieth element as doubles, NaN where there is none."""
    found = np.empty(len(range(start, size, step)), np.float64)
    base = filled = 0
    for chunk in chunks:
        first = (start - base) % step
        values = read(chunk, first, step)
        if chunk.null_count:
            values[~_present(chunk, first, step)] = np.nan
        found[filled : filled + values.size] = values
        filled += values.size
        base += len(chunk)
    return found


def _values(chunk: Any, layout: str) -> Any:
    """Returns the numbers of an array as a view of its memory, whatever is in the place of missing ones."""
    size, buffer = len(chunk), chunk.buffers()[1]
    if not size or buffer is None:
        return np.zeros(size, layout)
    return np.frombuffer(buffer, layout, size, chunk.offset * np.dtype(layout).itemsize)


def _bits(chunk: Any, first: int, step: int) -> Any:
    return _unpacked(chunk.buffers()[1], chunk.offset, len(chunk), first, step).astype(np.float64)


def _present(chunk: Any, first: int, step: int) -> Any:
    return _unpacked(chunk.buffers()[0], chunk.offset, len(chunk), first, step).astype(bool)


def _unpacked(buffer: Any, offset: int, size: int, first: int, step: int) -> Any:
    """Returns bits of a bitmap, of which the lowest of a byte comes first."""
    if not size or buffer is None:
        return np.zeros(len(range(first, size, step)), np.uint8)
    packed = np.frombuffer(buffer, np.uint8)
    if step == 1:
        start = offset // 8
        bits = np.unpackbits(packed[start : (offset + size + 7) // 8], bitorder="little")
        return bits[offset - 8 * start + first :][: size - first]
    wanted = np.arange(offset + first, offset + size, step)
    return packed[wanted >> 3] >> (wanted & 7) & 1
