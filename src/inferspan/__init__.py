# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry for model inference.

Start a program under ``opentelemetry-instrument``, or say ``import inferspan.auto`` as its first line; for models that
no instrumentor knows, there is the API here. Its parts are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inferspan._version import __version__
    from inferspan.api import batch, current_id, enqueue, inference, labels, profile, stage
    from inferspan.cli.show import show
    from inferspan.identity import describe
    from inferspan.pipeline import configure
    from inferspan.profiling.profilers import register_profiler
    from inferspan.recording.batches import Token

__all__ = [
    "Token",
    "__version__",
    "batch",
    "configure",
    "current_id",
    "describe",
    "enqueue",
    "inference",
    "labels",
    "profile",
    "register_profiler",
    "show",
    "stage",
]

_HOMES = {
    "Token": "inferspan.recording.batches",
    "__version__": "inferspan._version",
    "batch": "inferspan.api",
    "configure": "inferspan.pipeline",
    "current_id": "inferspan.api",
    "describe": "inferspan.identity",
    "enqueue": "inferspan.api",
    "inference": "inferspan.api",
    "labels": "inferspan.api",
    "profile": "inferspan.api",
    "register_profiler": "inferspan.profiling.profilers",
    "show": "inferspan.cli.show",
    "stage": "inferspan.api",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
