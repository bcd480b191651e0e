# SPDX-License-Identifier: Apache-2.0
"""Whoever flushes and however the process ends: the histogram has every call, every span has ended, no orphans."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.exported import run


def both(calls: int) -> dict[str, int]:
    return {"manual": calls, "sigmoid": calls}


def spans_of(counts: Mapping[str, int]) -> dict[str, int]:
    return {f"infer {model}": count for model, count in counts.items()}


ENDS: dict[str, tuple[list[str], int]] = {
    "return": ([], 0),
    "sys.exit": (["--end=exit"], 3),
    "unhandled exception": (["--end=raise"], 1),
    "os._exit": (["--end=_exit"], 4),
    "a signal to itself": (["--end=signal"], -signal.SIGTERM),
    "a signal that is handled by an exit": (["--end=handled"], 0),
    "shutdown of both, then killed": (["--flush=shutdown", "--end=kill"], -signal.SIGKILL),
    "shutdown of both, then return": (["--flush=shutdown"], 0),
    "shutdown of both, then os._exit": (["--flush=shutdown", "--end=_exit"], 4),
    "a flush for each call": (["--flush=each call"], 0),
    "a flush for each call, then killed": (["--flush=each call", "--end=kill"], -signal.SIGKILL),
    "providers after import": (["--providers=after import"], 0),
    "providers after a call": (["--providers=after a call"], 0),
}


@pytest.mark.parametrize(("arguments", "code"), ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("defer", ["true", "false"])
def test_everything_arrives(tmp_path: Path, arguments: list[str], code: int, defer: str) -> None:
    exported = run(tmp_path, "ends.py", *arguments, code=code, OTEL_PYTHON_INFERSPAN_DEFER=defer)
    assert exported.counts() == both(20)
    assert exported.names() == spans_of(both(20))
    assert not exported.orphans()
    assert all(span["profiled"] for span in exported.spans)
    assert exported.started in ([], [40])


@pytest.mark.parametrize("telemetry", ["traces", "metrics"])
def test_the_flush_of_one_signal_has_all_of_it(tmp_path: Path, telemetry: str) -> None:
    exported = run(tmp_path, "ends.py", f"--flush={telemetry}", "--end=kill", code=-signal.SIGKILL)
    assert exported.names() == (spans_of(both(20)) if telemetry == "traces" else {})
    assert exported.counts() == (both(20) if telemetry == "metrics" else {})
    assert not exported.orphans()


@pytest.mark.parametrize("providers", ["first", "after import", "after a call"])
@pytest.mark.parametrize("telemetry", ["traces", "metrics"])
def test_one_provider_is_enough(tmp_path: Path, telemetry: str, providers: str) -> None:
    exported = run(tmp_path, "ends.py", f"--only={telemetry}", f"--providers={providers}")
    assert exported.names() == (spans_of(both(20)) if telemetry == "traces" else {})
    assert exported.counts() == (both(20) if telemetry == "metrics" else {})


@pytest.mark.parametrize("when", ["before calls", "after calls"])
def test_what_infers_at_exit_is_recorded(tmp_path: Path, when: str) -> None:
    exported = run(tmp_path, "ends.py", f"--at-exit={when}")
    assert exported.counts() == both(23)
    assert exported.names() == spans_of(both(23))
    assert exported.started == [46]


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("defer", ["true", "false"])
def test_threads_that_infer_while_the_process_exits(tmp_path: Path, defer: str, attempt: int) -> None:
    exported = run(tmp_path, "ends.py", "--daemons=busy", OTEL_PYTHON_INFERSPAN_DEFER=defer)
    assert not exported.orphans()
    assert len(exported.spans) == exported.counts().total()
    assert exported.started == [len(exported.spans)]
    assert exported.counts()["outer"] > 16
    assert {span["error"] for span in exported.spans} <= {None, "interrupted"}


def test_threads_that_never_come_back(tmp_path: Path) -> None:
    exported = run(tmp_path, "ends.py", "--daemons=stuck")
    assert exported.counts() == {**both(20), "stuck": 4}
    assert [span["error"] for span in exported.spans if span["span"] == "infer stuck"] == ["interrupted"] * 4


#: Hundreds of calls that take no time earn no profile.
UNBOUNDED = {"OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET": "inf"}


def test_an_overfilled_queue_costs_profiles_alone(tmp_path: Path) -> None:
    exported = run(tmp_path, "ends.py", "--calls=300", OTEL_PYTHON_INFERSPAN_QUEUE_SIZE="1", **UNBOUNDED)
    assert exported.counts() == both(300)
    assert exported.names() == spans_of(both(300))
    assert not exported.orphans()
    dropped = exported.counts("inferspan.self.dropped", by="inferspan.self.drop.reason")
    assert dropped == {"queue_full": sum(not span["profiled"] for span in exported.spans)}
    assert dropped["queue_full"] > 0
