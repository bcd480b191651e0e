# SPDX-License-Identifier: Apache-2.0
"""Reads ONNX Runtime's ``OrtValue``: the Python class, and the native one that it wraps."""

from __future__ import annotations

import math
from typing import Any

from inferspan.values._numpy import read_array
from inferspan.values._reading import Reading
from inferspan.values._texts import of_text

#: ONNX's names of element types, where they are not numpy's.
_NUMPY_NAMES = {"float": "float32", "double": "float64"}


def element_type(onnx_type: str) -> str:
    """Returns the element type of ``tensor(float)`` and the like, by the name that numpy gives it."""
    name = onnx_type.removeprefix("tensor(").removesuffix(")")
    return _NUMPY_NAMES.get(name, name)


def read_ortvalue(value: Any) -> Reading:
    """Reads an OrtValue in CPU memory, which numpy can look at without a copy; others by type and shape."""
    if not value.has_value():
        return Reading("null", (), note="empty optional")
    type_name = element_type(value.data_type())
    if not value.is_tensor():
        return Reading(type_name, None, note="only tensors are read")
    shape = tuple(value.shape())
    if type_name == "string":
        return of_text(shape, (math.prod(shape), 0), ())
    device = value.device_name()
    if device.lower() != "cpu":
        return Reading(type_name, shape, note=f"on {device.lower()}")
    try:
        array = value.numpy()
    except RuntimeError:  # element types that numpy lacks: bfloat16, float8, 4-bit
        return Reading(type_name, shape, note=f"{type_name} is not profiled")
    return read_array(array)
