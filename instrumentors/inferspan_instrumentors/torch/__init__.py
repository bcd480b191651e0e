# SPDX-License-Identifier: Apache-2.0
"""Records the inferences of torch modules: eager, compiled, scripted, exported, and packaged by AOTInductor.

One span is one call of an outermost module: its children, and the steps of ``generate()``, are part of it. What
counts as an inference is said in `_policy`, how modules are patched in `_call`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

from inferspan.instrumentor import InferspanInstrumentor, Patches
from inferspan.recorder import Recorder
from inferspan.semconv.attributes import SystemName
from inferspan_instrumentors.torch import _aotinductor, _call, _generate, _loads

__all__ = ["TorchInstrumentor"]


class TorchInstrumentor(InferspanInstrumentor):
    """Instruments ``torch.nn.Module``, AOTInductor packages, and ``generate()`` of transformers."""

    system = SystemName.PYTORCH

    def targets(self) -> Iterable[tuple[str, Callable[[ModuleType, Recorder, Patches], None]]]:
        """Returns the modules that define what is called."""
        return [
            ("torch", _call.patch),
            ("torch", _loads.patch_torch),
            ("torch.export", _loads.patch_export),
            ("transformers.modeling_utils", _loads.patch_transformers),
            ("torch.export.pt2_archive._package", _aotinductor.patch),
            ("transformers.generation.utils", _generate.patch),
        ]
