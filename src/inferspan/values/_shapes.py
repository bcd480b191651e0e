# SPDX-License-Identifier: Apache-2.0
"""Types and shapes alone: for calls whose values are not read, and for calls that are still in progress."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from inferspan.values._types import class_of, frame_reader_of, name_of
from inferspan.values._walk import join

_MAX_ITEMS = 16

Shape = tuple[int, ...]


def shape_of(value: Any) -> Shape | None:
    """Returns the shape of a value; None where it has none, or none that can be known without its code."""
    kind = class_of(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray:
        return value.shape
    if _is_tensor(kind):
        from inferspan.values import _torch

        return _torch.shape_of(value)
    if kind is list or kind is tuple:
        first: Any = value[0] if value else None
        inner = class_of(first)
        return (len(value), len(first)) if inner is list or inner is tuple or inner is dict else (len(value),)
    if frame_reader_of(kind) is not None:
        return value.shape
    return () if kind is float or kind is int or kind is bool else None


def shapes_of(values: Mapping[str, Any]) -> list[Shape | None]:
    """Returns the shapes of the first values, of those in a dict one by one."""
    return [shape_of(value) for _, value in _first(values)]


def glimpses(values: Mapping[str, Any]) -> list[tuple[str, str, Shape | None]]:
    """Returns name, type and shape of the first values, of those in a dict one by one."""
    return [(name, _type_of(value), shape_of(value)) for name, value in _first(values)]


def _first(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in tuple(values.items())[:_MAX_ITEMS]:
        if class_of(value) is dict:
            found += [(join(name, key), inner) for key, inner in tuple(value.items())[:_MAX_ITEMS]]
        else:
            found.append((name, value))
    return found


def _type_of(value: Any) -> str:
    kind = class_of(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray:
        return str(value.dtype)
    if _is_tensor(kind):
        from inferspan.values import _torch

        return _torch.type_of(value)
    return name_of(kind)


def _is_tensor(kind: type) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and (kind is torch.Tensor or kind is torch.nn.Parameter)


def batch_size(shapes: Iterable[Shape | None], *, axis: int | None) -> int:
    """Returns how many samples an inference has, or 0 where nothing is known of its input.

    Args:
        shapes: of its inputs.
        axis: of the input's dimensions the one that counts samples; None where the model takes one at a time.
    """
    known = False
    for shape in shapes:
        if shape is not None:
            known = True
            if axis is not None and len(shape) >= 2 and -len(shape) <= axis < len(shape):
                return shape[axis]
    return 1 if known else 0
