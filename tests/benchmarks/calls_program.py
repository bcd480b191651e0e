# SPDX-License-Identifier: Apache-2.0
"""A process of ours that profiles one small array again and again: what is read of it at the call, and its window."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any

import numpy as np
from peer_protocol import Question, answer
from timing import per_call, quantile

from inferspan import config, pipeline, profiling
from inferspan.profiling import kernel
from inferspan.windows import WindowKey, Windows

_KEY = WindowKey("onnxruntime", "benchmark", "1", None, "input")


def _profile(question: Question) -> Callable[[], None]:
    values: Any = np.load(question["data"])
    if question["torch"]:
        import torch

        values = torch.from_numpy(values)
    given = {"x": values}
    windows = Windows()
    most = config.in_force.profile_max_elements

    def call() -> None:
        windows.add(_KEY, profiling.capture(given, inputs=True, max_elements=most))

    return call


def _mean(question: Question) -> float:
    """Answers with the CPU nanoseconds of a call, what waits included: it is added up every so many calls."""
    return per_call(_profile(question), calls=question["calls"])


def _tail(question: Question) -> dict[str, float]:
    """Answers with the median and the 99th percentile of calls, on the clock, in nanoseconds."""
    call = _profile(question)
    seen: list[int] = []
    for _ in range(question["calls"]):
        before = perf_counter_ns()
        call()
        seen.append(perf_counter_ns() - before)
    return {"median": median(seen), "p99": quantile(seen, 0.99)}


if __name__ == "__main__":
    pipeline.configure(raise_faults=True)
    answer({"label": lambda _: kernel.name(), "mean": _mean, "tail": _tail})
