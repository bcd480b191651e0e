# SPDX-License-Identifier: Apache-2.0
"""How times are taken: sides take turns, windows are short, medians are compared.

On a shared machine absolute times move by half from minute to minute; what two sides cost that take turns every few
hundred milliseconds moves together, so the ratio stays.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from select import select
from statistics import median
from time import perf_counter_ns, process_time_ns, thread_time_ns
from typing import Any, TypeVar

from sides import Body

#: How near to its time a step is that a timer can still be trusted to meet, in nanoseconds.
_TIMER_MARGIN = 150_000

Call = Callable[[Body], Any]
_T = TypeVar("_T")


class Probe:
    """A body that notes when it runs, so that what is around it can be told apart."""

    def __init__(self, work: Body) -> None:
        self._work = work
        self._began = self._ended = 0

    def __call__(self) -> Any:
        self._began = perf_counter_ns()
        try:
            return self._work()
        finally:
            self._ended = perf_counter_ns()

    def around(self, call: Call) -> int:
        """Returns the nanoseconds that a call spends around this body."""
        before = perf_counter_ns()
        try:
            call(self)
        except ArithmeticError:  # what failing bodies raise
            pass
        return perf_counter_ns() - before - (self._ended - self._began)


def nothing() -> None:
    """Is the body of an empty loop."""


def at_rate(step: Callable[[], int], *, rate: float, seconds: float, sleeping: bool = False) -> tuple[list[int], float]:
    """Runs steps in an open loop: each is due at its time, however long the one before has taken.

    Waiting gives up the interpreter lock, again and again, by a system call that returns at once (``sleep(0)`` does
    not: it takes as long as timers are slack).

    Args:
        step: what is run.
        rate: steps a second.
        seconds: for how long.
        sleeping: leave the processor to others while there is time: they leave their data in its caches.

    Returns:
        What the steps returned, and by how many seconds the last one came late.
    """
    slot = 1e9 / rate
    seen: list[int] = []
    begin = perf_counter_ns()
    for index in range(int(rate * seconds)):
        due = begin + int(index * slot)
        while (left := due - perf_counter_ns()) > 0:
            select((), (), (), max(0, left - _TIMER_MARGIN) / 1e9 if sleeping else 0)
        seen.append(step())
    return seen, max(0.0, (perf_counter_ns() - begin - len(seen) * slot) / 1e9)


def closed_loop_rate(call: Call, body: Body, *, seconds: float) -> float:
    """Returns the calls a second of a loop that does nothing else."""
    begin = perf_counter_ns()
    end = begin + int(seconds * 1e9)
    calls = 0
    while perf_counter_ns() < end:
        for _ in range(50):
            call(body)
        calls += 50
    return calls * 1e9 / (perf_counter_ns() - begin)


def per_call(call: Callable[[], Any], *, calls: int) -> float:
    """Returns nanoseconds a call of a tight loop, without those in which the thread did not run."""
    begin = thread_time_ns()
    for _ in range(calls):
        call()
    return (thread_time_ns() - begin) / calls


def latencies(call: Call, body: Body, *, calls: int, settle: Callable[[], None]) -> tuple[list[int], float]:
    """Returns each call's nanoseconds, and the CPU nanoseconds of the whole process a call, all work done."""
    seen: list[int] = []
    cpu = process_time_ns()
    for _ in range(calls):
        before = perf_counter_ns()
        call(body)
        seen.append(perf_counter_ns() - before)
    settle()
    return seen, (process_time_ns() - cpu) / calls


def in_turns(windows: int, sides: Mapping[str, Callable[[], _T]]) -> dict[str, list[_T]]:
    """Gives each side its window in turn, forwards and backwards, and returns what each side's windows returned."""
    seen: dict[str, list[_T]] = {name: [] for name in sides}
    order = list(sides)
    for _ in range(windows):
        for name in order:
            # No side pays for collecting what another one has left; within its window it pays for its own.
            gc.collect()
            seen[name].append(sides[name]())
        order.reverse()
    return seen


def medians(seen: Mapping[str, list[float]]) -> dict[str, float]:
    """Returns each side's median."""
    return {name: median(values) for name, values in seen.items()}


def ratio(seen: Mapping[str, list[float]]) -> float:
    """Returns the median, over the turns, of what ours took of what plain took in the same turn."""
    return median(ours / plain for ours, plain in zip(seen["ours"], seen["plain"], strict=True))


def quantile(values: list[int], probability: float) -> float:
    """Returns a quantile, by the nearest rank."""
    return float(sorted(values)[min(len(values) - 1, int(probability * len(values)))])
