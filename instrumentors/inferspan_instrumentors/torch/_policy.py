# SPDX-License-Identifier: Apache-2.0
"""What counts as an inference of a torch module.

It does unless the module trains with gradients. Calls with gradients in evaluation mode count, for many forget
``no_grad``; calls in training mode without gradients count and are marked, for they are Monte Carlo dropout or a
forgotten ``eval()``. Exported programs are always in training mode and always count.

What runs as a root without being a model does not count: single layers of ``torch.nn``, losses, transforms, metrics.
Nor does what only traces (``jit.trace``, fake tensors, ``vmap``, CUDA graph capture) or recomputes (in backward).
A module that the application has described counts whenever it runs.
"""

from __future__ import annotations

import weakref
from typing import Any

from inferspan import identity
from inferspan.semconv.attributes import SelfSkipReason
from inferspan_instrumentors.torch._identity import class_of, is_exported

_LAYERS = ("torch.nn.modules.", "torch.ao.nn.", "torch.nn.quantized.")
#: Modules of classes that are no models, and why not.
_NOT_MODELS = {
    "torch.nn.modules.loss": SelfSkipReason.LOSS,
    "torchmetrics": SelfSkipReason.LOSS,
    "torch.ao.quantization.observer": SelfSkipReason.LEAF,
    "torch.ao.quantization.fake_quantize": SelfSkipReason.LEAF,
    "torchvision.transforms": SelfSkipReason.TRANSFORM,
    "torchaudio.transforms": SelfSkipReason.TRANSFORM,
    "kornia.augmentation": SelfSkipReason.TRANSFORM,
}
#: The same by the end of the class's name: losses of the application's own, and what the older ONNX export traces with.
_NOT_MODELS_END = {"Loss": SelfSkipReason.LOSS, "ONNXTracedModule": SelfSkipReason.TRACING}

#: Kinds of classes, beside the reasons for which classes are no models.
_COUNTS, _EXPORT, _LAYER = "counts", "exported", "layer"


class Policy:
    """Decides for each outermost call; what depends on the class alone is decided once."""

    def __init__(self, torch: Any) -> None:
        self._grad_enabled = torch.is_grad_enabled
        self._tracing_state = torch._C._get_tracing_state
        self._dispatch_modes = torch._C._len_torch_dispatch_stack
        self._transforms = torch._C._functorch.peek_interpreter_stack
        self._backward = getattr(torch._C, "_current_graph_task_id", lambda: -1)
        self._cuda = torch.cuda
        self._kinds: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()

    def reason_to_skip(self, module: Any) -> str | None:
        """Returns why a call of this module, unwrapped, from outside any other is no inference; None where it is one.

        Returns:
            One of ``semconv.attributes.SelfSkipReason``.
        """
        cls = class_of(module)
        kind = self._kind(cls)
        if kind != SelfSkipReason.TRANSFORM and self.in_training(module) and self._grad_enabled():
            return SelfSkipReason.TRAINING
        if (
            self._tracing_state() is not None
            or self._dispatch_modes()
            or self._transforms() is not None
            or self._capturing()
        ):
            return SelfSkipReason.TRACING
        if self._backward() != -1:
            # What is recomputed is part of a call that was an inference before.
            return SelfSkipReason.NESTED
        if kind in (_COUNTS, _EXPORT):
            # A replica of DataParallel runs on its own thread, as part of the call that scattered to it.
            return SelfSkipReason.NESTED if "_is_replica" in module.__dict__ else None
        if identity.is_described(module):
            return None
        if kind == _LAYER:
            return None if module._modules else SelfSkipReason.LEAF
        return kind

    def in_training(self, module: Any) -> bool:
        """Returns whether the module is in training mode; an exported program always says so, a frozen one never."""
        cls = class_of(module)
        return self._kind(cls) != _EXPORT and getattr(module, "training", False)

    def _capturing(self) -> bool:
        # Nothing executes while a CUDA graph is captured. Asked only where CUDA is in use: without a driver it raises.
        return self._cuda.is_initialized() and self._cuda.is_current_stream_capturing()

    def _kind(self, cls: type) -> str:
        kind = self._kinds.get(cls)
        if kind is None:
            kind = self._kinds[cls] = _classify(cls)
        return kind


def _classify(cls: type) -> str:
    if is_exported(cls):
        return _EXPORT
    for end, reason in _NOT_MODELS_END.items():
        if cls.__name__.endswith(end):
            return reason
    for base in cls.__mro__:
        for module, reason in _NOT_MODELS.items():
            if base.__module__.startswith(module):
                return reason
    return _LAYER if cls.__module__.startswith(_LAYERS) else _COUNTS
