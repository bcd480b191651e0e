# SPDX-License-Identifier: Apache-2.0
"""Finds the arrays and scalars in what a call was given or has returned.

Containers of exact built-in classes are walked, and those of a few libraries, through the built-in methods that
they inherit: an override in a subclass is the application's code and is not run. Of each container a bounded copy is
looked at, for another thread may change it meanwhile.
"""

from __future__ import annotations

import math
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any, cast

from inferspan.text import encodable
from inferspan.values._cells import MAX_CELLS, are_scalars, read_cells
from inferspan.values._reading import Reading
from inferspan.values._records import read_records
from inferspan.values._types import (
    bases_of,
    class_of,
    describe,
    frame_reader_of,
    members_of,
    module_of,
    name_of,
    reader_of,
)

#: Bounds of a walk. What lies beyond is named in one note.
MAX_DEPTH = 4
MAX_LEAVES = 1024
_MAX_SCALARS = 4096
_MAX_DIMENSIONS = 8
_MAX_KEY = 256
_MAX_WHOLE_KEY = 10**9

# Classes are compared by `id`: a metaclass can define how its classes are hashed and compared.
_SEQUENCES = frozenset(map(id, (list, tuple)))
_NUMBERS = frozenset(map(id, (float, int, bool, type(None))))
_WHOLE = {frozenset((id(bool),)): "bool", frozenset((id(int),)): "int64", frozenset((id(int), id(bool))): "int64"}

#: Containers of libraries, by the full name of the class or of a base: the attribute that holds the dict of their
#: items, or nothing where they are dicts themselves.
_LIBRARIES = {
    "transformers.utils.generic.ModelOutput": "",
    "diffusers.utils.outputs.BaseOutput": "",
    "transformers.tokenization_utils_base.BatchEncoding": "data",
    "transformers.feature_extraction_utils.BatchFeature": "data",
    "tensordict._td.TensorDict": "_tensordict",
}
_MAX_BASES = 6
# The C methods: they see what is stored even where a subclass overrides them.
_stored: Callable[[Any], Iterable[tuple[Any, Any]]] = cast(Any, dict).items
_length: Callable[[Any], int] = cast(Any, tuple).__len__
_slice: Callable[[Any, slice], tuple[Any, ...]] = cast(Any, tuple).__getitem__
#: Times that a dict is looked at which another thread changes meanwhile.
_ATTEMPTS = 4


def walk(value: Any, name: str) -> list[tuple[str, Reading]]:
    """Reads every array and scalar in a value.

    Args:
        value: anything; a mapping's keys become names.
        name: the name of a value that is no container, and the prefix of what is inside a sequence.

    Returns:
        (name, reading) pairs in the order met, at most ``MAX_LEAVES`` and one that says what was left out.
    """
    kind = class_of(value)
    reader = reader_of(kind)
    if reader is not None:
        return [(name, reader(value))]
    if kind is Reading:  # an adapter knew type and shape without the value
        return [(name, value)]
    found: list[tuple[str, Reading]] = []
    _walk(value, kind, name, "", 0, found)
    return found


def _walk(value: Any, kind: type, name: str, prefix: str, depth: int, found: list[tuple[str, Reading]]) -> None:
    try:
        columns = _columns(value, kind, name, prefix, MAX_LEAVES - len(found))
        if columns is not None:
            found += columns
            return
        items = _items(value, kind, name, prefix, MAX_LEAVES - len(found) + 1)
    except RuntimeError:
        found.append((name, Reading(name_of(kind), None, note="changed while it was read")))
        return
    if items is None:
        found.append((name, describe(value)))
        return
    if not items:
        found.append((name, Reading(name_of(kind), None, note="empty")))
        return
    if depth == MAX_DEPTH:
        found.append((name, Reading(name_of(kind), None, note=f"nested more than {MAX_DEPTH} deep")))
        return
    for inner_name, inner in items:
        if len(found) >= MAX_LEAVES:
            if len(found) == MAX_LEAVES:
                found.append((name, Reading(name_of(kind), None, note=f"more than {MAX_LEAVES} values")))
            return
        inner_kind = class_of(inner)
        reader = reader_of(inner_kind)
        if reader is not None:
            found.append((inner_name, reader(inner)))
        else:
            _walk(inner, inner_kind, inner_name, inner_name, depth + 1, found)


def _columns(value: Any, kind: type, name: str, prefix: str, limit: int) -> list[tuple[str, Reading]] | None:
    """Reads a value that is one array or one table; None where it is neither."""
    if kind is list or kind is tuple:
        numbers = _numbers(value)
        if numbers is not None:
            return [(name, numbers)]
        if not value:
            return None
        if class_of(value[0]) is dict:
            columns = read_records(value, _first_items, limit)
        elif are_scalars(value[:MAX_CELLS]):
            cells = value[:MAX_CELLS]
            note = None if len(cells) == len(value) else f"first {len(cells)} of {len(value)}"
            one = read_cells(cells, (len(value),), note=note)
            # Items of several kinds are what they are one by one.
            return None if one.type == "object" else [(name, one)]
        else:
            return None
    else:
        read = frame_reader_of(kind)
        columns = None if read is None else read(value, limit)
    if columns is None:
        return None
    found = [(join(prefix, label), reading) for label, reading in columns[:limit]]
    if not columns:
        found.append((name, Reading(name_of(kind), None, note="no columns")))
    if len(columns) > limit:
        found.append((name, Reading(name_of(kind), None, note=f"more than {limit} columns")))
    return found


def _items(value: Any, kind: type, name: str, prefix: str, limit: int) -> list[tuple[str, Any]] | None:
    """Returns the first items of a container with their names, or None where it is not walked."""
    if kind is dict or kind is OrderedDict:
        return _named(value, prefix, limit)
    if kind is list or kind is tuple:
        return [(f"{name}.{index}", inner) for index, inner in enumerate(value[:limit])]
    bases = bases_of(kind)
    if len(bases) > 1 and bases[1] is tuple:  # named tuples, torch.return_types: their fields are the tuple's items
        return _fields(value, kind, prefix, limit)
    stored_in = next((_LIBRARIES[name] for name in map(_library_name, bases[:_MAX_BASES]) if name), None)
    if stored_in == "":
        return _named(value, prefix, limit)
    if stored_in is not None:
        stored = object.__getattribute__(value, "__dict__").get(stored_in)
        if type(stored) is dict:
            return _named(stored, prefix, limit)
    return None


def _library_name(kind: type) -> str | None:
    """Returns the full name of a class that is one of `_LIBRARIES`, and does not only bear its name."""
    full = name_of(kind)
    if full not in _LIBRARIES:
        return None
    module, _, name = full.rpartition(".")
    return full if getattr(sys.modules.get(module), name, None) is kind else None


def _named(value: Any, prefix: str, limit: int) -> list[tuple[str, Any]]:
    return [(join(prefix, key), inner) for key, inner in _first_items(value, limit)]


def _first_items(value: dict[Any, Any], limit: int) -> list[tuple[Any, Any]]:
    """Copies the first items of a dict, of which only what is stored is looked at.

    Raises:
        RuntimeError: another thread kept changing its size.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return list(islice(_stored(value), limit))
        except RuntimeError:
            pass
    return list(islice(_stored(value), limit))


def _fields(value: Any, kind: type, prefix: str, limit: int) -> list[tuple[str, Any]] | None:
    members = members_of(kind)
    is_named_by_torch = module_of(kind) == "torch.return_types"
    fields = members.get("__match_args__" if is_named_by_torch else "_fields")
    if class_of(fields) is not tuple or len(fields) != _length(value):
        return None
    stored = _slice(value, slice(0, limit))
    return [(join(prefix, field), inner) for field, inner in zip(fields, stored, strict=False)]


def join(prefix: str, key: Any) -> str:
    """Names an item by its key: text and small whole numbers as they are, any other key by its class."""
    kind = class_of(key)
    if kind is str:
        text = key if len(key) <= _MAX_KEY and key.isascii() else encodable(key[:_MAX_KEY])
    elif kind is int and -_MAX_WHOLE_KEY < key < _MAX_WHOLE_KEY:
        text = str(key)
    else:
        text = name_of(kind)
    return f"{prefix}.{text}" if prefix else text


def _numbers(value: Any) -> Reading | None:
    """Reads a list or tuple of plain numbers, or equally long lists of such, nested at will, as one array."""
    shape: list[int] = []
    first = value
    while id(class_of(first)) in _SEQUENCES:
        shape.append(len(first))
        head = first[:1]
        if not head or len(shape) > _MAX_DIMENSIONS:
            return None
        first = head[0]
    if id(class_of(first)) not in _NUMBERS:
        return None
    items: list[Any] = [value]
    for depth, size in enumerate(shape):
        if depth and (
            not _SEQUENCES.issuperset(map(id, map(class_of, items))) or any(len(item) != size for item in items)
        ):
            return None
        items = list(islice(chain.from_iterable(items), _MAX_SCALARS))
    kinds = frozenset(map(id, map(class_of, items)))
    if not kinds <= _NUMBERS:
        return None
    note = None
    if len(items) == _MAX_SCALARS and (total := math.prod(shape)) > _MAX_SCALARS:
        # Whole rows, if there is one: their columns are told apart.
        items = items[: len(items) // shape[-1] * shape[-1] or len(items)]
        note = f"first {len(items)} of {total}"
    return Reading(_WHOLE.get(kinds - {id(type(None))}, "float64"), tuple(shape), data=tuple(items), note=note)
