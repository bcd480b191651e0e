# SPDX-License-Identifier: Apache-2.0
"""Reads ``torch.Tensor`` and ``torch.nn.Parameter``, exactly these classes, by pointer.

Never through ``Tensor.numpy()``, which makes the storage non-resizable for good, nor through an operator, which a
dispatch mode would see. A tensor's pointer means its values only for plain strided CPU tensors: everything else is
told apart first. Attributes are read with torch-function modes off, so that a user's mode does not see us.
"""

from __future__ import annotations

import ctypes
import math
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

_known: dict[Any, tuple[str, str, int]] = {}
#: Types of blocks of memory, by their size in bytes.
_blocks: dict[int, Any] = {}
_MAX_BLOCKS = 256
_strided: Any
_address: Any
_function_modes: Any
_without_functions: Any


def _load() -> None:
    global _strided, _address, _function_modes, _without_functions
    torch = sys.modules["torch"]
    native = torch._C
    _strided = torch.strided
    # The storage's address, read-only: `data_ptr()` would turn a copy-on-write tensor into a copy.
    _address = getattr(native, "_data_address", None) or _address_of_storage
    _function_modes = native._len_torch_function_stack
    _without_functions = native.DisableTorchFunction
    # Last and at once, for it says to other threads that all is there.
    _known.update({getattr(torch, name): layout for name, layout in _TYPES.items() if hasattr(torch, name)})


def _address_of_storage(tensor: Any) -> int:
    return tensor.untyped_storage().data_ptr()


def read_tensor(tensor: Any) -> Reading:
    """Reads a tensor: a small contiguous one is copied, any other plain CPU tensor is referred to."""
    if not _known:
        _load()
    if _function_modes():
        with _without_functions():
            return _read(tensor)
    return _read(tensor)


def type_of(tensor: Any) -> str:
    """Returns the type of a tensor's elements."""
    if not _known:
        _load()
    if _function_modes():
        with _without_functions():
            return str(tensor.dtype)[6:]
    return str(tensor.dtype)[6:]


def shape_of(tensor: Any) -> tuple[int, ...] | None:
    """Returns the shape of a tensor, where it has one that is a matter of numbers."""
    if not _known:
        _load()
    if _function_modes():
        with _without_functions():
            return _shape_of(tensor)
    return _shape_of(tensor)


def _shape_of(tensor: Any) -> tuple[int, ...] | None:
    if tensor.is_nested:
        return None
    shape = tuple(tensor.shape)
    return None if shape and type(shape[0]) is not int else shape


def version_of(tensor: Any) -> int | None:
    """Returns how often the tensor was written to; tensors made in inference mode do not count it."""
    if not _known:
        _load()
    if _function_modes():
        with _without_functions():
            return None if tensor.is_inference() else tensor._version
    return None if tensor.is_inference() else tensor._version


def _read(tensor: Any) -> Reading:
    dtype = tensor.dtype
    if tensor.is_nested:
        return Reading(str(dtype)[6:], None, note="nested tensors are not read")
    shape = tuple(tensor.shape)
    if shape and type(shape[0]) is not int:  # under torch.jit.trace, sizes are tensors of the trace
        return Reading(str(dtype)[6:], None, note="symbolic: there are no values yet")
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
    count = math.prod(shape)
    if count == 0:
        return Reading(name, shape, data=b"", layout=layout)
    try:
        address = _address(tensor)
        storage = tensor.untyped_storage()
        offset = tensor.storage_offset() * size
    except (RuntimeError, NotImplementedError):  # functorch wrappers and the like have no storage
        return Reading(name, shape, note="it has no memory of its own")
    if not address:  # freed, or never there: zero tensors, functional wrappers
        return Reading(name, shape, note="it has no memory of its own")
    contiguous = tensor.is_contiguous()
    strides = () if contiguous else tensor.stride()
    extent = count if contiguous else 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if storage.nbytes() < offset + extent * size:
        return Reading(name, shape, note="its storage is smaller than it says")
    if storage.is_shared() and storage.filename is not None:
        return Reading(name, shape, note="memory-mapped: reading it could fault pages in")
    address += offset
    if contiguous and count <= SMALL:
        return Reading(name, shape, _copy(address, count * size), layout)
    view = _Memory(tensor, address, shape, layout, None if contiguous else tuple(step * size for step in strides))
    array = _numpy().asarray(view)
    if count <= SMALL:
        return Reading(name, shape, data=array.tobytes(), layout=layout)
    return Reading(name, shape, array=array, layout=layout)


def _copy(address: int, size: int) -> bytes:
    # Half the price of `ctypes.string_at`; a type is made once for each size, of which a model has few.
    block = _blocks.get(size)
    if block is None:
        if len(_blocks) >= _MAX_BLOCKS:
            _blocks.clear()
        block = _blocks[size] = ctypes.c_char * size
    return block.from_address(address).raw


class _Memory:
    """A tensor's memory under numpy's array interface.

    The array that is made of it keeps the tensor alive: until the Reading is done with, another thread may take the
    tensor out of the container that it was found in.
    """

    __slots__ = ("__array_interface__", "_tensor")

    def __init__(
        self, tensor: Any, address: int, shape: tuple[int, ...], layout: str, strides: tuple[int, ...] | None
    ) -> None:
        self._tensor = tensor
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": "<u2" if layout == "bfloat16" else layout,
            "data": (address, True),
            "strides": strides,
        }


def _numpy() -> Any:
    import numpy

    return numpy
