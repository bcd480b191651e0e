# SPDX-License-Identifier: Apache-2.0
"""What inferspan can say of itself in this process: for ``inferspan doctor``, which asks why there is no span."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from inferspan import config, faults, instrumentor
from inferspan.profiling import kernel
from inferspan.recording import drops, notices, skips

#: Longest text of a setting: a mapping of models can be long, and a report has to stay short.
_MAX_VALUE = 200


def kernel_here() -> str:
    """Returns what computes data profiles in this environment."""
    config.load_once()
    return kernel.name()


def status() -> dict[str, Any]:
    """Returns it as values that JSON has."""
    return {
        "settings": {
            name: {"value": str(getattr(config.in_force, name))[:_MAX_VALUE], "origin": origin}
            for name, origin in config.origins().items()
            if origin != "default"
        },
        "targets": [asdict(target) for target in list(instrumentor.targets.values())],
        "recorded": notices.said,
        "kernel": kernel.name_in_use(),
        "skipped": {system: dict(reasons) for system, reasons in skips.counts.items() if reasons},
        "dropped": dict(drops.counts),
        "faults": dict(faults.counts),
    }
