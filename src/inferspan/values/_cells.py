# SPDX-License-Identifier: Apache-2.0
"""Python objects as the elements of one array or column: told apart by their exact classes, and read by nothing else.

None, NaN, and what pandas has in their place, are missing. Nobody's ``__eq__``, ``__float__`` or ``__str__`` is run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from inferspan.values._reading import Reading
from inferspan.values._texts import of_text
from inferspan.values._times import second_of
from inferspan.values._types import class_of, name_of

#: Cells of a column of Python objects that are looked at.
MAX_CELLS = 1024
_MAX_NAMES = 3

# Classes are compared by `id`: a metaclass can define how its classes are hashed and compared.
_NONE, _FLOAT = id(type(None)), id(float)
_NUMBERS = frozenset((_FLOAT, id(int), id(bool)))
_TIMES = frozenset((id(date), id(datetime)))
_TEXT = frozenset((id(str),))
_READ = _NUMBERS | _TIMES | _TEXT | {_NONE}
_TYPES = {
    frozenset((id(bool),)): "bool",
    frozenset((id(int),)): "int64",
    frozenset((id(int), id(bool))): "int64",
    frozenset((id(date),)): "datetime64[D]",
}


def are_texts(values: Iterable[Any]) -> bool:
    """Returns whether values are strings, all of exactly that class."""
    return _kinds(values) <= _TEXT


def are_scalars(values: Iterable[Any]) -> bool:
    """Returns whether values are such as are read as cells."""
    return _kinds(values) <= _READ


def _kinds(values: Iterable[Any]) -> frozenset[int]:
    return frozenset(map(id, map(class_of, values)))


def read_cells(
    cells: Sequence[Any], shape: tuple[int, ...], *, note: str | None = None, column: bool = False
) -> Reading:
    """Reads some or all elements of a value.

    Args:
        cells: those that are looked at.
        shape: of the whole.
        note: which ones they are, if not all.
        column: whether each is of another row.
    """
    known = _kinds(cells)
    if not known <= _READ:
        cells = _without_stand_ins(cells)
        known = _kinds(cells)
    known -= {_NONE}
    if known <= _NUMBERS:
        return Reading(_TYPES.get(known, "float64"), shape, data=tuple(cells), note=note, column=column)
    gaps = sum(cell is None or (class_of(cell) is float and cell != cell) for cell in cells)
    counts = (len(cells), gaps)
    if known - {_FLOAT} == _TEXT and _floats_are_gaps(cells):
        return of_text(shape, counts, cells, note=note, column=column)
    seconds = _seconds(cells) if known - {_FLOAT} <= _TIMES and _floats_are_gaps(cells) else None
    if seconds is not None:
        type_name = _TYPES.get(known - {_FLOAT}, "datetime64[us]")
        return Reading(type_name, shape, data=seconds, note=note, column=column)
    if len(known) > 1:
        kinds = {id(kind): kind for kind in map(class_of, cells)}
        names = ", ".join(sorted(name_of(kinds[number]) for number in known)[:_MAX_NAMES])
        reason = f"values of several types are not profiled: {names}"
    else:
        reason = "Python objects are not read"
    return Reading("object", shape, note=reason, counts=counts, column=column)


def _without_stand_ins(cells: Sequence[Any]) -> Sequence[Any]:
    """Puts None in the place of pandas' ``NaT`` and ``NA``, each of which is one object."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return cells
    nothing = (getattr(pandas, "NaT", None), getattr(pandas, "NA", None))
    return [None if cell is nothing[0] or cell is nothing[1] else cell for cell in cells]


def _floats_are_gaps(cells: Sequence[Any]) -> bool:
    return all(cell != cell for cell in cells if class_of(cell) is float)


def _seconds(cells: Sequence[Any]) -> tuple[float | None, ...] | None:
    """Returns points in time in seconds, or None where the zone of one is the application's code."""
    read: Callable[[Any], float | None] = second_of
    found = [read(cell) if id(class_of(cell)) in _TIMES else None for cell in cells]
    clear = sum(id(class_of(cell)) in _TIMES for cell in cells)
    return tuple(found) if clear == len(found) - found.count(None) else None
