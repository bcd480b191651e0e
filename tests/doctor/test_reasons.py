# SPDX-License-Identifier: Apache-2.0
"""For every reason not to make a span, the doctor names it, and so does the self-metric."""

from __future__ import annotations

import os
import sys

import pytest

from inferspan import reasons
from inferspan.semconv.attributes import SelfSkipReason

from .conftest import Doctor, program

REASONS = {value for name, value in vars(SelfSkipReason).items() if name.isupper()}

OFF = {"OTEL_PYTHON_INFERSPAN_ENABLED": "false"}
NO_SDK = {"OTEL_PYTHON_CONFIGURATOR": "none"}
TWO_FAULTS = {"OTEL_PYTHON_INFERSPAN_MAX_FAULTS": "2"}
SKIPPING = [
    pytest.param("described.py", "suppressed", "_OTHER", "suppressed", {}, id="suppressed"),
    pytest.param("described.py", "nested", "_OTHER", "nested", {}, id="nested"),
    pytest.param("described.py", "gen_ai", "_OTHER", "gen_ai", {}, id="gen_ai"),
    pytest.param("described.py", "disabled", "_OTHER", "disabled", OFF, id="disabled-by-environment"),
    pytest.param("described.py", "switched_off", "_OTHER", "disabled", {}, id="disabled-by-code"),
    pytest.param("described.py", "no_provider", "_OTHER", "no_provider", NO_SDK, id="no_provider"),
    pytest.param("described.py", "exiting", "_OTHER", "exiting", {}, id="exiting"),
    pytest.param("modules.py", "training", "pytorch", "training", {}, id="training"),
    pytest.param("modules.py", "leaf", "pytorch", "leaf", {}, id="leaf-and-direct-forward"),
    pytest.param("modules.py", "loss", "pytorch", "loss", {}, id="loss"),
    pytest.param("modules.py", "transform", "pytorch", "transform", {}, id="transform"),
    pytest.param("modules.py", "tracing", "pytorch", "tracing", {}, id="tracing-and-fake-tensors"),
    pytest.param("modules.py", "nested", "pytorch", "nested", {}, id="replica"),
    pytest.param("modules.py", "fault", "pytorch", "fault", {}, id="fault"),
    pytest.param("modules.py", "switched_itself_off", "pytorch", "disabled", TWO_FAULTS, id="disabled-by-faults"),
]


@pytest.mark.parametrize(("file", "case", "system", "reason", "variables"), SKIPPING)
def test_a_skipped_call_is_named(
    doctor: Doctor, file: str, case: str, system: str, reason: str, variables: dict[str, str]
) -> None:
    report = doctor(*program(file, case), **variables)
    assert report.status == 0, report.text
    assert report.skipped()[system, reason] == 2
    shown = "other" if system == "_OTHER" else system
    said = f"2 {shown}, {reason} {reasons.WHY[reason]} {reasons.ADVICE[reason]}"
    assert said in report.section("Calls without a span")


def test_no_reason_is_without_words_or_without_a_test() -> None:
    assert set(reasons.WHY) == set(reasons.ADVICE) == REASONS
    assert {case.values[3] for case in SKIPPING} == REASONS


@pytest.mark.parametrize(
    ("command", "variables", "said"),
    [
        pytest.param(
            program("described.py", "own_sdk"),
            NO_SDK,
            "The program sets up an OpenTelemetry SDK of its own (opentelemetry.sdk.trace.TracerProvider)",
            id="own-SDK",
        ),
        pytest.param(
            program("described.py", "disabled"),
            {"OTEL_TRACES_SAMPLER": "always_off"},
            "OTEL_TRACES_SAMPLER=always_off sampled every trace away",
            id="sampled-away",
        ),
        pytest.param(
            [sys.executable, "-c", "pass"],
            {},
            "The program loaded none of the libraries that inferspan instruments",
            id="no-supported-library",
        ),
        pytest.param(
            program("described.py", "disabled"),
            {"OTEL_SDK_DISABLED": "true"},
            "OTEL_SDK_DISABLED=true switches OpenTelemetry off",
            id="SDK-disabled",
        ),
        pytest.param(
            program("described.py", "disabled"), OFF, "OTEL_PYTHON_INFERSPAN_ENABLED=false switches", id="switched-off"
        ),
        pytest.param(
            [sys.executable, "-c", "pass"],
            {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "inferspan_torch"},
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS switches off inferspan_torch",
            id="instrumentation-disabled",
        ),
        pytest.param(
            program("described.py", "suppressed"),
            {},
            "Calls were seen, and all were skipped: 2 for suppressed.",
            id="all-skipped",
        ),
        pytest.param(
            program("described.py", "another_version"),
            {},
            "onnxruntime.capi.onnxruntime_inference_collection could not be patched (AttributeError)",
            id="version-that-cannot-be-patched",
        ),
        pytest.param(["sh", "-c", "true"], {}, "sh is not a Python program", id="no-Python"),
        pytest.param(
            [sys.executable, "-c", "import os; os._exit(0)"], {}, "without running its exit hooks", id="os._exit"
        ),
        *(
            pytest.param(
                [sys.executable, option, "-c", "pass"], {}, f"Python's {option} keeps the launcher out", id=option
            )
            for option in ("-I", "-E", "-S")
        ),
    ],
)
def test_what_else_keeps_spans_away_is_named(
    doctor: Doctor, command: list[str], variables: dict[str, str], said: str
) -> None:
    report = doctor(*command, **variables)
    assert report.status == 0, report.text
    assert said in report.section("Problems")


def test_inferences_that_went_elsewhere_are_told(doctor: Doctor) -> None:
    report = doctor(*program("described.py", "own_sdk"), **NO_SDK)
    assert (
        "Inferences were recorded, and went elsewhere: model digits (_OTHER); spans go to InMemorySpanExporter."
        in report.section("Problems")
    )


def test_an_unknown_version_is_named_and_its_inferences_are_there(doctor: Doctor) -> None:
    report = doctor(*program("modules.py", "unknown_version"))
    assert "has a Module.__call__ that is not known; it is called through" in report.section("Patched")
    assert "Classifier pytorch: 1 inference, 1 with a span" in report.section("Models")
    assert report.section("Problems") == ""


def test_what_went_well_is_told(doctor: Doctor) -> None:
    report = doctor(*program("described.py", "recorded"), OTEL_PYTHON_INFERSPAN_PROFILE="false")
    assert report.status == 3
    assert report.output == "to standard output\n"
    models = report.section("Models")
    assert "digits other: 1 inference, 1 with a span" in models
    assert "other 2 other: 1 inference, 1 with a span, 1 failed" in models
    assert report.section("Settings given") == "profile False (environment)"
    assert report.section("Problems") == report.section("Calls without a span") == ""
    assert "Inferences arrived, with spans." in report.text
    assert os.linesep + "inferspan doctor · " in report.text
    assert "\x1b" not in report.text
    assert all(len(line) <= 100 for line in report.text.splitlines())
