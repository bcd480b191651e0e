# SPDX-License-Identifier: Apache-2.0
"""Types that note every access of whoever looks at them, and refuse it."""

from __future__ import annotations

import re
from collections import UserDict, deque
from typing import Any

import numpy as np
import torch

#: What was accessed since the last look.
seen: list[str] = []

_SPECIAL = re.findall(
    r"\w+",
    "__array__ __array_interface__ __array_struct__ __bool__ __buffer__ __contains__ __dlpack__ __dlpack_device__ "
    "__eq__ __float__ __format__ __getitem__ __hash__ __index__ __int__ __iter__ __len__ __length_hint__ "
    "__next__ __repr__ __reversed__ __str__ __torch_function__ __sizeof__ __reduce_ex__",
)
_ATTRIBUTES = re.findall(
    r"\w+", "data device dtype is_cpu items keys layout ndim shape size values _fields _tensordict"
)


def _refusing(name: str) -> Any:
    def refuse(*_: Any, **__: Any) -> Any:
        seen.append(name)
        raise RuntimeError(f"{name} was accessed")

    return refuse


def _members() -> dict[str, Any]:
    members: dict[str, Any] = {name: _refusing(name) for name in _SPECIAL}
    members.update((name, property(_refusing(name))) for name in _ATTRIBUTES)
    members["__getattr__"] = _refusing("__getattr__")
    members["__getattribute__"] = _refusing("__getattribute__")
    return members


class Meta(type):
    """A metaclass that minds being asked about its classes."""

    armed = False

    def __getattribute__(cls, name: str) -> Any:
        if Meta.armed:
            seen.append(f"class {name}")
            raise RuntimeError(f"{name} of the class was accessed")
        return super().__getattribute__(name)

    def _refuse(cls, *_: Any) -> Any:
        if Meta.armed:
            seen.append("class compared or asked")
            raise RuntimeError("the class was compared or asked")
        return NotImplemented

    __eq__ = __subclasscheck__ = __instancecheck__ = _refuse

    def __hash__(cls) -> int:
        if Meta.armed:
            seen.append("class hashed")
            raise RuntimeError("the class was hashed")
        return id(cls)

    @property
    def __module__(cls) -> str:  # type: ignore[override]
        if Meta.armed:
            seen.append("class __module__")
            raise RuntimeError("the class's module was accessed")
        return "elsewhere"


def _subclass(base: type, **members: Any) -> Any:
    return type(f"Hostile{base.__name__.title()}", (base,), {**_members(), **members})


Opaque = type("Opaque", (), _members())
OpaqueClass = Meta("OpaqueClass", (), _members())
HostileArray = _subclass(np.ndarray)


class Dispatched(torch.Tensor):
    """A wrapper subclass, whose every operation and size is the application's code."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Any:
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, dtype=inner.dtype, dispatch_sizes_strides_policy="sizes"
        )

    __torch_dispatch__ = classmethod(_refusing("__torch_dispatch__"))
    __torch_function__ = classmethod(_refusing("__torch_function__"))


class Watched(torch.Tensor):
    """A subclass that shares its memory with a plain tensor."""

    __torch_function__ = classmethod(_refusing("__torch_function__"))

    def __getattr__(self, name: str) -> Any:
        return _refusing(name)()


class Stored(UserDict[str, Any]):
    """A dict in all but name."""

    __len__ = _refusing("__len__")
    __iter__ = _refusing("__iter__")
    __getitem__ = _refusing("__getitem__")


def _lookalike(name: str, module: str) -> Any:
    """Returns an object whose class bears another class's name."""
    return type(name, (), {**_members(), "__module__": module})()


#: An object of each hostile class, by what it is like.
VALUES: dict[str, Any] = {
    "opaque": Opaque(),
    "opaque class": OpaqueClass(),
    "class itself": OpaqueClass,
    "list": _subclass(list)([1.0, 2.0]),
    "tuple": _subclass(tuple)([1.0, 2.0]),
    "dict": _subclass(dict)(a=1.0),
    "deque": _subclass(deque)([1.0]),
    "set": _subclass(set)([1.0]),
    "float": _subclass(float)(1.0),
    "int": _subclass(int)(1),
    "str": _subclass(str)("secret"),
    "user dict": Stored(),
    "array": np.ones(3).view(HostileArray),
    "tensor": torch.ones(3).as_subclass(Watched),
    "wrapper": Dispatched(torch.ones(3)),
    "generator": (_refusing("next")() for _ in range(3)),
    "iterator": map(_refusing("next"), range(3)),
    "named ndarray": _lookalike("ndarray", "numpy"),
    "named Tensor": _lookalike("Tensor", "torch"),
    "named TensorDict": _lookalike("TensorDict", "tensordict._td"),
    "named ModelOutput": _lookalike("ModelOutput", "transformers.utils.generic"),
    "named BatchEncoding": _lookalike("BatchEncoding", "transformers.tokenization_utils_base"),
}
VALUES["in containers"] = [{"first": VALUES["opaque"]}, (VALUES["opaque class"], VALUES["dict"])]
VALUES["in numbers"] = [1.0, 2.0, VALUES["float"]]
VALUES["in rows"] = [[1.0, 2.0], [3.0, VALUES["int"]]]
