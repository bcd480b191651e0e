# SPDX-License-Identifier: Apache-2.0
"""Makes one span of a ``generate()`` of transformers, whose every token is a call of the module."""

from __future__ import annotations

from typing import Any

from inferspan.instrumentor import Patches
from inferspan.recorder import Recorder
from inferspan.semconv.attributes import OperationName
from inferspan_instrumentors.torch import _dynamo
from inferspan_instrumentors.torch._identity import identity_of
from inferspan_instrumentors.torch._reentrancy import inside
from inferspan_instrumentors.torch._values import outputs_of


def patch(module: Any, recorder: Recorder, patches: Patches) -> None:
    """Wraps ``GenerationMixin.generate``."""

    def generate(original: Any, model: Any, args: Any, kwargs: Any) -> Any:
        if inside.on:
            return original(model, *args, **kwargs)
        call = recorder.start(
            lambda: identity_of(model),
            operation=OperationName.GENERATE,
            inputs=lambda: {**({"inputs": args[0]} if args else {}), **kwargs},
        )
        inside.on = True
        try:
            result = original(model, *args, **kwargs)
        except BaseException as error:
            inside.on = False
            if call is not None:
                call.fail(error)
            raise
        inside.on = False
        if call is not None:
            call.succeed(lambda: outputs_of(result))
        return result

    mixin: type = module.GenerationMixin
    original: Any = vars(mixin)["generate"]
    patches.wrap(mixin, "generate", generate, when=recorder.ready)
    _dynamo.trace_instead(vars(mixin)["generate"], original)
