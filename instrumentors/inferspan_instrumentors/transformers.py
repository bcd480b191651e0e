# SPDX-License-Identifier: Apache-2.0
"""Makes stages of the calls of transformers' processors, image processors, feature extractors and tokenizers.

Its models are modules, whose calls `inferspan_instrumentors.torch` sees. A processor's class often has a
``__call__`` of its own instead of its base's: each is wrapped, those of classes defined later when they are.

``transformers serve`` generates on a thread that serves all requests: the context of each goes there with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from inferspan import contexts
from inferspan.instrumentor import InferspanInstrumentor, Patches
from inferspan.recorder import Recorder
from inferspan.semconv.attributes import SystemName
from inferspan_instrumentors import _stages

__all__ = ["TransformersInstrumentor"]

#: Modules, the base class that each defines, and what a call of such an object is.
_BASES = (
    ("transformers.tokenization_utils_base", "PreTrainedTokenizerBase", _stages.TOKENIZE),
    ("transformers.image_processing_base", "ImageProcessingMixin", _stages.PREPROCESS),
    ("transformers.feature_extraction_utils", "FeatureExtractionMixin", _stages.PREPROCESS),
    ("transformers.processing_utils", "ProcessorMixin", _stages.PREPROCESS),
)


class TransformersInstrumentor(InferspanInstrumentor):
    """Instruments what transformers prepares a model's input with."""

    system = SystemName.PYTORCH

    def targets(self) -> Iterable[tuple[str, Callable[[ModuleType, Recorder, Patches], None]]]:
        """Returns the modules that define the base classes."""
        bases = [(module, _patch_of(base, stage)) for module, base, stage in _BASES]
        return [*bases, ("transformers.cli.serving.utils", _carry_context)]


def _patch_of(name: str, stage: str) -> Callable[[ModuleType, Recorder, Patches], None]:
    def patch(module: ModuleType, recorder: Recorder, patches: Patches) -> None:
        base: type = getattr(module, name)

        def wrap(cls: type) -> None:
            if callable(vars(cls).get("__call__")):
                _stages.wrap(cls, "__call__", stage, recorder, patches)

        for cls in (base, *_subclasses(base)):
            wrap(cls)
        _when_subclassed(base, wrap, recorder, patches)

    return patch


def _subclasses(base: type) -> Iterator[type]:
    for cls in base.__subclasses__():
        yield cls
        yield from _subclasses(cls)


def _when_subclassed(base: type, act: Callable[[type], None], recorder: Recorder, patches: Patches) -> None:
    inherited: Any = super

    def subclassed(cls: Any, **kwargs: Any) -> None:
        inherited(base, cls).__init_subclass__(**kwargs)
        try:
            act(cls)
        except Exception:
            recorder.failed("patch")

    if "__init_subclass__" in vars(base):
        patches.remark(f"{base.__qualname__} knows its subclasses itself; those defined later are no stages")
    else:
        patches.replace(base, "__init_subclass__", classmethod(subclassed))


def _carry_context(module: Any, recorder: Recorder, patches: Patches) -> None:
    def submit(original: Any, thread: Any, args: Any, kwargs: Any) -> Any:
        function, *rest = args
        return original(thread, contexts.carried(function), *rest, **kwargs)

    for name in ("submit", "async_submit"):
        patches.wrap(module.InferenceThread, name, submit, when=recorder.listened_to)
