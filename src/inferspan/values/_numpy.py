# SPDX-License-Identifier: Apache-2.0
"""Reads ``numpy.ndarray`` and numpy's scalars, exactly these classes."""

from __future__ import annotations

from typing import Any

from inferspan.values._others import MAPPED, is_mapped, read_others
from inferspan.values._reading import SMALL, Reading

_PROFILED = frozenset(
    ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")
)

#: Name and type string of each numeric dtype met: numpy takes 2 µs to compute the name.
_numeric: dict[Any, tuple[str, str]] = {}


def read_array(array: Any) -> Reading:
    """Reads an array: a small one is copied, a large one is referred to."""
    dtype = array.dtype
    shape = array.shape
    # The kind first: only numeric dtypes, of which there are few, are looked up and kept.
    if dtype.kind not in "fiub":
        return read_others(array)
    known = _numeric.get(dtype)
    if known is None:
        if dtype.name not in _PROFILED:  # extended precision, and types that other libraries add
            return Reading(dtype.name, shape, note=f"{dtype.name} is not profiled")
        known = _numeric[dtype] = (dtype.name, dtype.str)
    name, layout = known
    if array.base is not None and is_mapped(array):
        return Reading(name, shape, note=MAPPED)
    if array.size <= SMALL:
        return Reading(name, shape, array.tobytes(), layout)
    return Reading(name, shape, array=array, layout=layout)


def read_scalar(value: Any) -> Reading:
    """Reads one number of numpy's."""
    dtype = value.dtype
    return Reading(dtype.name, (), data=value.tobytes(), layout=dtype.str)
