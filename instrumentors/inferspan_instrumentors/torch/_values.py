# SPDX-License-Identifier: Apache-2.0
"""The inputs and outputs of a module's call, by name."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Mapping
from typing import Any

from inferspan.identity import WeakTable
from inferspan_instrumentors.torch._identity import class_of, unwrap

_parameters: weakref.WeakKeyDictionary[type, tuple[str, ...]] = weakref.WeakKeyDictionary()
_scripted = WeakTable()


def inputs_of(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Names the arguments as ``forward`` does."""
    names = parameters_of(unwrap(module))
    named = {names[index] if index < len(names) else f"input.{index}": value for index, value in enumerate(args)}
    named.update(kwargs)
    return named


def outputs_of(result: Any) -> Mapping[str, Any]:
    """Names what ``forward`` returned: a dict's keys are names already."""
    kind = class_of(result)
    return result if kind is dict and all(type(key) is str for key in result) else {"output": result}


def parameters_of(module: Any) -> tuple[str, ...]:
    """Returns the names of the positional parameters of a module's ``forward``."""
    cls = class_of(module)
    names = _parameters.get(cls)
    if names is None:
        if cls.__module__.startswith("torch.jit"):  # one class for all that TorchScript makes
            return _of_script(module)
        names = _parameters[cls] = _positional(getattr(cls, "forward", None))
    return names


def _of_script(module: Any) -> tuple[str, ...]:
    names = _scripted.get(module)
    if names is None:
        try:
            names = tuple(one.name for one in module._c._get_method("forward").schema.arguments[1:])
        except (AttributeError, RuntimeError):
            names = ()
        _scripted.set(module, names)
    return names


def _positional(forward: Any) -> tuple[str, ...]:
    try:
        parameters = list(inspect.signature(forward).parameters.values())[1:]
    except (TypeError, ValueError):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(one.name for one in parameters if one.kind in kinds)


def device_of(torch: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Returns the device of the first tensor among the arguments, where one is."""
    if torch._C._len_torch_function_stack():  # a mode of the application's would see us look
        return None
    for value in (*args, *kwargs.values()):
        if type(value) is torch.Tensor:
            return "cpu" if value.is_cpu else str(value.device)
    return None
