# SPDX-License-Identifier: Apache-2.0
"""Which model is a torch module: the one inside compilation and data-parallel wrappers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from inferspan import identity
from inferspan.identity import Evidence, Model

#: ``type``, whose result for an unknown object a type checker takes for partially unknown.
class_of: Callable[[Any], type[Any]] = cast(Any, type)

#: What TorchScript adds to the names of classes.
_MANGLED = re.compile(r"^__torch__\.|___torch_mangle_\d+\.")

#: Wrapper classes, and the child that is the model.
_WRAPPERS = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "FullyShardedDataParallel": "_fsdp_wrapped_module",
}

_EXPORTED = frozenset(("_StatefulGraphModule", "UnflattenedModule", "InterpreterModule"))


def is_exported(cls: type) -> bool:
    """Returns whether modules of this class are made of exported programs."""
    return any(base.__qualname__ in _EXPORTED for base in cls.__mro__)


def unwrap(module: Any) -> Any:
    """Returns the model inside wrappers, or the outermost one that the application has described."""
    for _ in range(4):
        child = _WRAPPERS.get(type(module).__name__)
        inner = module.__dict__.get("_modules", {}).get(child) if child else None
        if inner is None or identity.is_described(module):
            break
        module = inner
    return module


def identity_of(module: Any) -> Model:
    """Returns the identity of a module, found at its first call and kept while it lives."""
    found = identity.known(module)
    if found is not None:
        return found
    module = unwrap(module)
    found = identity.known(module)
    if found is not None:
        return found
    return identity.identify(module, _evidence(module))


def _evidence(module: Any) -> Evidence:
    cls = class_of(module)
    name = f"{cls.__module__}.{cls.__qualname__}"
    model_format = None
    if cls.__module__.startswith("torch.jit"):
        # A scripted or traced module knows the class that its author wrote.
        name = _MANGLED.sub("", module._c.qualified_name) if hasattr(module, "_c") else name
        model_format = "torchscript"
    elif is_exported(cls):
        # The graph's nodes, and what was unflattened from them, name the class that was exported.
        name = module.__dict__.get("_ty") or _exported_class(module.graph) or cls.__name__
        model_format = "exported_program"
    elif cls.__qualname__.endswith("GraphModuleImpl"):
        # torch.fx makes a class for each graph, and names it after what was traced.
        name = cls.__name__
    # transformers' PretrainedConfig, looked at only where its attributes are plain strings.
    settings = module.__dict__.get("config")
    hub_name = getattr(settings, "_name_or_path", None) if settings is not None else None
    revision = getattr(settings, "_commit_hash", None) if settings is not None else None
    return Evidence(
        hub_name=hub_name if isinstance(hub_name, str) and hub_name else None,
        hub_revision=revision if isinstance(revision, str) and revision else None,
        class_name=name,
        format=model_format,
    )


def _exported_class(graph: Any) -> str | None:
    for node in graph.nodes:
        for path, name in node.meta.get("nn_module_stack", {}).values():
            if path == "" and isinstance(name, str):
                return name
    return None
