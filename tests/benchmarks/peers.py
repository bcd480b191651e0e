# SPDX-License-Identifier: Apache-2.0
"""Processes that profile when they are told to, so that several take turns on the same data: others' and ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from support import environments

_HERE = Path(__file__).parent
#: Newest releases, on the newest numpy and pandas that they run on.
_REQUIREMENTS = {
    "whylogs": ("whylogs==1.6.4", "numpy==1.26.4", "pandas==2.3.3"),
    "evidently": ("evidently==0.7.23", "pandas==2.3.3"),
}


class Process:
    """A process that answers questions, as `peer_protocol` does.

    Args:
        python: the interpreter of its environment.
        program: in this folder.
        **variables: of its environment, beside ours.
    """

    def __init__(self, python: str | Path, program: str, **variables: str) -> None:
        self._process = subprocess.Popen(
            [python, "-W", "ignore", _HERE / program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **variables},
            text=True,
        )
        #: What it says of itself.
        self.label: str = self.ask("label")

    def ask(self, name: str, **question: object) -> Any:
        """Returns the answer to a question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"name": name, **question}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process ended with status {self._process.wait()}")
        return json.loads(answer)

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()


def peer(name: str) -> Process:
    """Starts another profiler, in an environment of its own, which is made first where it is missing."""
    python = environments.kept(*_REQUIREMENTS[name])
    # Neither is to tell its makers that it was used.
    return Process(python, f"peer_{name}.py", PYTHONPATH="", WHYLOGS_NO_ANALYTICS="True", DO_NOT_TRACK="1")


def ours(*, kernel: str, program: str) -> Process:
    """Starts a process of ours.

    Args:
        kernel: which one is to be in use, as the setting ``profile_kernel`` says it.
        program: in this folder.
    """
    return Process(sys.executable, program, OTEL_PYTHON_INFERSPAN_PROFILE_KERNEL=kernel)
