# SPDX-License-Identifier: Apache-2.0
"""Reads ``torch.Tensor`` and ``torch.nn.Parameter``, exactly these classes, by pointer.

Never through ``Tensor.numpy()``, which makes the storage non-resizable for good, nor through an operator, which a
dispatch mode would see. A tensor's pointer means its values only for plain strided CPU tensors: everything else is
told apart first. Attributes are read with torch-function modes off, so that a user's mode does not see us.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from inferspan.values._reading import SMALL, Reading

_TYPES = {
    # torch name: (name on the span, numpy type string, bytes an element); bfloat16 as its bits
    "float64": ("float64", "<f8", 8),
    "float32": ("float32", "<f4", 4),
    "float16": ("float16", "<f2", 2),
    "bfloat16": ("bfloat16", "bfloat16", 2),
    "int64": ("int64", "<i8", 8),
    "int32": ("int32", "<i4", 4),
    "int16": ("int16", "<i2", 2),
    "int8": ("int8", "|i1", 1),
    "uint64": ("uint64", "<u8", 8),
    "uint32": ("uint32", "<u4", 4),
    "uint16": ("uint16", "<u2", 2),
    "uint8": ("uint8", "|u1", 1),
    "bool": ("bool", "|b1", 1),
}

_torch: Any = None
_strided: Any = None
_known: dict[Any, tuple[str, str, int]] = {}
_address: Any = None


def _load() -> None:
    global _torch, _strided, _address
    torch = sys.modules["torch"]
    for name, layout in _TYPES.items():
        dtype = getattr(torch, name, None)
        if dtype is not None:
            _known[dtype] = layout
    _strided = torch.strided
    # The read-only address: `data_ptr()` would turn a copy-on-write tensor into a copy.
    _address = getattr(torch._C, "_data_address", None) or torch.Tensor.data_ptr
    _torch = torch


def read_tensor(tensor: Any) -> Reading:
    """Reads a tensor: a small contiguous one is copied, any other plain CPU tensor is referred to."""
    if _torch is None:
        _load()
    if _torch._C._len_torch_function_stack():
        with _torch._C.DisableTorchFunction():
            return _read(tensor)
    return _read(tensor)


def version_of(tensor: Any) -> int | None:
    """Returns how often the tensor was written to; tensors made in inference mode do not count it."""
    if _torch is None:
        _load()
    if _torch._C._len_torch_function_stack():
        with _torch._C.DisableTorchFunction():
            return None if tensor.is_inference() else tensor._version
    return None if tensor.is_inference() else tensor._version


def _read(tensor: Any) -> Reading:
    dtype = tensor.dtype
    if tensor.is_nested:
        return Reading(str(dtype)[6:], None, note="nested tensors are not read")
    shape = tuple(tensor.shape)
    known = _known.get(dtype)
    if known is None:
        return Reading(str(dtype)[6:], shape, note=f"{str(dtype)[6:]} is not profiled")
    name, layout, size = known
    if tensor.layout is not _strided:
        return Reading(name, shape, note=f"{str(tensor.layout)[6:]} layout is not read")
    if not tensor.is_cpu:
        return Reading(name, shape, note=f"on {tensor.device}")
    if tensor.is_neg():
        return Reading(name, shape, note="negative view: its memory holds other values")
    count = tensor.numel()
    if count == 0:
        return Reading(name, shape, data=b"", layout=layout)
    try:
        address = _address(tensor)
        available = tensor.untyped_storage().nbytes() - tensor.storage_offset() * size
    except (RuntimeError, NotImplementedError):  # functorch wrappers and the like have no storage
        return Reading(name, shape, note="no storage of its own")
    contiguous = tensor.is_contiguous()
    strides = () if contiguous else tensor.stride()
    extent = count if contiguous else 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if not address or available < extent * size:
        return Reading(name, shape, note="its storage was freed or resized")
    if contiguous and count <= SMALL:
        return Reading(name, shape, data=ctypes.string_at(address, count * size), layout=layout)
    view = _Memory(address, shape, layout, None if contiguous else tuple(step * size for step in strides))
    array = sys.modules["numpy"].asarray(view) if "numpy" in sys.modules else _import_numpy().asarray(view)
    if count <= SMALL:
        return Reading(name, shape, data=array.tobytes(), layout=layout)
    return Reading(name, shape, array=array, layout=layout)


class _Memory:
    """Memory under numpy's array interface; the tensor outlives the view, whose Reading ends with the call."""

    __slots__ = ("__array_interface__",)

    def __init__(self, address: int, shape: tuple[int, ...], layout: str, strides: tuple[int, ...] | None) -> None:
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": "<u2" if layout == "bfloat16" else layout,
            "data": (address, True),
            "strides": strides,
        }


def _import_numpy() -> Any:
    import numpy

    return numpy
