# SPDX-License-Identifier: Apache-2.0
"""Records the calls of AOTInductor packages, which are no torch modules."""

from __future__ import annotations

from typing import Any

from inferspan import config, identity
from inferspan.identity import Evidence, Model
from inferspan.instrumentor import Patches
from inferspan.lifecycle import Recorder
from inferspan_instrumentors.torch._reentrancy import inside
from inferspan_instrumentors.torch._values import outputs_of


def patch(module: Any, recorder: Recorder, patches: Patches) -> None:
    """Wraps the call of a loaded package, and notes the file that it was loaded from."""
    import torch  # imported already: this module is one of torch's

    from inferspan_instrumentors.torch._values import device_of

    def called(original: Any, model: Any, args: Any, kwargs: Any) -> Any:
        if inside.on or not recorder.ready():
            return original(model, *args, **kwargs)
        call = recorder.start(
            lambda: _identity(model),
            inputs=lambda: {**{f"input.{index}": value for index, value in enumerate(args)}, **kwargs},
            device=device_of(torch, args, kwargs),
        )
        if call is None:
            return original(model, *args, **kwargs)
        try:
            result = original(model, *args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        call.succeed(lambda: outputs_of(result))
        return result

    patches.wrap(module.AOTICompiledModel, "__call__", called)


def _identity(model: Any) -> Model:
    found = identity.known(model)
    if found is None:
        evidence = Evidence(class_name="torch.AOTICompiledModel", format="aotinductor")
        found = identity.identify(model, evidence, mapping=config.in_force.models)
    return found
