# SPDX-License-Identifier: Apache-2.0
"""Calls that made no span, from both sides: the metric, and what processes say of themselves at their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def total(arrived: Mapping[tuple[str, str], int], reports: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """Adds up what is known.

    Both sides count the same calls. The metric is missing where the program exports elsewhere or nowhere, the report
    where a process was killed: the larger of the two knows more.

    Args:
        arrived: the metric, by system and reason.
        reports: of the program's processes; see ``_probe``.
    """
    reported: dict[tuple[str, str], int] = {}
    for status in statuses(reports):
        for system, by_reason in status.get("skipped", {}).items():
            for reason, calls in by_reason.items():
                reported[system, reason] = reported.get((system, reason), 0) + calls
    return {key: max(arrived.get(key, 0), reported.get(key, 0)) for key in {**reported, **arrived}}


def statuses(reports: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns what inferspan has said of itself in each process that used it, the last word of each."""
    last = {report["pid"]: report["inferspan"] for report in reports if report.get("inferspan")}
    return list(last.values())
