# SPDX-License-Identifier: Apache-2.0
"""A process that infers 500 times a second, and what its metrics say of the budget of data profiles each second."""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from time import process_time_ns, thread_time_ns
from typing import Any

import numpy as np
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from sides import Providers
from timing import at_rate

import inferspan

RATE = 500
_BODY = 1_000_000
#: As fleets do: attributes of spans are no part of the budget, and would hide in the process's time what is.
_SAMPLED = 0.05
_METRICS = ("inferspan.self.profile.time", "inferspan.self.profile.inference_time", "inferspan.self.profile.inferences")


def sleep() -> None:
    """Takes a millisecond, and leaves the processor to others."""
    time.sleep(_BODY / 1e9)


def compute() -> None:
    """Takes a millisecond of processor time, and holds the interpreter lock."""
    end = thread_time_ns() + _BODY
    while thread_time_ns() < end:
        pass


_BODIES: Mapping[str, Callable[[], None]] = {"sleep": sleep, "compute": compute}


def arrays(kind: str) -> Iterator[Any]:
    """Yields inputs without an end: of 20 columns, or of 150 and of 150 000 elements in runs of changing lengths."""
    rng = np.random.default_rng(0)
    lengths = random.Random(0)
    small = [_filled(rng.standard_normal((32, 20), np.float32), kind) for _ in range(16)]
    jumping = [[_filled(rng.standard_normal(size, np.float32), kind) for _ in range(8)] for size in (150, 150_000)]
    while True:
        for sizes in [small] if "steady" in kind else jumping:
            for index in range(lengths.randrange(1, 100)):
                yield sizes[index % len(sizes)]


def _filled(values: Any, kind: str) -> Any:
    if "nan" in kind:
        values[:] = np.nan
    return values


def main() -> None:
    """Prints, as JSON, the metrics of each second and the CPU time of all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("body", choices=_BODIES)
    parser.add_argument("kind", help="words: steady or jumping sizes, nan, failing")
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--off", action="store_true", help="without data profiles")
    arguments = parser.parse_args()
    providers = Providers(sampler=TraceIdRatioBased(_SAMPLED))
    trace.set_tracer_provider(providers.tracer_provider)
    metrics.set_meter_provider(providers.meter_provider)
    inferspan.configure(profile=not arguments.off, raise_faults=True)
    body, inputs, fails = _BODIES[arguments.body], arrays(arguments.kind), "failing" in arguments.kind
    in_bodies = 0

    def step() -> int:
        nonlocal in_bodies
        try:
            with inferspan.inference(model="benchmark", version="1") as call:
                call.inputs(next(inputs))
                before = thread_time_ns()
                body()
                in_bodies += thread_time_ns() - before
                if fails:
                    raise ArithmeticError("benchmark")
        except ArithmeticError:
            pass
        return 0

    seen = [_read(providers)]
    before = process_time_ns()
    for _ in range(arguments.seconds):
        at_rate(step, rate=RATE, seconds=1, sleeping=True)
        seen.append(_read(providers))
    providers.settle()
    spent = process_time_ns() - before
    print(json.dumps({"seen": seen, "cpu": spent / 1e9, "in_bodies": in_bodies / 1e9}))


def _read(providers: Providers) -> dict[str, float]:
    """Returns what the metrics of the budget are, with the last part of their names and their one attribute."""
    found: dict[str, float] = {}
    for name, point in providers.points():
        if name in _METRICS:
            found[" ".join((name.rpartition(".")[2], *map(str, point.attributes.values())))] = point.value
    return found


if __name__ == "__main__":
    main()
