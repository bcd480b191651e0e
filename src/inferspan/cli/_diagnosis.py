# SPDX-License-Identifier: Apache-2.0
"""Why nothing arrived, from what can be seen from outside and what the program's processes reported."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inferspan import reasons
from inferspan.cli._child import signal_name
from inferspan.cli._interpreter import can_be_instrumented, find_interpreter, shutting_out
from inferspan.cli._probe import SUPPORTED_LIBRARIES
from inferspan.config import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Evidence:
    """What is known of a run.

    Attributes:
        command: as it was typed.
        environment: of the program.
        status: its exit status; negative for a signal.
        requests: export requests that arrived, of any signal.
        spans: inferences whose span arrived.
        inferences: inferences that were counted, by spans or by the histogram.
        other_scopes: instrumentation scopes that are not inferspan's.
        reports: what its processes said of themselves; see ``_probe``.
        skipped: calls that made no span, by system and reason.
        tool: the command that asks.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    status: int = 0
    requests: int = 0
    spans: int = 0
    inferences: int = 0
    other_scopes: Sequence[str] = ()
    reports: Sequence[Mapping[str, Any]] = ()
    skipped: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    tool: str = "inferspan run"


def diagnose(evidence: Evidence) -> list[str]:
    """Says why no inference arrived, or none with a span; nothing where they did.

    Returns:
        What to tell the user, the likeliest reason first. Commands to copy are on indented lines.
    """
    if evidence.spans:
        return []
    if evidence.inferences:
        return [_sampled_away(evidence)]
    reason = switched_off(evidence.environment)
    if reason is None and not evidence.requests and not evidence.reports:
        reason = _not_instrumented(evidence)
    said = [reason or _nothing_recorded(evidence)]
    if evidence.other_scopes:
        said.append(f"Telemetry of other instrumentation did arrive: {', '.join(sorted(evidence.other_scopes)[:5])}.")
    return said


def _sampled_away(evidence: Evidence) -> str:
    sampler = evidence.environment.get("OTEL_TRACES_SAMPLER", "")
    if not sampler:
        return "Metrics arrived, but no span: every trace was sampled away, or the spans were lost on their way."
    return (
        f"Metrics arrived, but no span: OTEL_TRACES_SAMPLER={sampler} sampled every trace away, and with it "
        "the data profiles. For this run:\n"
        f"  OTEL_TRACES_SAMPLER=always_on {evidence.tool} -- {shlex.join(evidence.command)}"
    )


def switched_off(environment: Mapping[str, str]) -> str | None:
    """Says what in an environment switches inferspan off; ``None`` where nothing does."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "OTEL_SDK_DISABLED=true switches OpenTelemetry off in the program. Unset it for this run."
    variable = f"{PREFIX}ENABLED"
    if environment.get(variable, "").strip().lower() in ("false", "0", "no", "off"):
        return f"{variable}={environment[variable]} switches inferspan off. Unset it for this run."
    variable = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    disabled = [name.strip() for name in environment.get(variable, "").split(",")]
    ours = [name for name in disabled if name == "*" or name.startswith("inferspan_")]
    if ours:
        return f"{variable} switches off {', '.join(ours)} in the program. Unset it for this run."
    return None


def _not_instrumented(evidence: Evidence) -> str | None:
    interpreter = find_interpreter(evidence.command, evidence.environment)
    if interpreter is None:
        return (
            f"{evidence.command[0]} is not a Python program, and none that it started was instrumented. "
            f"Put `{evidence.tool} --` in front of the Python program itself, in its own environment."
        )
    option = shutting_out(interpreter.arguments)
    if option is not None:
        return (
            f"Python's {option} keeps the launcher out of the program, which it enters through PYTHONPATH "
            f"and site. Leave {option} out for this run."
        )
    if not can_be_instrumented(interpreter.executable, evidence.environment):
        return (
            f"{interpreter.executable} cannot import inferspan, which is installed for {sys.executable}. "
            "Install it there, or run the program with this one:\n"
            f"  {shlex.quote(interpreter.executable)} -m pip install 'inferspan[run]'\n"
            f"  {evidence.tool} -- {shlex.join([sys.executable, *interpreter.arguments])}"
        )
    return None


def _nothing_recorded(evidence: Evidence) -> str:
    """What is left where the program was, or at least could have been, instrumented."""
    replaced = [report for report in evidence.reports if report.get("replaced")]
    if replaced:
        return (
            f"The program sets up an OpenTelemetry SDK of its own ({replaced[0].get('tracer_provider')}), "
            f"which does not export to {evidence.tool}. Leave that out for this run: the launcher sets one up."
        )
    if evidence.reports and not any(report.get("is_sdk") for report in evidence.reports):
        return (
            f"No OpenTelemetry SDK was set up in the program ({evidence.reports[0].get('tracer_provider')}): "
            f"{_other_configuration(evidence.environment)}"
        )
    if evidence.skipped:
        return _all_skipped(evidence.skipped)
    ended = [report for report in evidence.reports if report.get("moment") == "end"]
    loaded = sorted({str(name) for report in ended for name in report.get("libraries", ())})
    supported = ", ".join(SUPPORTED_LIBRARIES)
    if loaded:
        return (
            f"The program loaded {' and '.join(loaded)}, but called no model. Calls of a module's forward(), which go "
            "past the module itself, are not seen."
        )
    if ended:
        return f"The program loaded none of the libraries that inferspan instruments: {supported}."
    if evidence.status < 0:
        return f"The program was ended by {signal_name(-evidence.status)} before it had sent anything."
    if evidence.reports:
        return "The program ended without running its exit hooks (os._exit), before it had sent anything."
    if evidence.requests:
        return f"The program loaded none of the libraries that inferspan instruments ({supported}), or called no model."
    return (
        "No process of the program was instrumented: something on the way to it (sudo, env -i, a wrapper "
        "script) sets PYTHONPATH anew."
    )


def _all_skipped(skipped: Mapping[tuple[str, str], int]) -> str:
    """Says of the reason with most calls what it means."""
    totals: dict[str, int] = {}
    for (_, reason), calls in skipped.items():
        totals[reason] = totals.get(reason, 0) + calls
    # What is as it should be explains the least.
    reason = max(totals, key=lambda reason: (reasons.ADVICE.get(reason) != reasons.NOTHING_TO_DO, totals[reason]))
    others = (
        "" if len(totals) == 1 else ", and 1 other reason" if len(totals) == 2 else f", and {len(totals) - 1} others"
    )
    return (
        f"Calls were seen, and all were skipped: {totals[reason]} for {reason}{others}. "
        f"{reasons.WHY.get(reason, '')} {reasons.ADVICE.get(reason, '')}".strip()
    )


def _other_configuration(environment: Mapping[str, str]) -> str:
    for variable in ("OTEL_PYTHON_CONFIGURATOR", "OTEL_PYTHON_DISTRO"):
        if environment.get(variable):
            return f"{variable}={environment[variable]} leaves that to something else. Unset it for this run."
    return "opentelemetry-distro does that, and is not installed in the program's environment."
