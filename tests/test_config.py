# SPDX-License-Identifier: Apache-2.0
"""Settings: code over environment over default, and a bad value is one warning that does not repeat it."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from inferspan import environment_variables
from inferspan.config import PREFIX, Config

LAUNCHER = Path(sys.executable).with_name("opentelemetry-instrument")

BAD = [
    ("ENABLED", "perhaps"),
    ("DEFER", "2"),
    ("QUEUE_SIZE", "many"),
    ("QUEUE_SIZE", "0"),
    ("QUEUE_SIZE", "-5"),
    ("PROFILE_MIN_COUNT", "1.5"),
    ("PROFILE_SPAN_BYTES", "1"),
    ("EXCEPTION_DETAIL", "everything"),
    ("MODELS", "fraud"),
    ("MODELS", "=fraud"),
    ("MAX_MODELS", "9" * 5000),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_one_warning_and_the_default(name: str, value: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        found = Config.from_environment({PREFIX + name: value})
    assert found == Config()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert PREFIX + name in record.getMessage()
    assert value not in record.getMessage().replace(PREFIX + name, "")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("enabled", "false", False),
        ("enabled", " OFF ", False),
        ("defer", "0", False),
        ("queue_size", "16", 16),
        ("exception_detail", "Type", "type"),
        ("models", "a=b, c=d:2", {"a": "b", "c": "d:2"}),
        ("profile", "", True),
    ],
)
def test_a_good_value(name: str, value: str, expected: object, caplog: pytest.LogCaptureFixture) -> None:
    assert getattr(Config.from_environment({PREFIX + name.upper(): value}), name) == expected
    assert not caplog.records


def test_code_wins() -> None:
    assert Config.from_environment({PREFIX + "QUEUE_SIZE": "16"}, queue_size=4).queue_size == 4
    with pytest.raises(TypeError):
        Config.from_environment({}, queue_length=4)


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().defer = False  # type: ignore[misc]


def test_every_setting_has_a_variable_and_a_text() -> None:
    public = [field for field in dataclasses.fields(Config) if not field.metadata["internal"]]
    for field in public:
        assert getattr(environment_variables, PREFIX + field.name.upper()) == PREFIX + field.name.upper()
        assert field.metadata["help"].endswith(".")
    declared = [name for name in vars(environment_variables) if name.startswith("OTEL_")]
    assert len(declared) == len(public)


def test_settings_are_flags_of_the_launcher() -> None:
    """And the launcher still starts: a constant of the SDK in our module would break it for every program."""
    said = subprocess.run([LAUNCHER, "--help"], capture_output=True, text=True, check=True).stdout
    assert "--inferspan_queue_size" in said
    program = "import os; print(os.environ['OTEL_PYTHON_INFERSPAN_QUEUE_SIZE'])"
    command = [LAUNCHER, "--traces_exporter=none", "--metrics_exporter=none", "--logs_exporter=none"]
    finished = subprocess.run(
        [*command, "--inferspan_queue_size=7", sys.executable, "-c", program], capture_output=True, text=True
    )
    assert finished.stdout == "7\n", finished.stderr
