# SPDX-License-Identifier: Apache-2.0
"""Instruments at import, for programs that are not started by the launcher.

``import inferspan.auto`` is the program's first line. Libraries are patched when the program imports them. The
program's providers are used whenever it sets them up, before this import or after; none are set up here.
``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` is honoured, as by the launcher.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points

from inferspan import faults

_GROUP = "opentelemetry_instrumentor"
_PACKAGE = "inferspan_instrumentors"


def instrument() -> None:
    """Instruments with every instrumentor of inferspan that is not disabled, once."""
    disabled = {name.strip() for name in os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}
    if "*" in disabled:
        return
    for entry_point in entry_points(group=_GROUP):
        if entry_point.name in disabled or not entry_point.value.startswith(_PACKAGE):
            continue
        try:
            instrumentor = entry_point.load()()
            if not instrumentor.is_instrumented_by_opentelemetry:
                instrumentor.instrument(skip_dep_check=True)
        except Exception:
            faults.caught("auto")


instrument()
