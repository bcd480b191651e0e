# SPDX-License-Identifier: Apache-2.0
"""Reads ``numpy.ndarray`` and numpy's scalars, exactly these classes."""

from __future__ import annotations

import mmap
import sys
from typing import Any

from inferspan.values._reading import SMALL, Reading
from inferspan.values._types import class_of

_REASONS = {
    "c": "complex numbers are not profiled",
    "O": "Python objects are not read",
    "S": "text is not profiled",
    "U": "text is not profiled",
    "T": "text is not profiled",
    "M": "times are not profiled",
    "m": "times are not profiled",
    "V": "records are not profiled",
}
_NAMES = {"S": "bytes", "U": "string", "T": "string", "O": "object"}
_PROFILED = frozenset(
    ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")
)
_MAX_BASES = 8

#: Name and type string of each numeric dtype met: numpy takes 2 µs to compute the name.
_numeric: dict[Any, tuple[str, str]] = {}


def read_array(array: Any) -> Reading:
    """Reads an array: a small one is copied, a large one is referred to."""
    dtype = array.dtype
    shape = array.shape
    # The kind first: only numeric dtypes, of which there are few, are looked up and kept.
    if dtype.kind not in "fiub":
        return Reading(_NAMES.get(dtype.kind) or dtype.name, shape, note=_reason(dtype))
    known = _numeric.get(dtype)
    if known is None:
        if dtype.name not in _PROFILED:  # extended precision, and types that other libraries add
            return Reading(dtype.name, shape, note=f"{dtype.name} is not profiled")
        known = _numeric[dtype] = (dtype.name, dtype.str)
    name, layout = known
    if array.base is not None and _is_mapped(array):
        return Reading(name, shape, note="memory-mapped: reading it could fault pages in")
    if array.size <= SMALL:
        return Reading(name, shape, data=array.tobytes(), layout=layout)
    return Reading(name, shape, array=array, layout=layout)


def read_scalar(value: Any) -> Reading:
    """Reads one number of numpy's."""
    dtype = value.dtype
    return Reading(dtype.name, (), data=value.tobytes(), layout=dtype.str)


def _reason(dtype: Any) -> str:
    return _REASONS.get(dtype.kind) or f"{dtype.name} is not profiled"


def _is_mapped(array: Any) -> bool:
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
