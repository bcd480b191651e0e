# SPDX-License-Identifier: Apache-2.0
"""The only place that wires the parts together."""

from __future__ import annotations

from typing import Any

from inferspan import config, descriptions, faults
from inferspan._version import __version__
from inferspan.profiling.profilers import register_named
from inferspan.recorder import Recorder
from inferspan.recording.scope import scope


def configure(**settings: Any) -> config.Config:
    """Puts settings in force, over those of the environment, for inferences that start from now on.

    Args:
        **settings: fields of `inferspan.config.Config`.

    Raises:
        TypeError: one of them is no setting.
    """
    loaded = config.load(**settings)
    register_named(loaded.profilers)
    faults.strict = loaded.raise_faults
    return loaded


def recorder(
    scope_name: str,
    *,
    system: str,
    tracer_provider: Any = None,
    meter_provider: Any = None,
    logger_provider: Any = None,
) -> Recorder:
    """Makes what an adapter starts inferences with.

    Args:
        scope_name: of the instrumentation scope.
        system: the runtime or server, one of ``semconv.attributes.SystemName``.
        tracer_provider: None for the global one, now or whenever it is set.
        meter_provider: likewise.
        logger_provider: likewise.
    """
    settings = config.load_once()
    faults.strict = settings.raise_faults
    register_named(settings.profilers)
    descriptions.read_file(settings.models_file)  # for its errors to be told at the start
    found = scope(
        scope_name,
        __version__,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        logger_provider=logger_provider,
    )
    # What is to be told of an earlier process is not to wait for the first inference of this one.
    found.ready()
    return Recorder(found, system=system)
