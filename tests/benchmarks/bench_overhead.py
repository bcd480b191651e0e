# SPDX-License-Identifier: Apache-2.0
"""What inferspan costs, beside what OpenTelemetry by hand costs: see README.md for the method.

Everything runs in one process on real providers; the sides take turns, and ratios of medians are printed.
"""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

import numpy as np
from loops import Load, Loops
from parts import Parts
from report import Result, conclude, machine
from sides import Ours, Plain, Providers
from timing import nothing

from inferspan import pipeline


def main() -> int:
    """Measures, prints, and fails only where inferspan itself has: bounds are for the reader to judge."""
    parser = argparse.ArgumentParser(description="What inferspan costs.", prog="./dev bench overhead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine and results to a file as well")
    parser.add_argument("--quick", action="store_true", help="show that all of it runs; the figures mean nothing")
    arguments = parser.parse_args()
    on = machine()
    load = Load(windows=1, seconds=0.05, steps=2) if arguments.quick else Load()

    pipeline.configure(profile=False, raise_faults=True)
    providers = Providers()
    ours = Ours(
        providers,
        inputs={"x": np.linspace(0, 1, 20, dtype=np.float32).reshape(1, 20)},
        outputs={"y": np.linspace(0, 1, 10, dtype=np.float32).reshape(1, 10)},
    )
    ours.call(nothing)
    like = providers.last_span()
    plain = Plain(providers, like=like)
    # What is there by now, torch above all, need not be looked at by each collection between the windows.
    gc.freeze()

    results: list[Result] = []
    for part in (Loops(providers, plain, ours, load), Parts(providers, plain, ours, windows=load.windows)):
        for result in part.results():
            print(f"{result.name}: {result.seen:.3g} {result.unit} {result.verdict}", file=sys.stderr, flush=True)
            results.append(result)
    providers.settle()

    count = len(like.attributes or {})
    print(f"Plain sets {len(plain.attributes)} attributes: the {count} of our span without a data profile, and more.\n")
    return conclude(results, on=on, json_file=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
