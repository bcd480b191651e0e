# SPDX-License-Identifier: Apache-2.0
"""How many series a process with one model has, counted where they arrive."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from report import Result

_PROGRAM = Path(__file__).with_name("series_program.py")


def results() -> Iterator[Result]:
    """Counts everything."""
    for features, at_most in ((20, 60), (1000, 200)):
        command = [sys.executable, _PROGRAM, str(features)]
        counts: dict[str, int] = json.loads(
            subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        )
        largest = sorted(counts, key=lambda name: (-counts[name], name))
        yield Result(
            name=f"series of one model-process, {features} features",
            seen=sum(counts.values()),
            unit="series",
            at_most=at_most,
            detail=", ".join(f"{counts[name]} {name.removeprefix('inferspan.')}" for name in largest),
        )
