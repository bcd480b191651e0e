# SPDX-License-Identifier: Apache-2.0
"""Which reader reads which exact type, found by name so that no library is imported for it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, cast

from inferspan.values._reading import Reading

Reader = Callable[[Any], Reading]

_NUMPY = "inferspan.values._numpy"
_TORCH = "inferspan.values._torch"
_ONNXRUNTIME = "inferspan.values._onnxruntime"

#: (module, class) -> (module of ours, its reader). The class is looked up in the module that the application has
#: imported, so a class that only bears the name is not taken for it.
_BY_NAME: dict[tuple[str, str], tuple[str, str]] = {
    ("numpy", "ndarray"): (_NUMPY, "read_array"),
    ("torch", "Tensor"): (_TORCH, "read_tensor"),
    ("torch.nn.parameter", "Parameter"): (_TORCH, "read_tensor"),
    ("onnxruntime.capi.onnxruntime_inference_collection", "OrtValue"): (_ONNXRUNTIME, "read_ortvalue"),
    ("onnxruntime.capi.onnxruntime_pybind11_state", "OrtValue"): (_ONNXRUNTIME, "read_ortvalue"),
} | {
    ("numpy", name): (_NUMPY, "read_scalar")
    for name in (
        "bool",
        "bool_",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
    )
}

#: Items of a container that are looked at for having been written to.
_MAX_STAMPED = 64

_SCALARS = {bool: "bool", int: "int64", float: "float64", type(None): "null"}

#: ``type()``, for the type checker.
class_of: Callable[[Any], type[Any]] = cast(Any, type)

# A metaclass can define these names for itself; what `type` stores is read past it.
module_of: Callable[[type], Any] = type.__dict__["__module__"].__get__
_qualified_name_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__
_simple_name_of: Callable[[type], str] = type.__dict__["__name__"].__get__
bases_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
members_of: Callable[[type], Any] = type.__dict__["__dict__"].__get__


def _read_scalar(value: Any) -> Reading:
    return Reading(_SCALARS[type(value)], (), data=(value,))


def _read_text(value: str | bytes) -> Reading:
    if type(value) is str:
        return Reading("string", (), note="text is not profiled", lengths=(len(value),))
    return Reading("bytes", (), note="text is not profiled")


#: By the class's ``id``, for a metaclass can define how its classes are hashed; the class is kept with it.
_readers: dict[int, tuple[Reader, type]] = {
    id(kind): (_read_text if kind in (str, bytes) else _read_scalar, kind) for kind in (*_SCALARS, str, bytes)
}


def name_of(kind: type) -> str:
    """Returns a class's full name without running code of its metaclass."""
    module = module_of(kind)
    name = _qualified_name_of(kind)
    return name if module == "builtins" or type(module) is not str else f"{module}.{name}"


def inherits(kind: type, base: type) -> bool:
    """Returns whether a class inherits from another; no metaclass is asked what it takes for equal."""
    return any(one is base for one in bases_of(kind))


def reader_of(kind: type) -> Reader | None:
    """Returns the reader of exactly this class, or None where there is none."""
    entry = _readers.get(id(kind))
    if entry is not None:
        return entry[0]
    module = module_of(kind)
    if type(module) is not str:
        return None
    name = _simple_name_of(kind)
    found = _BY_NAME.get((module, name))
    if found is None or getattr(sys.modules.get(module), name, None) is not kind:
        return None
    reader: Reader = getattr(importlib.import_module(found[0]), found[1])
    _readers[id(kind)] = (reader, kind)
    return reader


def describe(value: Any) -> Reading:
    """Describes a value of a type that is not read: its class, and its shape where numpy itself stores one."""
    kind = class_of(value)
    name = name_of(kind)
    numpy = sys.modules.get("numpy")
    if numpy is not None and inherits(kind, numpy.ndarray):
        # ndarray's own getter, not the subclass's: an override is the application's code.
        return Reading(name, numpy.ndarray.shape.__get__(value), note=f"{name} is not read, being a subclass")
    return Reading(name, None, note=f"{name} is not read")


def stamp(value: Any) -> Any:
    """Returns what changes when a tensor is written to, be it in a list or dict; None where nothing tells."""
    kind = class_of(value)
    if kind is list or kind is tuple:
        return [_version_of(item) for item in value[:_MAX_STAMPED]]
    if kind is dict:
        return [_version_of(item) for item in tuple(value.values())[:_MAX_STAMPED]]
    return _version_of(value)


def _version_of(value: Any) -> int | None:
    reader = reader_of(class_of(value))
    torch = sys.modules.get(_TORCH)
    return torch.version_of(value) if torch is not None and reader is torch.read_tensor else None
