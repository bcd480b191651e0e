# SPDX-License-Identifier: Apache-2.0
"""What windows keep: of many features, and after many inferences; in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from report import Result

_PROGRAM = Path(__file__).with_name("state_program.py")
_MB = 2**20


class State:
    """Memory of a process, as the system counts it.

    Args:
        features: of the open windows and of their references.
        inferences: of one row each.
    """

    def __init__(self, *, features: int, inferences: int) -> None:
        self._features = features
        self._inferences = inferences

    def results(self) -> Iterator[Result]:
        """Measures everything."""
        found = _run("features", self._features)
        yield Result(
            name="10 000 features, open windows and references",
            seen=found["bytes"] / _MB,
            unit="MB",
            at_most=64,
            detail=f"{found['fields']} in the references",
        )
        yield Result(
            name="features beyond them that are not counted as overflow",
            seen=self._features - found["overflowed"],
            unit="features",
            at_most=0,
            detail=f"of {self._features}",
        )
        yield Result(
            name="the last nine tenths of 1 000 000 inferences add",
            seen=_run("inferences", self._inferences)["bytes"] / _MB,
            unit="MB",
            at_most=1,
        )


def _run(what: str, count: int) -> dict[str, int]:
    command = [sys.executable, _PROGRAM, what, str(count)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
