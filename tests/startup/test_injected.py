# SPDX-License-Identifier: Apache-2.0
"""A folder on ``PYTHONPATH``, as the OpenTelemetry Operator has it: the program keeps its own packages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import environments, launcher
from support.collector import Collector
from support.startup import PROGRAMS, arrived, environment

#: Older than what the folder brings, but for the last numpy that there is for Python 3.10.
NUMPY = "2.2.6" if sys.version_info < (3, 11) else "2.3.5"
OWN = ("onnxruntime", f"numpy=={NUMPY}", "wrapt==1.17.3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image has in it: made by its own commands, after those that install the packages."""
    path = environments.folder(tmp_path_factory.mktemp("autoinstrumentation"))
    recipe = (launcher.ROOT / "collector-config/operator/Dockerfile").read_text()
    (command,) = re.findall(r"^RUN pip (.*?)\n\n", recipe, re.MULTILINE | re.DOTALL)
    lines = [line for line in command.splitlines() if not line.strip().startswith("#")]
    _install, _, rest = "\n".join(lines).partition("&&")
    subprocess.run(rest.replace("/autoinstrumentation", str(path)), shell=True, check=True)
    return path


def injected(python: Path, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the program with the variables that the Operator sets."""
    first = folder / "opentelemetry/instrumentation/auto_instrumentation"
    return subprocess.run(
        [python, "versions.py"],
        cwd=PROGRAMS,
        env={**env, "PYTHONPATH": os.pathsep.join((str(first), str(folder)))},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_programs_own_packages_are_used(collector: Collector, tmp_path: Path, folder: Path) -> None:
    python = environments.foreign(tmp_path / "own", *OWN, "protobuf==6.33.5")
    # What an installation that was broken off leaves behind.
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    (packages / "~umpy-2.3.5.dist-info").mkdir()
    finished = injected(python, folder, environment(collector, "injected"))
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == f"numpy {NUMPY} {NUMPY} True\nwrapt 1.17.3 1.17.3 True\nprotobuf 6.33.5 6.33.5 True\n"
    found = arrived(collector.traces(), collector.metrics(), "injected")
    assert list(found.spans.values()) == list(found.counts.values()) == [20]


def test_what_does_not_fit_is_left_alone(collector: Collector, tmp_path: Path, folder: Path) -> None:
    python = environments.foreign(tmp_path / "old", *OWN, "protobuf==4.25.8")
    finished = injected(python, folder, environment(collector, "old"))
    assert finished.returncode == 0
    assert finished.stdout == f"numpy {NUMPY} {NUMPY} True\nwrapt 1.17.3 1.17.3 True\nprotobuf 4.25.8 4.25.8 True\n"
    (line,) = finished.stderr.splitlines()
    assert line.startswith("inferspan: nothing is instrumented: the program's own protobuf is 4.25.8, and ")
    assert not arrived(collector.traces(), collector.metrics(), "old").spans
