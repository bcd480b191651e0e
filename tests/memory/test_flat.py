# SPDX-License-Identifier: Apache-2.0
"""A million inferences, and ten thousand models that come and go, leave nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parent / "programs" / "million.py"
CALLS, MODELS, SESSIONS = 1_000_000, 10_000, 10_000


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    finished = subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, (CALLS, MODELS, SESSIONS))],
        capture_output=True,
        text=True,
        env=environment,
        timeout=280,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return json.loads(finished.stdout)


def test_every_inference_was_counted(found: dict[str, Any]) -> None:
    warmed_up = sum(max(200, count // 20) for count in (CALLS, MODELS, SESSIONS))
    assert found["recorded"] == CALLS + MODELS + SESSIONS + warmed_up


@pytest.mark.parametrize("what", ["calls", "models", "sessions"])
def test_memory_and_threads_are_flat(found: dict[str, Any], what: str, record_property: Any) -> None:
    before, after = found[what]["before"], found[what]["after"]
    growth = (after["memory"] - before["memory"]) / 2**20
    record_property("growth_mib", round(growth, 2))
    print(f"{what}: {growth:.2f} MiB, {after['objects'] - before['objects']} objects")
    assert growth < 8
    assert after["threads"] <= before["threads"]
    assert after["objects"] - before["objects"] < 200
