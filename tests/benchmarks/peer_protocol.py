# SPDX-License-Identifier: Apache-2.0
"""What processes that are measured in turns have in common: a question a line, and its answer.

It also runs in the environments of peers, which have numpy and nothing of ours.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import Any

import numpy as np

Question = Mapping[str, Any]
#: Makes, from an array of rows, what the peer is used to be given, and returns a call that profiles it once.
Case = Callable[[Any], Callable[[], Any]]


def answer(answers: Mapping[str, Callable[[Question], Any]]) -> None:
    """Answers questions, each by the function of its name, until there are no more."""
    # Whatever else is printed goes elsewhere.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(answers[question["name"]](question)), file=out, flush=True)


def timed(case: Case) -> Callable[[Question], float]:
    """Returns a function that answers with the CPU time of one profile: the median of as many as fit into the time."""

    def time(question: Question) -> float:
        call = case(np.load(question["data"]))
        seen: list[int] = []
        end = perf_counter_ns() + int(question["seconds"] * 1e9)
        while not seen or perf_counter_ns() < end:
            before = process_time_ns()
            call()
            seen.append(process_time_ns() - before)
        return median(seen)

    return time
