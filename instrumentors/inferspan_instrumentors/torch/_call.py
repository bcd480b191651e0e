# SPDX-License-Identifier: Apache-2.0
"""Patches ``torch.nn.Module.__call__`` so that torch does not notice.

The body of the method is replaced, not wrapped: a nested call then has as many frames as before and costs one look at
a thread-local more. What Dynamo is told, so that guards, graphs and ``fullgraph`` are as without us, is in `_dynamo`.

The replaced body is torch's own, which is compared with the one known; an unknown one is called instead of imitated.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Any

from inferspan import identity
from inferspan.instrumentor import Patches, imitate
from inferspan.lifecycle import Inference
from inferspan.recorder import Recorder
from inferspan.semconv.attributes import SelfSkipReason
from inferspan.stages import Stage
from inferspan_instrumentors import _stages
from inferspan_instrumentors.torch import _dynamo
from inferspan_instrumentors.torch._identity import identity_of, unwrap
from inferspan_instrumentors.torch._policy import Policy
from inferspan_instrumentors.torch._reentrancy import inside
from inferspan_instrumentors.torch._values import device_of, inputs_of, outputs_of

#: `Module._wrapped_call_impl` of torch 2.1 to 2.15, the only one so far with compiled calls.
_KNOWN_BODY = """
def _wrapped_call_impl(self, *args, **kwargs):
    if self._compiled_call_impl is not None:
        return self._compiled_call_impl(*args, **kwargs)
    else:
        return self._call_impl(*args, **kwargs)
"""


def patch(torch: Any, recorder: Recorder, patches: Patches) -> None:
    """Replaces ``Module.__call__``, and repairs what Dynamo remembers of it."""
    module: type = torch.nn.Module
    original: Any = vars(module)["__call__"]
    is_compiling = torch.compiler.is_compiling
    policy = Policy(torch)
    #: By ``id``, modules that are inferences of their own wherever they run: models inside a model.
    named = identity.named_models.ids

    def whole(self: Any, args: Any, kwargs: Any) -> Any:
        callback = _dynamo.set_callback(None)
        call = start(self, args, kwargs) if recorder.ready() else None
        compiled = 0 if call is None else _dynamo.graphs()
        around = inside.on
        # Even where this call is none: its children are part of a training step, a trace or a transform.
        inside.on = True
        try:
            if callback is not None:
                _dynamo.set_callback(callback)
            result = original(self, *args, **kwargs)
        except BaseException as error:
            inside.on = around
            if call is not None:
                _dynamo.set_callback(None)
                if isinstance(call, Stage):
                    call.end(error)
                else:
                    call.cold = call.cold or _dynamo.graphs() != compiled
                    call.fail(error)
                _restore(callback)
            raise
        inside.on = around
        if call is not None:
            _dynamo.set_callback(None)
            if isinstance(call, Stage):
                call.end()
            else:
                call.cold = call.cold or _dynamo.graphs() != compiled
                call.succeed(lambda: outputs_of(result))
            _restore(callback)
        return result

    def start(self: Any, args: Any, kwargs: Any) -> Inference | Stage | None:
        try:
            model = unwrap(self)
            reason = policy.reason_to_skip(model)
            if reason is not None:
                recorder.skip(reason)
                return _stages.start(recorder, _stages.PREPROCESS) if reason == SelfSkipReason.TRANSFORM else None
            training = policy.in_training(model)
            device = device_of(torch, args, kwargs)
        except Exception:
            recorder.skip(SelfSkipReason.FAULT)
            recorder.failed("torch")
            return None
        return recorder.start(
            lambda: identity_of(self),
            inputs=lambda: inputs_of(self, args, kwargs),
            device=device,
            training=training,
        )

    if _is_known(original):

        def _wrapped_call_impl(self: Any, *args: Any, **kwargs: Any) -> Any:
            if (inside.on and not (named and id(self) in named)) or is_compiling():
                if self._compiled_call_impl is not None:
                    return self._compiled_call_impl(*args, **kwargs)
                return self._call_impl(*args, **kwargs)
            return whole(self, args, kwargs)
    else:
        patches.remark(f"torch {torch.__version__} has a Module.__call__ that is not known; it is called through")

        def _wrapped_call_impl(self: Any, *args: Any, **kwargs: Any) -> Any:
            if (inside.on and not (named and id(self) in named)) or is_compiling():
                return original(self, *args, **kwargs)
            return whole(self, args, kwargs)

    imitate(_wrapped_call_impl, original)
    _dynamo.trace_instead(_wrapped_call_impl, original)
    patches.replace(module, "__call__", _wrapped_call_impl)
    if vars(module).get("_wrapped_call_impl") is original:
        patches.replace(module, "_wrapped_call_impl", _wrapped_call_impl)
    _dynamo.repair(module, original, _wrapped_call_impl, patches)
    _dynamo.skip(_wrapped_call_impl.__code__, whole.__code__)
    _hush_trace_check(patches)


def _restore(callback: Any) -> None:
    if callback is not None:
        _dynamo.set_callback(callback)


def _is_known(function: Callable[..., Any]) -> bool:
    try:
        # Of the code itself: for a function that wraps another, `getsource` answers with the other's.
        source = ast.parse(textwrap.dedent(inspect.getsource(function.__code__)))
    except (AttributeError, OSError, TypeError, SyntaxError):
        return False
    return ast.dump(source) == ast.dump(ast.parse(_KNOWN_BODY))


def _hush_trace_check(patches: Patches) -> None:
    """Keeps quiet while ``torch.jit.trace`` runs a module again to compare it with its trace."""
    trace = sys.modules.get("torch.jit._trace")
    check = getattr(trace, "_check_trace", None)
    if check is None:
        return

    def _check_trace(*args: Any, **kwargs: Any) -> Any:
        before, inside.on = inside.on, True
        try:
            return check(*args, **kwargs)
        finally:
            inside.on = before

    imitate(_check_trace, check)
    patches.replace(trace, "_check_trace", _check_trace)
