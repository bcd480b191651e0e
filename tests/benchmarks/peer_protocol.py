# SPDX-License-Identifier: Apache-2.0
"""What the processes of peers have in common: a question a line, and its answer. Runs in their environments."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import Any

import numpy as np

#: Makes, from an array of rows, what the peer is used to be given, and returns a call that profiles it once.
Case = Callable[[Any], Callable[[], Any]]


def answer(package: str, cases: Mapping[str, Case]) -> None:
    """Answers questions until there are no more."""
    # What the peer prints goes elsewhere.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        question = json.loads(line)
        if question["case"] == "version":
            found: Any = version(package)
        else:
            found = _time(cases[question["case"]](np.load(question["data"])), seconds=question["seconds"])
        print(json.dumps(found), file=out, flush=True)


def _time(call: Callable[[], Any], *, seconds: float) -> float:
    seen: list[int] = []
    end = perf_counter_ns() + int(seconds * 1e9)
    while not seen or perf_counter_ns() < end:
        before = process_time_ns()
        call()
        seen.append(process_time_ns() - before)
    return median(seen)
