# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs, and says something about every bound; how long things take is not asserted."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parent / "bench_overhead.py"


def test_it_measures_all_that_is_bounded(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    done = subprocess.run(
        [sys.executable, BENCHMARK, "--quick", "--json", out], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    written = json.loads(out.read_text())
    results = written["results"]
    assert len(results) == len({result["name"] for result in results})
    assert all(math.isfinite(result["seen"]) for result in results)
    bounded = {result["name"]: (result["at_most"], result["at_least"]) for result in results if result["verdict"]}
    assert bounded == {
        "caller's wall time at 25% of plain's rate": (0.4, None),
        "rate sustained without drops": (None, 0.8),
        "CPU of the process, loop of a 0.5 ms call": (1.1, None),
        "p99 of a 0.5 ms call that releases the GIL": (1.25, None),
        "nested module call, known torch versions": (150, None),
        "nested module call, other torch versions": (400, None),
        "a failing call, 30 frames": (40, None),
        "a small ONNX call, instrumented, no SDK": (1, None),
        "a small ONNX call, instrumented, disabled": (1, None),
        "importing inferspan adds": (30, None),
    }
    assert all(result["name"] in done.stdout for result in results)
    assert {"cores", "cpu", "python", "torch", "onnxruntime", "opentelemetry-sdk"} <= written["machine"].keys()
