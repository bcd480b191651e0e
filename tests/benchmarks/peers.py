# SPDX-License-Identifier: Apache-2.0
"""Other profilers, each in a process and an environment of its own, that take turns with ours on the same data."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType

from support import environments

_HERE = Path(__file__).parent
#: Newest releases, on the newest numpy and pandas that they run on.
_REQUIREMENTS = {
    "whylogs": ("whylogs==1.6.4", "numpy==1.26.4", "pandas==2.3.3"),
    "evidently": ("evidently==0.7.23", "pandas==2.3.3"),
}


class Peer:
    """A process that profiles when it is told to.

    Args:
        name: whose ``peer_<name>.py`` it runs.
    """

    def __init__(self, name: str) -> None:
        python = environments.kept(*_REQUIREMENTS[name])
        self._process = subprocess.Popen(
            [python, "-W", "ignore", _HERE / f"peer_{name}.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Neither tells its makers; and nothing of this process's settings is to instrument them.
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PYTHON"))},
                "WHYLOGS_NO_ANALYTICS": "True",
                "DO_NOT_TRACK": "1",
            },
            text=True,
        )
        #: Its name and version.
        self.label = f"{name} {self._ask({'case': 'version'})}"

    def cpu_nanoseconds(self, case: str, data: Path, *, seconds: float) -> float:
        """Returns the CPU time of one profile: the median of as many as fit into the time, at least one."""
        return float(self._ask({"case": case, "data": str(data), "seconds": seconds}))

    def _ask(self, question: dict[str, object]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the peer ended with status {self._process.wait()}")
        return json.loads(answer)

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()
