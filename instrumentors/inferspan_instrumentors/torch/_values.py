# SPDX-License-Identifier: Apache-2.0
"""The inputs and outputs of a module's call, by name."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Mapping
from typing import Any

from inferspan_instrumentors.torch._identity import unwrap

_parameters: weakref.WeakKeyDictionary[type, tuple[str, ...]] = weakref.WeakKeyDictionary()


def inputs_of(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Names the arguments as ``forward`` does."""
    names = parameters_of(type(unwrap(module)))
    named = {names[index] if index < len(names) else f"input.{index}": value for index, value in enumerate(args)}
    named.update(kwargs)
    return named


def outputs_of(result: Any) -> Mapping[str, Any]:
    """Names what ``forward`` returned: a dict's keys are names already."""
    return result if type(result) is dict and all(type(key) is str for key in result) else {"output": result}


def parameters_of(cls: type) -> tuple[str, ...]:
    """Returns the names of the positional parameters of a class's ``forward``."""
    names = _parameters.get(cls)
    if names is None:
        names = _parameters[cls] = _positional(getattr(cls, "forward", None))
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
