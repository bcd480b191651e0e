# SPDX-License-Identifier: Apache-2.0
"""Which reader reads which exact type, found by name so that no library is imported for it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, cast

from inferspan.values._reading import Reading
from inferspan.values._texts import of_text

Reader = Callable[[Any], Reading]
#: Returns label and reading of each column of a frame, at most one more than it is asked for.
FrameReader = Callable[[Any, int], list[tuple[Any, Reading]]]

_NUMPY = "inferspan.values._numpy"
_TORCH = "inferspan.values._torch"
_ONNXRUNTIME = "inferspan.values._onnxruntime"
_CELLS = "inferspan.values._cells"
_PANDAS = "inferspan.values._pandas"
_POLARS = "inferspan.values._polars"
_ARROW = "inferspan.values._arrow"

#: (module, class) -> (module of ours, its reader). The class is looked up in the module that the application has
#: imported, so a class that only bears the name is not taken for it.
_BY_NAME: dict[tuple[str, str], tuple[str, str]] = (
    {
        ("numpy", "ndarray"): (_NUMPY, "read_array"),
        ("torch", "Tensor"): (_TORCH, "read_tensor"),
        ("torch.nn.parameter", "Parameter"): (_TORCH, "read_tensor"),
        ("onnxruntime.capi.onnxruntime_inference_collection", "OrtValue"): (_ONNXRUNTIME, "read_ortvalue"),
        ("onnxruntime.capi.onnxruntime_pybind11_state", "OrtValue"): (_ONNXRUNTIME, "read_ortvalue"),
        ("pandas", "Series"): (_PANDAS, "read_series"),
        ("pandas.core.series", "Series"): (_PANDAS, "read_series"),
        ("polars.series.series", "Series"): (_POLARS, "read_series"),
        ("pyarrow.lib", "ChunkedArray"): (_ARROW, "read_chunked"),
    }
    | {
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
    | {
        ("pyarrow.lib", f"{name}Array"): (_ARROW, "read_array")
        for name in (
            *("Boolean", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
            *("HalfFloat", "Float", "Double", "Date32", "Date64", "Timestamp", "Duration"),
            *("String", "LargeString", "StringView", "Dictionary", "Null"),
        )
    }
)

#: The same of frames, which have columns.
_FRAMES: dict[tuple[str, str], tuple[str, str]] = {
    ("pandas", "DataFrame"): (_PANDAS, "read_frame"),
    ("pandas.core.frame", "DataFrame"): (_PANDAS, "read_frame"),
    ("polars.dataframe.frame", "DataFrame"): (_POLARS, "read_frame"),
    ("pyarrow.lib", "Table"): (_ARROW, "read_table"),
    ("pyarrow.lib", "RecordBatch"): (_ARROW, "read_table"),
}

#: Items of a container that are looked at for having been written to.
_MAX_STAMPED = 64

_SCALARS = {bool: "bool", int: "int64", float: "float64", type(None): "null"}

#: ``type()``, for the type checker.
class_of: Callable[[Any], type[Any]] = cast(Any, type)

# A metaclass can define these names for itself; what `type` stores is read past it.
module_of: Callable[[type], Any] = type.__dict__["__module__"].__get__
_qualified_name_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__
simple_name_of: Callable[[type], str] = type.__dict__["__name__"].__get__
bases_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
members_of: Callable[[type], Any] = type.__dict__["__dict__"].__get__


def _read_scalar(value: Any) -> Reading:
    return Reading(_SCALARS[type(value)], (), data=(value,))


def _read_time(value: date) -> Reading:
    return importlib.import_module(_CELLS).read_cells((value,), ())


def _read_text(value: str) -> Reading:
    return of_text((), (1, 0), (value,))


def _read_bytes(_: bytes) -> Reading:
    return Reading("bytes", (), note="text is not profiled", counts=(1, 0))


#: By the class's ``id``, for a metaclass can define how its classes are hashed; the class is kept with it.
#: Of the usual containers, that there is none.
_readers: dict[int, tuple[Reader | None, type]] = {
    id(kind): (reader, kind)
    for kind, reader in (
        *((kind, None) for kind in (list, tuple, dict)),
        *((kind, _read_scalar) for kind in _SCALARS),
        (str, _read_text),
        (bytes, _read_bytes),
        (datetime, _read_time),
        (date, _read_time),
    )
}
_frame_readers: dict[int, tuple[FrameReader, type]] = {}


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
    reader: Reader | None = _find(kind, _BY_NAME)
    if reader is not None:
        _readers[id(kind)] = (reader, kind)
    return reader


def frame_reader_of(kind: type) -> FrameReader | None:
    """Returns what reads the columns of exactly this class, or None where it is no frame that is known."""
    entry = _frame_readers.get(id(kind))
    if entry is not None:
        return entry[0]
    reader: FrameReader | None = _find(kind, _FRAMES)
    if reader is not None:
        _frame_readers[id(kind)] = (reader, kind)
    return reader


def _find(kind: type, readers: dict[tuple[str, str], tuple[str, str]]) -> Any:
    module = module_of(kind)
    if type(module) is not str:
        return None
    name = simple_name_of(kind)
    found = readers.get((module, name))
    if found is None or getattr(sys.modules.get(module), name, None) is not kind:
        return None
    return getattr(importlib.import_module(found[0]), found[1])


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
