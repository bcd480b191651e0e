# SPDX-License-Identifier: Apache-2.0
"""How much CPU time profiling may take: a share of the time that inferences take, measured, and kept.

What profiling costs is measured where it is spent, on the calling threads and on the worker, and taken from an
allowance that inferences fill as they end. A call is profiled while there is something left; an allowance that is
overdrawn is paid back before the next profile, so the share holds over any longer time, whatever a single profile
costs. A second allowance of the same size is for what is looked for: the inputs of failed calls, and arrays of which a
sample has shown missing or infinite values.

A model that is called rarely would earn next to nothing although profiling it costs next to nothing: the allowances
never earn less than a thousandth of the time on the clock.
"""

from __future__ import annotations

import math
import threading
from time import thread_time_ns

from inferspan import clock, config

#: What is there at the start, and what remains of it unspent at most, in nanoseconds.
_AT_FIRST = 5_000_000
_MOST = 2_000_000
#: Of that, what is left for calls whose span is sampled.
_FOR_SAMPLED = 500_000
#: Least that is earned: a share of the time on the clock, looked at so often.
_LEAST_SHARE = 0.001
_LOOK = 100_000_000
#: Most nanoseconds that it takes to copy a small value.
_MOST_FOR_A_COPY = 20_000
#: Cost of an array beside its elements, and of an element before any was measured.
_EACH = 50_000
_AN_ELEMENT = 2.0
#: Weight of the newest measurement, if it is of as many elements; by how much one may differ; what is left of a doubt.
_NEWEST = 0.25
_MANY = 50_000
_FAR_OFF = 3.0
_DOUBT = 0.99


class Allowance:
    """CPU time that may be spent; in nanoseconds. Negative where it is overdrawn."""

    __slots__ = ("left", "spent")

    def __init__(self) -> None:
        self.left = float(_AT_FIRST)
        #: In all, since the process started.
        self.spent = 0

    def affords(self, cost: float) -> bool:
        """Returns whether as much is left."""
        share = config.in_force.profile_budget
        return (self.left >= cost and share > 0) or share == math.inf


class Budget:
    """Both allowances of a process, and what fills them.

    Attributes:
        regular: for every inference.
        findings: for failures, and for arrays of which a sample has shown something.
        inference_time: of all inferences that are no part of others, in nanoseconds: what the budget is a share of.
        coverage: inferences by ``inferspan.self.profile.coverage``.
    """

    def __init__(self) -> None:
        self.coverage: dict[str, int] = {}
        self.forget()

    def forget(self) -> None:
        """Starts anew, in a forked child too."""
        self._lock = threading.Lock()
        self.regular = Allowance()
        self.findings = Allowance()
        self.inference_time = 0
        self.coverage.clear()
        self._looked = clock.monotonic()
        self._earned = 0.0

    def allows(self, *, sampled: bool) -> bool:
        """Returns whether the call that asks may be profiled.

        Args:
            sampled: whether its span is: what is left last is for those, which say what they have seen.
        """
        least = 1 if sampled else _FOR_SAMPLED
        return self.regular.affords(least) or self._earn_least(least)

    def earn(self, inference_time: int) -> None:
        """Notes the duration of an inference, in nanoseconds."""
        with self._lock:
            self.inference_time += inference_time
            if config.in_force.profile_budget != math.inf:
                self._add(inference_time * config.in_force.profile_budget)

    def cover(self, coverage: str) -> None:
        """Counts an inference by how much of its data was looked at."""
        with self._lock:
            self.coverage[coverage] = self.coverage.get(coverage, 0) + 1

    def charge_for_small(self, allowance: Allowance, elapsed: int, values: int) -> None:
        """Takes what it has cost to copy small values.

        Args:
            allowance: that pays.
            elapsed: on the clock. What is more than this can take was an interruption, in which the thread waited and
                used no processor; large arrays, which have their own account, are in there too.
            values: how many there were.
        """
        self.charge(allowance, min(elapsed, _MOST_FOR_A_COPY * values))

    def charge(self, allowance: Allowance, cost: int) -> None:
        """Takes from an allowance what profiling has cost, in nanoseconds."""
        with self._lock:
            allowance.spent += cost
            allowance.left -= cost

    def _add(self, earned: float) -> None:
        self._earned += earned
        for allowance in (self.regular, self.findings):
            # What is left from the start stays until it is spent.
            allowance.left = max(allowance.left, min(allowance.left + earned, _MOST))

    def _earn_least(self, wanted: float) -> bool:
        now = clock.monotonic()
        if now - self._looked < _LOOK:
            return False
        with self._lock:
            least = (now - self._looked) * min(_LEAST_SHARE, config.in_force.profile_budget)
            self._looked = now
            if least > self._earned:
                self._add(least - self._earned)
            self._earned = 0.0
            return self.regular.affords(wanted)


class Stopwatch:
    """CPU time of the calling thread from its making on."""

    __slots__ = ("_began",)

    def __init__(self) -> None:
        self._began = thread_time_ns()

    def elapsed(self) -> int:
        """Returns nanoseconds."""
        return thread_time_ns() - self._began


class Rates:
    """What the profile of an array costs, in nanoseconds: something for each, and something for each element.

    The latter is learned from what was measured. Of a small array that says little; and one measurement that was far
    off, for its memory had to be found first, must not have all later arrays read from samples for good.
    """

    def __init__(self) -> None:
        self._rates: dict[tuple[str, bool], float] = {}

    def expected(self, elements: int, layout: str, *, columns: bool) -> float:
        """Returns what the profile of an array is going to cost.

        Args:
            elements: how many it has.
            layout: of its elements.
            columns: whether each column is profiled.
        """
        return _EACH + elements * self._rates.get((layout, columns), _AN_ELEMENT)

    def learn(self, elements: int, layout: str, cost: int, *, columns: bool) -> None:
        """Notes what the profile of an array has cost."""
        known = self._rates.get((layout, columns), _AN_ELEMENT)
        seen = min(max(0.0, cost - _EACH) / elements, _FAR_OFF * known)
        self._rates[layout, columns] = known + _NEWEST * min(1.0, elements / _MANY) * (seen - known)

    def doubt(self, layout: str, *, columns: bool) -> None:
        """Notes that an array was taken for too expensive, and so not measured: some day one is to be tried again."""
        self._rates[layout, columns] = self._rates.get((layout, columns), _AN_ELEMENT) * _DOUBT


#: The budget of this process.
budget = Budget()
rates = Rates()
