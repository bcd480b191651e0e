# SPDX-License-Identifier: Apache-2.0
"""Types and shapes alone: for calls whose values are not read, and for calls that are still in progress."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from inferspan.values._types import class_of, name_of

_MAX_ITEMS = 16

#: Type and shape: of a value that has none, or none that can be known without its code, the shape is None.
Glimpse = tuple[str, tuple[int, ...] | None]


def glimpse(value: Any) -> Glimpse:
    """Returns type and shape of a value, of which no element is looked at."""
    kind = class_of(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray:
        return str(value.dtype), value.shape
    torch = sys.modules.get("torch")
    if torch is not None and (kind is torch.Tensor or kind is torch.nn.Parameter):
        from inferspan.values import _torch

        return _torch.glimpse(value)
    if kind is list or kind is tuple:
        first: Any = value[0] if value else None
        inner = class_of(first)
        return name_of(kind), (len(value), len(first)) if inner is list or inner is tuple else (len(value),)
    if kind is float or kind is int or kind is bool:
        return name_of(kind), ()
    return name_of(kind), None


def glimpses(values: Mapping[str, Any]) -> list[tuple[str, Glimpse]]:
    """Returns name, type and shape of the first values, of those in a dict one by one."""
    found: list[tuple[str, Glimpse]] = []
    for name, value in islice(tuple(values.items()), _MAX_ITEMS):
        if class_of(value) is dict:
            found += [(f"{name}.{key}", glimpse(inner)) for key, inner in islice(tuple(value.items()), _MAX_ITEMS)]
        else:
            found.append((name, glimpse(value)))
    return found[:_MAX_ITEMS]


def batch_size(shapes: Iterable[tuple[int, ...] | None], *, axis: int | None) -> int:
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
