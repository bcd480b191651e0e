# SPDX-License-Identifier: Apache-2.0
"""Both sides under load: at given rates, at the highest rate that is kept up, and around a call that takes time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import fmean, median

from models import call_of
from report import OF_PLAIN, Result
from sides import Ours, Plain, Providers, bare
from timing import Call, Probe, at_rate, closed_loop_rate, in_turns, latencies, medians, nothing, quantile, ratio

from inferspan import config, pipeline
from inferspan.recording import worker

_WITH_PROFILE = ", with the profile of [1,20]"


@dataclass(frozen=True, kw_only=True)
class Load:
    """How long to measure; a smaller one only shows that everything runs."""

    windows: int = 16
    seconds: float = 0.2
    steps: int = 8


class Loops:
    """The measurements that need a worker at work."""

    def __init__(self, providers: Providers, plain: Plain, ours: Ours, load: Load) -> None:
        self._providers = providers
        self._load = load
        #: By name, the call and whether it profiles data.
        self._sides: dict[str, tuple[Call, bool]] = {
            "plain": (plain.call, False),
            "ours": (ours.call, False),
            "profiled": (ours.call, True),
        }

    def results(self) -> Iterator[Result]:
        """Measures everything."""
        for share in (0.25, 0.5, 0.9):
            yield self._at_a_share_of_plain(share)
        yield self._at_a_share_of_plain(0.25, sleeping=True)
        yield self._sustained("ours")
        yield self._sustained("profiled")
        yield from self._around_a_call()
        yield self._empty_loop()

    def _at_a_share_of_plain(self, share: float, *, sleeping: bool = False) -> Result:
        load = self._load
        longest = dict.fromkeys(self._sides, 0)

        def window(name: str) -> list[int]:
            # What plain sustains moves with the machine's other work: asked again for each turn.
            rate = self._plain_rate(load.seconds / 2)
            call, profile = self._sides[name]
            self._prepare(profile=profile)
            probe = Probe(nothing)

            def step() -> int:
                longest[name] = max(longest[name], len(worker._queue))
                return probe.around(call)

            return at_rate(step, rate=rate * share, seconds=load.seconds, sleeping=sleeping)[0]

        seen = in_turns(load.windows, {name: partial(window, name) for name in self._sides})
        middle = {name: [median(window) / 1e3 for window in windows] for name, windows in seen.items()}
        mean = {name: [fmean(window) / 1e3 for window in windows] for name, windows in seen.items()}
        return Result(
            name=f"caller's wall time at {share:.0%} of plain's rate" + (", asleep in between" if sleeping else ""),
            seen=ratio(middle),
            unit=OF_PLAIN,
            at_most=0.4 if share == 0.25 and not sleeping else None,
            detail=f"{_all(middle)}; means {_all(mean)}; at most {longest['ours']} queued",
        )

    def _sustained(self, name: str) -> Result:
        """Halves the distance to the highest rate, as a share of plain's, at which the queue stays short."""
        call, profile = self._sides[name]
        low, high = 0.0, 2.0
        for _ in range(self._load.steps):
            share = (low + high) / 2
            rate = self._plain_rate(2 * self._load.seconds) * share
            self._prepare(profile=profile)
            kept = self._keeps_up(call, rate)
            low, high = (share, high) if kept else (low, share)
        return Result(
            name="rate sustained without drops" + (_WITH_PROFILE if profile else ""),
            seen=low,
            unit=OF_PLAIN,
            at_least=None if profile else 0.8,
        )

    def _keeps_up(self, call: Call, rate: float) -> bool:
        longest = 0

        def step() -> int:
            nonlocal longest
            call(nothing)
            longest = max(longest, len(worker._queue))
            return longest

        _, late = at_rate(step, rate=rate, seconds=6 * self._load.seconds)
        # A queue of which so much is left behind, or a loop that is behind its times, would be full sooner or later.
        limit = config.in_force.queue_size
        return longest < limit and len(worker._queue) < limit / 10 and late < 0.1 * self._load.seconds

    def _plain_rate(self, seconds: float) -> float:
        self._prepare(profile=False)
        return closed_loop_rate(self._sides["plain"][0], nothing, seconds=seconds)

    def _around_a_call(self) -> Iterator[Result]:
        """One loop of a call of 0.5 ms that gives up the interpreter lock, for its latency and for its CPU."""
        body = call_of(500)
        sides = {"bare": (bare, False), **self._sides}

        def window(name: str) -> tuple[list[int], float]:
            call, profile = sides[name]
            self._prepare(profile=profile)
            return latencies(call, body, calls=int(1000 * self._load.seconds), settle=self._providers.settle)

        seen = in_turns(self._load.windows, {name: partial(window, name) for name in sides})
        cpu = {name: [spent / 1e3 for _, spent in windows] for name, windows in seen.items()}
        middle = {name: [median(calls) / 1e3 for calls, _ in windows] for name, windows in seen.items()}
        slow = {name: [quantile(calls, 0.99) / 1e3 for calls, _ in windows] for name, windows in seen.items()}
        yield Result(
            name="CPU of the process, loop of a 0.5 ms call",
            seen=ratio(cpu),
            unit=OF_PLAIN,
            at_most=1.1,
            detail=_all(cpu),
        )
        yield Result(
            name="p99 of a 0.5 ms call that releases the GIL",
            seen=ratio(slow),
            unit=OF_PLAIN,
            at_most=1.25,
            detail=f"{_all(slow)}; medians {_all(middle)}",
        )

    def _empty_loop(self) -> Result:
        def window(name: str) -> float:
            call, profile = self._sides[name]
            self._prepare(profile=profile)
            return latencies(call, nothing, calls=1000, settle=self._providers.settle)[1] / 1e3

        cpu = in_turns(self._load.windows, {name: partial(window, name) for name in self._sides})
        return Result(name="CPU of the process, empty loop", seen=ratio(cpu), unit=OF_PLAIN, detail=_all(cpu))

    def _prepare(self, *, profile: bool) -> None:
        self._providers.settle()
        pipeline.configure(profile=profile, raise_faults=True)


def _all(microseconds: Mapping[str, list[float]]) -> str:
    return ", ".join(f"{name} {value:.0f}" for name, value in medians(microseconds).items()) + " µs"
