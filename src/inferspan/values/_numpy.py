# SPDX-License-Identifier: Apache-2.0
"""Reads ``numpy.ndarray``, exactly that class."""

from __future__ import annotations

import mmap
import sys
from typing import Any

from inferspan.values._reading import SMALL, Reading

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
_NAMES = {"S": "bytes", "U": "string", "T": "string"}


def read_array(array: Any) -> Reading:
    """Reads an array: a small one is copied, a large one is referred to."""
    dtype = array.dtype
    shape = array.shape
    reason = _REASONS.get(dtype.kind)
    if reason is not None:
        return Reading(_NAMES.get(dtype.kind, dtype.name), shape, note=reason)
    if array.base is not None and _is_mapped(array):
        return Reading(dtype.name, shape, note="memory-mapped: reading it could fault pages in")
    if array.size <= SMALL:
        return Reading(dtype.name, shape, data=array.tobytes(), layout=dtype.str)
    return Reading(dtype.name, shape, array=array, layout=dtype.str)


def _is_mapped(array: Any) -> bool:
    base = array.base
    memmap = sys.modules["numpy"].memmap
    for _ in range(8):
        if base is None:
            return False
        if type(base) is mmap.mmap or type(base) is memmap:
            return True
        base = base.base if type(base) is type(array) else base.obj if type(base) is memoryview else None
    return False
