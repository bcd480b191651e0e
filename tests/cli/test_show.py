# SPDX-License-Identifier: Apache-2.0
"""`inferspan.show()`: in the process that infers, whoever has set up OpenTelemetry."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("programs") / "shows.py"
LAUNCHER = Path(sys.executable).with_name("opentelemetry-instrument")


def run(*arguments: str, launcher: bool = False) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "COLUMNS"))}
    none = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    return subprocess.run(
        [*([str(LAUNCHER)] if launcher else []), sys.executable, str(PROGRAM), *arguments],
        env={**clean, **none, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("launcher", [False, True])
def test_a_table_of_what_this_process_has_inferred(launcher: bool) -> None:
    finished = run(launcher=launcher)
    assert (finished.returncode, finished.stderr) == (0, "")
    said, first, second = re.split(r"^── inferspan in this process ─+ ", finished.stdout, flags=re.MULTILINE)
    assert said == "inferspan listens from now on: run a model, and show() again\n"
    assert first.startswith("20 inferences")
    assert second.startswith("30 inferences")
    assert re.search(r"^ fraud 3 +\S+ +30 ", second, re.MULTILINE)
    assert re.search(r"^ → age +float64 +12 +0 +0 +9 +0 ", second, re.MULTILINE), second


def test_inferences_that_are_sampled_away_are_counted() -> None:
    finished = run("sampled away")
    assert finished.returncode == 0, finished.stderr
    assert "30 inferences" in finished.stdout
    assert "from the histogram (0 of 30 have a span)" in finished.stdout


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("no rich", "inferspan.show() needs more packages: pip install 'inferspan[run]'"),
        ("another's providers", "inferspan.show() listens to the providers of OpenTelemetry's SDK; these are others"),
    ],
)
def test_it_says_what_is_missing(case: str, reason: str) -> None:
    finished = run(case)
    assert finished.stderr.endswith(f"RuntimeError: {reason}\n")
