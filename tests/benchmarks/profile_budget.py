# SPDX-License-Identifier: Apache-2.0
"""Whether data profiles take what they may: processes in an open loop, and what their own metrics say of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from report import TIMES, Result

_PROGRAM = Path(__file__).with_name("budget_program.py")
_OF_INFERENCE = "% of inference time"
#: Seconds that the bound is over.
_ANY = 10
_REGULAR, _FINDINGS, _INFERENCE = "time regular", "time findings", "inference_time"
_LOOKED_AT, _NOT = ("inferences full", "inferences sample"), "inferences none"

#: What goes in, whether it finds something, and what is asked of it.
_INPUTS = (
    ("steady", "[32,20]"),
    ("jumping", f"sizes jumping 1 000 {TIMES}"),
    ("jumping nan", "sizes jumping, all NaN"),
    ("jumping failing", "sizes jumping, all failing"),
)

Readings = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class _Run:
    """What a process has told.

    Attributes:
        seen: the metrics of each second.
        cpu: processor time of all of it, in seconds.
        in_bodies: what of it the inferences themselves have taken.
    """

    seen: Readings
    cpu: float
    in_bodies: float


class BudgetKept:
    """One process after the other, each with its profiles and, for the processor time it takes, without.

    Args:
        seconds: that each runs.
    """

    def __init__(self, *, seconds: int) -> None:
        self._seconds = seconds

    def results(self) -> Iterator[Result]:
        """Measures everything."""
        for body, held in (("sleep", "asleep"), ("compute", "holding the GIL")):
            for kind, data in _INPUTS:
                yield from self._kept(body, kind, f"budget, 1 ms {held}, {data}")

    def _kept(self, body: str, kind: str, name: str) -> Iterator[Result]:
        on, off = self._run(body, kind), self._run(body, kind, "--off")
        seen = on.seen
        # By the process's own clock: what it takes more than one without profiles, beside the inferences themselves.
        more = (on.cpu - on.in_bodies - off.cpu + off.in_bodies) / seen[-1][_INFERENCE]
        findings = max(_shares(seen, _FINDINGS))
        yield Result(
            name=f"{name}: most in any {_ANY} s",
            seen=max(_shares(seen, _REGULAR, _FINDINGS)),
            unit=_OF_INFERENCE,
            # A second allowance of 1 % is for what is wrong.
            at_most=2.2 if " " in kind else 1.2,
            detail=f"of it {findings:.2f} % for findings; the process took {more:.2%} more than without",
        )
        used, covered = _shares(seen, _REGULAR, _FINDINGS), _coverage(seen)
        yield Result(
            name=f"{name}: made use of",
            seen=min(max(share / 0.8, looked_at / 99) for share, looked_at in zip(used, covered, strict=True)),
            unit=f"{TIMES} what is due",
            at_least=1,
            detail=f"at least {min(used):.2f} % used, at least {min(covered):.1f} % of inferences looked at",
        )

    def _run(self, body: str, kind: str, *options: str) -> _Run:
        command = [sys.executable, _PROGRAM, body, kind, "--seconds", str(self._seconds), *options]
        return _Run(**json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout))


def _shares(seen: Readings, *spent: str) -> list[float]:
    """Returns what was spent, in percent of the time of inferences, in every stretch of ten seconds."""
    return [100 * sum(grown.get(name, 0.0) for name in spent) / grown[_INFERENCE] for grown in _stretches(seen)]


def _coverage(seen: Readings) -> list[float]:
    found: list[float] = []
    for grown in _stretches(seen):
        looked_at = sum(grown.get(name, 0.0) for name in _LOOKED_AT)
        found.append(100 * looked_at / (looked_at + grown.get(_NOT, 0.0)))
    return found


def _stretches(seen: Readings) -> Iterator[dict[str, float]]:
    length = min(_ANY, len(seen) - 1)
    for before, after in zip(seen, seen[length:], strict=False):
        yield {name: value - before.get(name, 0.0) for name, value in after.items()}
