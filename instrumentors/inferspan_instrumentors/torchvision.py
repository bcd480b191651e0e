# SPDX-License-Identifier: Apache-2.0
"""Makes a stage of each call of torchvision's first ``Compose``, which is no module.

Its other transforms are modules, whose calls `inferspan_instrumentors.torch` sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from inferspan.instrumentor import InferspanInstrumentor, Patches
from inferspan.recorder import Recorder
from inferspan.semconv.attributes import SystemName
from inferspan_instrumentors import _stages

__all__ = ["TorchvisionInstrumentor"]


class TorchvisionInstrumentor(InferspanInstrumentor):
    """Instruments ``torchvision.transforms.Compose``."""

    system = SystemName.PYTORCH

    def targets(self) -> Iterable[tuple[str, Callable[[ModuleType, Recorder, Patches], None]]]:
        """Returns the module that defines it."""
        return [("torchvision.transforms.transforms", _patch)]


def _patch(module: Any, recorder: Recorder, patches: Patches) -> None:
    _stages.wrap(module.Compose, "__call__", _stages.PREPROCESS, recorder, patches)
