# SPDX-License-Identifier: Apache-2.0
"""A Jupyter kernel in which torch was imported, and used, before inferspan; it shows what has happened since."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from support import environments
from support.collector import Collector
from support.startup import PROGRAMS, arrived, environment

CELLS = (
    """
import torch
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)).eval()
with torch.no_grad():
    print(tuple(model(torch.ones(3, 4)).shape))
""",
    """
import inferspan.auto
from opentelemetry.distro import OpenTelemetryConfigurator, OpenTelemetryDistro
OpenTelemetryDistro().configure()
OpenTelemetryConfigurator().configure()
inferspan.show()
""",
    """
with torch.no_grad():
    for _ in range(25):
        model(torch.ones(3, 4))
inferspan.show()
""",
)


def test_a_kernel_that_has_torch_already(collector: Collector, tmp_path: Path) -> None:
    python = environments.environment("torch", "ipykernel", "nbclient", extra="run")
    subprocess.run([python, "-m", "ipykernel", "install", "--prefix", tmp_path, "--name", "python3"], check=True)
    finished = subprocess.run(
        [python, "notebook.py", *CELLS],
        cwd=PROGRAMS,
        env={
            **environment(collector, "notebook"),
            "HOME": str(tmp_path),
            "JUPYTER_PATH": str(tmp_path / "share" / "jupyter"),
            "IPYTHONDIR": str(tmp_path / "ipython"),
        },
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert finished.returncode == 0, finished.stderr
    before, said, table = finished.stdout.split("\n", 2)
    assert before == "(3, 2)"
    assert said.startswith("inferspan listens from now on")
    plain = re.sub(r"\x1b\[[\d;]*m", "", table)
    assert re.match(r"── inferspan in this process ─+ 25 inferences · ", plain), plain
    found = arrived(collector.traces(), collector.metrics(), "notebook")
    assert list(found.spans.values()) == list(found.counts.values()) == [25], finished.stderr
