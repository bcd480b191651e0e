# SPDX-License-Identifier: Apache-2.0
"""What data profiles cost, how exact they are, and what bounds they keep: see README.md for the method."""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import profile_series
from profile_accuracy import Accuracy
from profile_budget import BudgetKept
from profile_calls import Calls
from profile_columns import Columns
from profile_kernel import Kernels
from profile_quantiles import Quantiles
from profile_state import State
from report import Result, conclude, machine

from inferspan import pipeline
from inferspan.profiling import kernel

Part = Callable[[], Iterator[Result]]


def parts(*, quick: bool, folder: Path) -> Mapping[str, Part]:
    """Returns what can be measured, by name."""
    return {
        "accuracy": Accuracy(size=200 if quick else 100_000).results,
        "quantiles": Quantiles(draws=2 if quick else 40, shapes=0 if quick else 100).results,
        "kernel": Kernels(windows=1 if quick else 40).results,
        "calls": Calls(windows=1 if quick else 15, calls=100 if quick else 20_000, folder=folder).results,
        "columns": Columns(rows=100 if quick else 100_000, windows=1 if quick else 3, folder=folder).results,
        "budget": BudgetKept(seconds=1 if quick else 30).results,
        "state": State(features=1000 if quick else 10_000, inferences=1000 if quick else 1_000_000).results,
        "series": profile_series.results,
    }


def main() -> int:
    """Measures, prints, and fails only where inferspan itself has: bounds are for the reader to judge."""
    parser = argparse.ArgumentParser(description="What data profiles cost.", prog="./dev bench profile")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine and results to a file as well")
    parser.add_argument("--quick", action="store_true", help="show that all of it runs; the figures mean nothing")
    parser.add_argument("--only", nargs="+", metavar="PART", help="measure these parts alone")
    arguments = parser.parse_args()
    on = {**machine(), "kernel": kernel.name()}
    pipeline.configure(raise_faults=True)
    gc.freeze()
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        every = parts(quick=arguments.quick, folder=Path(folder))
        for name in arguments.only or every:
            for result in every[name]():
                print(f"{result.name}: {result.seen:.3g} {result.unit} {result.verdict}", file=sys.stderr, flush=True)
                results.append(result)
    return conclude(results, on=on, json_file=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
