# SPDX-License-Identifier: Apache-2.0
"""A process of ours that gives one kernel large arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import numpy as np
from peer_protocol import Question, answer
from timing import in_turns, per_call

from inferspan import pipeline
from inferspan.profiling import kernel
from inferspan.profiling.states import States


def _with(values: Any, wrong: float, *indices: int) -> Any:
    values[list(indices) or slice(None, None, 100)] = wrong
    return values


#: By name, what makes that many values, in double precision.
CASES: Mapping[str, Callable[[np.random.Generator, int], Any]] = {
    "clean": lambda rng, size: rng.normal(0, 1, size),
    "one NaN": lambda rng, size: _with(rng.normal(0, 1, size), np.nan, size // 2),
    "1 % NaN": lambda rng, size: _with(rng.normal(0, 1, size), np.nan),
    "±Inf": lambda rng, size: _with(_with(rng.normal(0, 1, size), np.inf), -np.inf, 7, size // 2),
    "above 1e19": lambda rng, size: rng.normal(0, 1, size) * 1e20,
    "N(100,1)": lambda rng, size: rng.normal(100, 1, size),
    "lognormal": lambda rng, size: rng.lognormal(0, 3, size),
    "mixed signs and zeroes": lambda rng, size: rng.normal(0, 1, size) * (rng.random(size) < 0.5),
}


def _values(question: Question) -> Any:
    return CASES[question["case"]](np.random.default_rng(0), question["size"]).astype(question["dtype"])


def _moments(question: Question) -> dict[str, float]:
    """Answers with what moments take of what adding up the same array takes, and with both in nanoseconds."""
    values = _values(question)
    layout = values.dtype.str
    seen = in_turns(
        question["windows"],
        {
            "sum": lambda: per_call(lambda: np.add.reduce(values), calls=20),
            "moments": lambda: per_call(lambda: kernel.moments(values, layout), calls=20),
        },
    )
    ratios = [ours / reduced for ours, reduced in zip(seen["moments"], seen["sum"], strict=True)]
    return {"ratio": median(ratios), **{name: median(found) for name, found in seen.items()}}


def _histogram(question: Question) -> dict[str, float]:
    """Answers with the nanoseconds an element of a histogram, and of moments and a histogram, when least disturbed."""
    values = _values(question)
    states, both = States(1), States(1)
    layout = values.dtype.str
    kernel.distribute(states, 0, values, layout)
    seen = in_turns(
        question["windows"],
        {
            "histogram": lambda: per_call(lambda: kernel.distribute(states, 0, values, layout), calls=5),
            "with moments": lambda: per_call(lambda: kernel.accumulate(both, values, layout), calls=5),
        },
    )
    return {name: min(found) / values.size for name, found in seen.items()}


if __name__ == "__main__":
    pipeline.configure(raise_faults=True)
    answer({"label": lambda _: kernel.name(), "moments": _moments, "histogram": _histogram})
