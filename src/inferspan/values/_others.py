# SPDX-License-Identifier: Apache-2.0
"""Reads numpy's arrays of anything but numbers: times, text, Python objects."""

from __future__ import annotations

import mmap
import sys
from typing import Any

from inferspan.values._cells import MAX_CELLS, read_cells
from inferspan.values._reading import Reading
from inferspan.values._texts import every, of_text, wanted
from inferspan.values._times import read_times
from inferspan.values._types import class_of

MAPPED = "memory-mapped: reading it could fault pages in"

_REASONS = {"c": "complex numbers are not profiled", "V": "records are not profiled"}
_NAMES = {"S": "bytes", "U": "string", "T": "string", "O": "object"}
_MAX_BASES = 8


def read_others(array: Any) -> Reading:
    """Reads an array whose elements are no numbers."""
    dtype = array.dtype
    kind = dtype.kind
    name = _NAMES.get(kind) or dtype.name
    if kind not in "MmUSTO":
        return Reading(name, array.shape, note=_REASONS.get(kind) or f"{name} is not profiled")
    if array.base is not None and is_mapped(array):
        return Reading(name, array.shape, note=MAPPED)
    if kind in "Mm":
        return read_times(array)
    if kind == "O" or (kind == "T" and hasattr(dtype, "na_object")):
        return _read_objects(array)
    start, step = every(array.size, wanted())
    return of_text(array.shape, (array.size, 0), map(_text_of, array.flat[start::step].tolist()), kind=name)


def _text_of(item: Any) -> Any:
    return item.decode("utf-8", "replace") if class_of(item) is bytes else item


def _read_objects(array: Any) -> Reading:
    """Reads the cells of an array, of a large one some: of a vector here and there, and else the first rows."""
    shape, size = array.shape, array.size
    if size <= MAX_CELLS:
        return read_cells(array.ravel().tolist(), shape)
    if len(shape) == 1:
        start, step = every(size, MAX_CELLS)
        cells = array[start::step].tolist()
        return read_cells(cells, shape, note=f"sampled {len(cells)} of {size}")
    looked_at = max(MAX_CELLS // shape[-1] * shape[-1], 1)
    return read_cells(array.flat[:looked_at].tolist(), shape, note=f"first {looked_at} of {size}")


def is_mapped(array: Any) -> bool:
    memmap = sys.modules["numpy"].memmap
    base = array.base
    for _ in range(_MAX_BASES):
        kind = class_of(base)
        if kind is mmap.mmap or kind is memmap:
            return True
        if kind is type(array):
            base = base.base
        elif kind is memoryview:
            base = base.obj
        else:
            return False
    return False
