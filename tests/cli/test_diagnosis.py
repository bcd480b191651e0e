# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from inferspan.cli._diagnosis import Evidence, diagnose

if TYPE_CHECKING:
    from pathlib import Path


def only(evidence: Evidence) -> str:
    said = diagnose(evidence)
    assert len(said) == 1
    return said[0]


def evidence(*command: str, environment: dict[str, str] | None = None, **known: Any) -> Evidence:
    return Evidence(
        command=command or (sys.executable, "app.py"),
        environment={**os.environ, **(environment or {})},
        **known,
    )


def report(moment: str, **said: Any) -> dict[str, Any]:
    return {
        "moment": moment,
        "libraries": [],
        "tracer_provider": "opentelemetry.sdk.trace.TracerProvider",
        "is_sdk": True,
        "replaced": False,
        **said,
    }


def test_nothing_to_say_where_spans_arrived() -> None:
    assert diagnose(evidence(spans=1, inferences=5)) == []


def test_sampled_away() -> None:
    known = evidence("python", "my app.py", environment={"OTEL_TRACES_SAMPLER": "always_off"}, inferences=5)
    assert only(known).startswith("Metrics arrived, but no span: OTEL_TRACES_SAMPLER=always_off")
    assert only(known).endswith("\n  OTEL_TRACES_SAMPLER=always_on inferspan run -- python 'my app.py'")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_SDK_DISABLED", "True", "OTEL_SDK_DISABLED=true"),
        ("OTEL_PYTHON_INFERSPAN_ENABLED", "0", "OTEL_PYTHON_INFERSPAN_ENABLED=0"),
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "flask, *", "switches off * in"),
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "inferspan_torch,flask", "switches off inferspan_torch in"),
    ],
)
def test_switched_off(name: str, value: str, said: str) -> None:
    assert said in only(evidence(environment={name: value}, reports=[report("end")]))


def test_other_switches_are_no_reason() -> None:
    off = {"OTEL_SDK_DISABLED": "false", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask"}
    assert "OTEL_" not in only(evidence(environment=off, reports=[report("end")]))


def test_options_of_python() -> None:
    assert "Python's -I keeps the launcher out" in only(evidence(sys.executable, "-I", "app.py"))


def test_not_a_python_program() -> None:
    assert only(evidence("sh", "start.sh")).startswith("sh is not a Python program")


def test_another_interpreter(tmp_path: Path) -> None:
    other = tmp_path / "python3"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    said = only(evidence(str(other), "app.py")).splitlines()
    assert said[0].startswith(f"{other} cannot import inferspan, which is installed for {sys.executable}.")
    assert said[1:] == [
        f"  {other} -m pip install 'inferspan[run]'",
        f"  inferspan run -- {sys.executable} app.py",
    ]


def test_environment_lost_on_the_way() -> None:
    assert only(evidence()).startswith("No process of the program was instrumented")


def test_sdk_of_its_own() -> None:
    replaced = report("end", replaced=True, tracer_provider="app.Provider")
    assert "an OpenTelemetry SDK of its own (app.Provider)" in only(evidence(reports=[report("start"), replaced]))


def test_no_sdk() -> None:
    bare = report("start", is_sdk=False, tracer_provider="opentelemetry.trace.ProxyTracerProvider")
    assert "opentelemetry-distro does that" in only(evidence(reports=[bare]))
    configured = {"OTEL_PYTHON_CONFIGURATOR": "mine"}
    assert "OTEL_PYTHON_CONFIGURATOR=mine" in only(evidence(environment=configured, reports=[bare]))


def test_libraries() -> None:
    none = only(evidence(reports=[report("start"), report("end")]))
    assert none == "The program loaded none of the libraries that inferspan instruments: torch, onnxruntime."
    loaded = only(evidence(reports=[report("end", libraries=["torch"]), report("end", libraries=["onnxruntime"])]))
    assert loaded.startswith("The program loaded onnxruntime and torch, but called no model.")


def test_skipped_calls_are_told_with_the_reason_that_matters_most() -> None:
    skipped = {("pytorch", "nested"): 90, ("pytorch", "training"): 3, ("onnxruntime", "training"): 4}
    said = only(evidence(reports=[report("end", libraries=["torch"])], skipped=skipped))
    assert said.startswith("Calls were seen, and all were skipped: 7 for training, and 1 other reason. ")
    assert "model.eval()" in said


def test_the_command_that_asks_is_named() -> None:
    assert "`inferspan doctor --`" in only(evidence("sh", "start.sh", tool="inferspan doctor"))


def test_ended_too_early() -> None:
    assert "ended by SIGKILL" in only(evidence(status=-signal.SIGKILL, reports=[report("start")]))
    assert "exit hooks" in only(evidence(reports=[report("start")]))


def test_other_telemetry() -> None:
    said = diagnose(evidence(requests=3, other_scopes=["b", "a"]))
    assert said[0].startswith("The program loaded none of the libraries")
    assert said[1] == "Telemetry of other instrumentation did arrive: a, b."
