# SPDX-License-Identifier: Apache-2.0
"""One run of a program under ``inferspan doctor``: what was patched, seen and skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from inferspan import reasons
from inferspan.cli import _skipped
from inferspan.cli._child import signal_name
from inferspan.cli._diagnosis import switched_off
from inferspan.cli._format import count, duration
from inferspan.cli._report import Report, Section, text_of
from inferspan.cli._session import Session
from inferspan.cli._view import DROPPED
from inferspan.semconv.attributes import SystemName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferspan.cli._summary import ModelSummary, Snapshot

_MAX_ROWS = 40


class Examination(Session):
    """A session that ends with a report instead of a summary."""

    tool: ClassVar[str] = "inferspan doctor"
    #: What is examined are the settings of the program.
    profiles_all = False

    def _summary(self, status: int, elapsed: float) -> str:
        snapshot = self._store.snapshot(final=True)
        statuses = _skipped.statuses(self._reports)
        skipped = _skipped.total(snapshot.skipped, self._reports)
        ended = f"ended by {signal_name(-status)}" if status < 0 else f"exit {status}"
        report = Report(f"inferspan doctor · {self._title} · {ended} after {duration(elapsed)}")
        report.sections = [
            Section("Processes", self._processes()),
            Section("Patched", _targets(statuses)),
            Section("Settings given", _settings(statuses)),
            Section("Models", [_model(model) for model in snapshot.models[:_MAX_ROWS]]),
            Section("Calls without a span", _skips(skipped)),
            Section("Dropped", [(count(n), DROPPED.get(reason, reason)) for reason, n in snapshot.dropped]),
            Section("Faults of inferspan itself", _faults(snapshot, statuses)),
        ]
        report.problems = self._problems(snapshot, status, statuses)
        report.remarks = self._remarks()
        report.good = (
            "Inferences arrived, with spans. `inferspan doctor` alone says whether your own endpoint takes them."
        )
        # The program's last line may not have ended.
        return f"\n{text_of(report)}"

    def _problems(self, snapshot: Snapshot, status: int, statuses: Sequence[Mapping[str, Any]]) -> list[str]:
        problems = self._reasons(snapshot, status)
        if problems and not snapshot.models:
            problems[0] = f"No inference arrived. {problems[0]}"
        elif not problems and (off := switched_off(self._environment)) is not None:
            problems.append(off)
        recorded = [status["recorded"] for status in statuses if status.get("recorded")]
        if recorded and not snapshot.models:
            problems.append(f"Inferences were recorded, and went elsewhere: {recorded[0]}.")
        for target in _each_target(statuses):
            if target.get("error_type"):
                problems.append(
                    f"{target['module']} could not be patched ({target['error_type']}), and is as it would be without "
                    "inferspan: its version may be one that is not known yet. Please report the warning in the log."
                )
        return problems

    def _processes(self) -> list[tuple[str, str]]:
        last = {report["pid"]: report for report in self._reports}
        rows: list[tuple[str, str]] = []
        for pid, report in list(last.items())[:_MAX_ROWS]:
            loaded = ", ".join(report.get("libraries", ())) or "no library that is instrumented"
            provider = str(report.get("tracer_provider", "")).rpartition(".")[2]
            # Of a composed one, its root.
            sampler = f", sampler {str(report['sampler']).partition(',')[0]}" if report.get("sampler") else ""
            rows.append((f"{pid}", f"{report.get('executable')}: loaded {loaded}; {provider}{sampler}"))
        return rows


def _each_target(statuses: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What was patched, each module once: processes of one program have the same."""
    found = {(target["module"], target["instrumentor"]): target for status in statuses for target in status["targets"]}
    return list(found.values())


def _targets(statuses: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for target in _each_target(statuses):
        said = f"by {target['instrumentor']}"
        if target.get("error_type"):
            said = f"failed: {target['error_type']}"
        rows.append((target["module"], "; ".join([said, *target.get("remarks", ())])))
    return rows


def _settings(statuses: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    found = {name: setting for status in statuses for name, setting in status["settings"].items()}
    return [(name, f"{setting['value']} ({setting['origin']})") for name, setting in found.items()]


def _model(model: ModelSummary) -> tuple[str, str]:
    key = model.key
    system = "other" if key.system == SystemName.OTHER else key.system
    failed = f", {count(model.errors)} failed" if model.errors else ""
    inferences = "inference" if model.count == 1 else "inferences"
    return f"{key.name} {key.version}".strip(), (
        f"{system}: {count(model.count)} {inferences}, {count(model.sampled)} with a span{failed}"
    )


def _skips(skipped: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for (system, reason), calls in sorted(skipped.items(), key=lambda item: -item[1])[:_MAX_ROWS]:
        said = f"{reasons.WHY.get(reason, '')} {reasons.ADVICE.get(reason, '')}".strip()
        name = "other" if system == SystemName.OTHER else system
        rows.append((f"{count(calls)} {name}, {reason}", said))
    return rows


def _faults(snapshot: Snapshot, statuses: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    arrived = dict(snapshot.faults)
    reported: dict[str, int] = {}
    for status in statuses:
        for component, faults in status["faults"].items():
            reported[component] = reported.get(component, 0) + faults
    return [
        (component, f"{count(max(arrived.get(component, 0), reported.get(component, 0)))}: see the log, and report it")
        for component in {**reported, **arrived}
    ]
