# SPDX-License-Identifier: Apache-2.0
"""The benchmark of data profiles runs, and says something about every bound; what it finds is not asserted."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parent / "bench_profile.py"


@pytest.mark.timeout(900)  # the environments of its peers may have to be made first
def test_it_measures_all_that_is_bounded(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    done = subprocess.run(
        [sys.executable, BENCHMARK, "--quick", "--json", out],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(BENCHMARK.parents[1])},
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text())["results"]
    assert len(results) == len({result["name"] for result in results})
    assert all(math.isfinite(result["seen"]) for result in results)
    bounded = {result["name"]: (result["at_most"], result["at_least"]) for result in results if result["verdict"]}
    assert bounded == {
        "values in another bucket than the SDK's": (0, None),
        "median of N(100,1) from its histogram, error": (0.05, None),
        "standard deviation at mean/sd = 10⁴, float32, relative error": (1, None),
        "quantiles of a sample of 1024, rank error at p95": (1.1, None),
        "the same, gradients along any axis": (1.1, None),
        **{
            f"moments of 150 528 float32, {case}, {kernel} kernel": (clean if case == "clean" else faulty, None)
            for kernel, clean, faulty in (("native", 0.65, 2), ("numpy", 6, 12))
            for case in ("clean", "one NaN", "1 % NaN", "±Inf", "above 1e19")
        },
        "exponential histogram of float32, an element, native kernel": (1, None),
        "exponential histogram of float64, an element, native kernel": (2, None),
        "profile of [1, 20], numpy, native kernel": (2, None),
        "profile of [32, 20], numpy, native kernel": (2, None),
        "profile of [1, 20], torch, native kernel": (2.5, None),
        "profile of [32, 20], torch, native kernel": (2.5, None),
        "p99 of these, native kernel": (5, None),
        "profile of [1, 20], numpy, numpy kernel": (8, None),
        "profile of [32, 20], numpy, numpy kernel": (8, None),
        "profile of [1, 20], torch, numpy kernel": (8, None),
        "profile of [32, 20], torch, numpy kernel": (8, None),
        "p99 of these, numpy kernel": (5, None),
        "profile of [1, 20]: whylogs": (None, 1000),
        "profile of [32, 20]: whylogs": (None, 1000),
        "[100 000,20] float64, columns with histograms, whylogs": (None, 100),
        "[100 000,20] float64, columns with histograms, evidently": (None, 500),
        **{
            f"budget, 1 ms {body}, {inputs}: {what}": bound
            for body in ("asleep", "holding the GIL")
            for inputs, most in (
                ("[32,20]", 1.2),
                ("sizes jumping 1 000 \N{MULTIPLICATION SIGN}", 1.2),
                ("sizes jumping, all NaN", 2.2),
                ("sizes jumping, all failing", 2.2),
            )
            for what, bound in (("most in any 10 s", (most, None)), ("made use of", (None, 1)))
        },
        "10 000 features, open windows and references": (64, None),
        "features beyond them that are not counted as overflow": (0, None),
        "the last nine tenths of 1 000 000 inferences add": (1, None),
        "series of one model-process, 20 features": (60, None),
        "series of one model-process, 1000 features": (200, None),
    }
    assert all(result["name"] in done.stdout for result in results)
