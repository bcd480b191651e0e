# SPDX-License-Identifier: Apache-2.0
"""Calls of instrumented libraries that made no span, by system and reason: whoever asks why gets an answer.

Counted without a lock, for it happens on paths that have to cost nothing: of two threads at the very same moment one
may not be counted.
"""

from __future__ import annotations

import os

from inferspan.recording import notices

#: Calls by ``inferspan.system.name``, then by ``inferspan.self.skip.reason``, since the process started.
counts: dict[str, dict[str, int]] = {}


def of(system: str) -> dict[str, int]:
    """Returns the counts of a system by reason; the same object each time, in forked children too."""
    found = counts.get(system)
    return counts.setdefault(system, {}) if found is None else found


def count(system: str, reason: str) -> None:
    """Counts a call."""
    reasons = of(system)
    try:
        reasons[reason] += 1
    except KeyError:
        begin(reasons, reason)


def begin(reasons: dict[str, int], reason: str) -> None:
    """Counts the first call of its kind in this process, the only one that costs more than an addition."""
    reasons[reason] = 1
    notices.skipped(reason, top)


def top() -> tuple[str, int] | None:
    """Returns the reason that most calls were skipped for, of those worth a warning, and how many calls."""
    totals: dict[str, int] = {}
    for reasons in list(counts.values()):
        for reason, number in list(reasons.items()):
            if reason in notices.WORTH_A_WARNING:
                totals[reason] = totals.get(reason, 0) + number
    return max(totals.items(), key=lambda item: item[1], default=None)


def _after_fork_in_child() -> None:
    # What was counted so far, the parent reports.
    for reasons in counts.values():
        reasons.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
