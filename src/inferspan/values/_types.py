# SPDX-License-Identifier: Apache-2.0
"""Which reader reads which exact type, found by name so that no library is imported for it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from inferspan.values._reading import Reading

Reader = Callable[[Any], Reading]

#: (module, class) -> (module of ours, its reader). The class is looked up in the module that the application has
#: imported, so a class that only bears the name is not taken for it.
_BY_NAME: dict[tuple[str, str], tuple[str, str]] = {
    ("numpy", "ndarray"): ("inferspan.values._numpy", "read_array"),
    ("torch", "Tensor"): ("inferspan.values._torch", "read_tensor"),
    ("torch.nn.parameter", "Parameter"): ("inferspan.values._torch", "read_tensor"),
    ("onnxruntime.capi.onnxruntime_inference_collection", "OrtValue"): (
        "inferspan.values._onnxruntime",
        "read_ortvalue",
    ),
    ("onnxruntime.capi.onnxruntime_pybind11_state", "OrtValue"): (
        "inferspan.values._onnxruntime",
        "read_ortvalue",
    ),
}

_SCALARS = {bool: "bool", int: "int64", float: "float64", type(None): "null"}


def _read_scalar(value: Any) -> Reading:
    return Reading(_SCALARS[type(value)], (), data=(value,))


def _read_text(value: str | bytes) -> Reading:
    return Reading("string" if type(value) is str else "bytes", (), note="text is not profiled")


_readers: dict[type, Reader] = {kind: _read_scalar for kind in _SCALARS} | {str: _read_text, bytes: _read_text}


def name_of(kind: type) -> str:
    """Returns a class's full name without running code of its metaclass."""
    module = type.__getattribute__(kind, "__module__")
    name = type.__getattribute__(kind, "__qualname__")
    return name if module == "builtins" else f"{module}.{name}"


def reader_of(kind: type) -> Reader | None:
    """Returns the reader of exactly this class, or None where there is none."""
    reader = _readers.get(kind)
    if reader is not None:
        return reader
    key = (type.__getattribute__(kind, "__module__"), type.__getattribute__(kind, "__name__"))
    found = _BY_NAME.get(key)  # type: ignore[arg-type]
    if found is None or getattr(sys.modules.get(key[0]), key[1], None) is not kind:
        return None
    reader = _readers[kind] = getattr(importlib.import_module(found[0]), found[1])
    return reader


def read(value: Any) -> Reading:
    """Reads one value; one of an unknown type is described by its type alone."""
    reader = reader_of(type(value))
    if reader is None:
        return describe(value)
    return reader(value)


def describe(value: Any) -> Reading:
    """Describes a value of a type that is not read: its class, and its shape where numpy itself stores one."""
    kind = type(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass_exactly(kind, numpy.ndarray):
        # ndarray's own getters, not the subclass's: an override is the application's code.
        return Reading(
            name_of(kind), numpy.ndarray.shape.__get__(value), note=f"{name_of(kind)} is not read, being a subclass"
        )
    return Reading(name_of(kind), None, note=f"{name_of(kind)} is not read")


def issubclass_exactly(kind: type, base: type) -> bool:
    """Returns whether ``base`` is in the class's resolution order, without asking ``__subclasscheck__``."""
    return base in type.__getattribute__(kind, "__mro__")


def stamp(value: Any) -> int | None:
    """Returns a number that changes when a tensor is written to, or None where the value keeps none."""
    kind = type(value)
    if kind in _SCALARS or _readers.get(kind) is None:
        return None
    torch = sys.modules.get("torch")
    if torch is None or kind is not torch.Tensor and kind is not torch.nn.Parameter:
        return None
    from inferspan.values._torch import version_of

    return version_of(value)
