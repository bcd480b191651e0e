# SPDX-License-Identifier: Apache-2.0
"""Finds the arrays and scalars in what a call was given or has returned.

Containers of exact built-in classes are walked, and those of a few libraries, through the built-in methods that
they inherit: an override in a subclass is the application's code and is not run.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from inferspan.values._reading import Reading
from inferspan.values._types import describe, name_of, reader_of

#: Bounds of a walk. What lies beyond is named in one note.
MAX_DEPTH = 4
MAX_LEAVES = 1024
_MAX_SCALARS = 4096

_SCALARS = frozenset((float, int, bool, type(None)))
_NUMBERS = {frozenset((bool,)): "bool", frozenset((int,)): "int64", frozenset((int, bool)): "int64"}

#: Containers of libraries, by the full name of the class or of a base: how their items are stored.
_DICT_LIKE = frozenset(("transformers.utils.generic.ModelOutput", "diffusers.utils.outputs.BaseOutput"))
_USER_DICT_LIKE = frozenset(
    ("transformers.tokenization_utils_base.BatchEncoding", "transformers.feature_extraction_utils.BatchFeature")
)
_TENSOR_DICT = "tensordict._td.TensorDict"


def walk(value: Any, name: str) -> list[tuple[str, Reading]]:
    """Reads every array and scalar in a value.

    Args:
        value: anything; a mapping's keys become names.
        name: the name of a value that is no container, and the prefix of what is inside a sequence.

    Returns:
        (name, reading) pairs in the order met, at most ``MAX_LEAVES`` and one that says what was left out.
    """
    found: list[tuple[str, Reading]] = []
    kind = type(value)
    reader = reader_of(kind)
    if reader is not None:
        found.append((name, reader(value)))
    elif kind is Reading:  # an adapter knew type and shape without the value
        found.append((name, value))
    else:
        _walk(value, name, "", 0, found)
    return found


def _walk(value: Any, name: str, prefix: str, depth: int, found: list[tuple[str, Reading]]) -> None:
    kind = type(value)
    reader = reader_of(kind)
    if reader is not None:
        found.append((name, reader(value)))
        return
    items = _items(value, kind, name, prefix)
    if items is None:
        numbers = _numbers(value, kind)
        found.append((name, numbers or describe(value)))
        return
    if depth == MAX_DEPTH:
        found.append((name, Reading(name_of(kind), None, note=f"nested more than {MAX_DEPTH} deep")))
        return
    for inner_name, inner in items:
        if len(found) >= MAX_LEAVES:
            if len(found) == MAX_LEAVES:
                found.append((name, Reading(name_of(kind), None, note=f"more than {MAX_LEAVES} values")))
            return
        _walk(inner, inner_name, inner_name, depth + 1, found)


def _items(value: Any, kind: type, name: str, prefix: str) -> list[tuple[str, Any]] | None:
    """Returns a container's items with their names, or None where it is not walked item by item."""
    if kind is dict or kind is OrderedDict:
        return [(_join(prefix, key), inner) for key, inner in _dict_items(value)]
    if kind is list or kind is tuple:
        if not value:
            return []
        return None if _numbers(value, kind) else [(f"{name}.{index}", inner) for index, inner in enumerate(value)]
    bases = type.__getattribute__(kind, "__mro__")
    if bases[1] is tuple:  # named tuples, torch.return_types: their fields are the tuple's own items
        fields = type.__getattribute__(kind, "__dict__").get("_fields")
        stored = [tuple.__getitem__(value, index) for index in range(tuple.__len__(value))]
        if type(fields) is tuple and len(fields) == len(stored):
            return [(_join(prefix, field), inner) for field, inner in zip(fields, stored, strict=True)]
        if type.__getattribute__(kind, "__module__") == "torch.return_types":
            return [(f"{name}.{index}", inner) for index, inner in enumerate(stored)]
        return None
    names = [name_of(base) for base in bases[:6]]
    if not _DICT_LIKE.isdisjoint(names):
        return [(_join(prefix, key), inner) for key, inner in _dict_items(value)]
    stored_as = "data" if not _USER_DICT_LIKE.isdisjoint(names) else "_tensordict" if names[0] == _TENSOR_DICT else None
    if stored_as is not None:
        inner = object.__getattribute__(value, "__dict__").get(stored_as)
        if type(inner) is dict:
            return [(_join(prefix, key), item) for key, item in inner.items()]
    return None


def _dict_items(value: Any) -> list[tuple[Any, Any]]:
    # `dict.items` is the C method: it sees what is stored even where a subclass overrides `items`.
    return list(dict.items(value))


def _join(prefix: str, key: Any) -> str:
    text = key if type(key) is str else str(key) if type(key) is int else name_of(type(key))
    return f"{prefix}.{text}" if prefix else text


def _numbers(value: Any, kind: type) -> Reading | None:
    """Reads a list or tuple of plain numbers, or of equally long lists of them, as one array."""
    if kind is not list and kind is not tuple:
        return None
    kinds = frozenset(map(type, value))
    if kinds <= _SCALARS:
        return _from_numbers(tuple(value[:_MAX_SCALARS]), (len(value),), kinds)
    if kinds <= {list, tuple}:
        lengths = {len(row) for row in value}
        inner = frozenset(kind for row in value for kind in map(type, row)) if len(value) <= _MAX_SCALARS else None
        if len(lengths) == 1 and inner is not None and inner <= _SCALARS:
            width = lengths.pop()
            rows = value[: max(1, _MAX_SCALARS // max(1, width))]
            return _from_numbers(tuple(item for row in rows for item in row), (len(value), width), inner)
    return None


def _from_numbers(data: tuple[Any, ...], shape: tuple[int, ...], kinds: frozenset[type]) -> Reading:
    name = _NUMBERS.get(kinds - {type(None)}, "float64")
    return Reading(name, shape, data=data)
