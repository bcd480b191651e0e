# SPDX-License-Identifier: Apache-2.0
"""Which model is a torch module: the one inside compilation and data-parallel wrappers."""

from __future__ import annotations

import re
from typing import Any

from inferspan import config, identity
from inferspan.identity import Evidence, Model

#: What TorchScript adds to the names of classes.
_MANGLED = re.compile(r"^__torch__\.|___torch_mangle_\d+\.")

#: Wrapper classes, and the child that is the model.
_WRAPPERS = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "FullyShardedDataParallel": "_fsdp_wrapped_module",
}


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
    return identity.identify(module, _evidence(module), mapping=config.in_force.models)


def _evidence(module: Any) -> Evidence:
    cls = type(module)
    name = f"{cls.__module__}.{cls.__qualname__}"
    model_format = None
    if cls.__module__.startswith("torch.jit"):
        # A scripted or traced module knows the class that its author wrote.
        name = _MANGLED.sub("", module._c.qualified_name) if hasattr(module, "_c") else name
        model_format = "torchscript"
    elif cls.__qualname__.endswith("GraphModuleImpl"):
        # torch.fx makes a class for each graph, and names it after what was traced.
        name = cls.__name__
        if "_StatefulGraphModule" in (base.__name__ for base in cls.__mro__):
            model_format = "exported_program"
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
