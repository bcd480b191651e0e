# SPDX-License-Identifier: Apache-2.0
"""Instruments a program that does not have inferspan installed, from a folder on ``PYTHONPATH``.

That is how the OpenTelemetry Operator does it: a folder with inferspan, OpenTelemetry and all that they need is mounted
into the container, and stands before the program's own packages. Left there, its numpy, wrapt or protobuf would replace
the ones that the program was built and tested with. So the folder goes behind everything else first: of a package that
both have, the program's own is used. Where that one does not fit, nothing is instrumented, and one line says why.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

_OLDEST = (3, 10)


def instrument() -> None:
    """Puts the folder that this module is in last, and instruments as the launcher does, if all packages fit."""
    folder = Path(__file__).resolve().parents[2]
    _put_last(folder)
    try:
        misfit = _misfit(folder)
    except Exception as error:  # what a broken installation says of itself
        misfit = f"the program's packages cannot be told: {error!r}"
    if misfit is not None:
        print(f"inferspan: nothing is instrumented: {misfit}", file=sys.stderr)
        return
    from opentelemetry.instrumentation.auto_instrumentation import initialize  # pyright: ignore[reportMissingTypeStubs]

    initialize()


def _put_last(folder: Path) -> None:
    ours = [entry for entry in sys.path if Path(entry).resolve() == folder]
    sys.path[:] = [entry for entry in sys.path if entry not in ours] + ours[:1]


def _misfit(folder: Path) -> str | None:
    """Returns which of the program's packages the folder's cannot work with, and None where there is none."""
    if sys.version_info < _OLDEST:  # pyright: ignore[reportUnnecessaryComparison] (the program's, not ours)
        return f"it needs Python {'.'.join(map(str, _OLDEST))}, and this is {sys.version.split()[0]}"
    from packaging.requirements import Requirement

    others = [entry for entry in sys.path if os.path.isdir(entry) and Path(entry).resolve() != folder]
    # By name, which is in the names of folders: to read what all packages of the program say takes a tenth of a second.
    for brought in distributions(path=[str(folder)]):
        used = _find(brought.name, others) or brought
        for line in used.requires or ():
            needed = Requirement(line)
            if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
                continue
            found = _find(needed.name, others)
            if found is not None and not needed.specifier.contains(found.version, prereleases=True):
                return (
                    f"the program's own {needed.name} is {found.version}, "
                    f"and {used.name} needs {needed.name}{needed.specifier}"
                )
    return None


def _find(name: str, path: Sequence[str]) -> Distribution | None:
    return next(iter(distributions(name=name, path=list(path))), None)
