# SPDX-License-Identifier: Apache-2.0
"""Settings: code over environment over default; a bad value is one warning that names the variable alone."""

from __future__ import annotations

import dataclasses
import logging
import math
import subprocess
import sys
from typing import Any

import pytest

from inferspan import config
from inferspan.config import PREFIX, Config

FIELDS = {field.name: field for field in dataclasses.fields(Config)}


def variable(name: str) -> str:
    return PREFIX + name.upper()


def read(name: str, text: str) -> Any:
    return getattr(Config.from_environment({variable(name): text}), name)


def as_text(value: Any) -> str:
    """Writes a setting as its variable has it."""
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items())
    return ",".join(value) if isinstance(value, tuple) else str(value)


def test_every_setting_has_help_and_a_default_that_its_parser_would_give() -> None:
    for name, field in FIELDS.items():
        assert field.metadata["help"].endswith(".")
        default = getattr(Config(), name)
        assert read(name, as_text(default)) == default


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().queue_size = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), (" TRUE ", True), ("1", True), ("yes", True), ("on", True)]
    + [("false", False), ("False", False), ("0", False), ("no", False), ("off", False)],
)
def test_booleans(text: str, value: bool) -> None:
    assert read("defer", text) is value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("queue_size", " 17 ", 17),
        ("profile_budget", "0.02", 0.02),
        ("profile_budget", "inf", math.inf),
        ("anomaly_events_per_minute", "0", 0),
        ("exception_detail", " Full ", "full"),
        ("profile_kernel", " Numpy ", "numpy"),
        ("warn_after_seconds", "0", 0),
        ("stall_seconds", " 90 ", 90),
        ("max_links", "0", 0),
        ("window_seconds", "1", 1),
        ("window_events", "0", 0),
        ("quantile_fields", "age, income_*", ("age", "income_*")),
        ("crash_folder", " /var/crashes ", "/var/crashes"),
        ("models_file", " models.json ", "models.json"),
        ("labels", "segment", ("segment",)),
        ("labels", " segment ,, tenant ,", ("segment", "tenant")),
        ("models", "a=b", {"a": "b"}),
        ("models", " a = b:3 ,, /models/x.onnx=c ,", {"a": "b:3", "/models/x.onnx": "c"}),
    ],
)
def test_values(name: str, text: str, value: Any) -> None:
    assert read(name, text) == value


@pytest.mark.parametrize("text", ["", "   "])
@pytest.mark.parametrize("name", FIELDS)
def test_an_empty_variable_is_none(name: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert read(name, text) == getattr(Config(), name)
    assert not caplog.records


SECRET = "hunter2-pasted-on-the-wrong-line"
#: Settings for which any text is right.
TEXTS = {"crash_folder", "distribution_fields", "labels", "models_file", "profilers", "quantile_fields"}
COUNTS = (
    "queue_size",
    "window_inferences",
    "window_seconds",
    "window_fields",
    "max_models",
    "max_label_values",
    "max_faults",
    "profile_min_count",
)
BAD = [
    *[(name, SECRET) for name in FIELDS if name not in TEXTS],
    *[(name, bad) for name in COUNTS for bad in ("0", "-1", "1.5", "1e3")],
    *[(name, "-1") for name in ("max_links", "stall_seconds", "warn_after_seconds")],
    *[(name, "-1") for name in ("window_events", "field_series", "faulty_field_series", "field_distributions")],
    *[("profile_budget", bad) for bad in ("-0.01", "nan", "1 %")],
    ("profile_span_bytes", "255"),
    ("profile_max_elements", "1023"),
    ("anomaly_events_per_minute", "-1"),
    ("defer", "maybe"),
    ("defer", "2"),
    ("exception_detail", "everything"),
    ("profile_kernel", "fortran"),
    ("models", f"{SECRET}="),
    ("models", f"a=b,={SECRET}"),
    ("queue_size", "9" * 5000),
]


@pytest.mark.parametrize(("name", "text"), BAD, ids=[f"{name}-{text[:12]}" for name, text in BAD])
def test_a_bad_value_is_one_warning_and_the_default(name: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = Config.from_environment({variable(name): text})
    assert settings == Config()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.name == "inferspan"
    message = record.getMessage()
    assert variable(name) in message
    assert " is ignored: " in message
    assert text not in message.replace(variable(name), "").split()
    assert "hunter2" not in message
    assert len(message) < 200


def test_each_bad_value_is_its_own_warning(caplog: pytest.LogCaptureFixture) -> None:
    Config.from_environment({variable("defer"): "maybe", variable("queue_size"): "many", variable("profile"): "true"})
    assert len(caplog.records) == 2


def test_code_wins_over_the_environment() -> None:
    environ = {variable("queue_size"): "5", variable("defer"): "false"}
    settings = Config.from_environment(environ, queue_size=7)
    assert (settings.queue_size, settings.defer, settings.profile) == (7, False, True)


def test_a_variable_that_code_overrides_is_not_read(caplog: pytest.LogCaptureFixture) -> None:
    assert Config.from_environment({variable("queue_size"): "many"}, queue_size=7).queue_size == 7
    assert not caplog.records


def test_an_unknown_setting_in_code_is_an_error() -> None:
    before = config.in_force
    with pytest.raises(TypeError, match="queue_length"):
        config.load(queue_length=3)
    assert config.in_force is before


def test_code_keeps_what_it_has_set_before() -> None:
    config.load(queue_size=3, models={"a": "b"})
    config.load(enabled=False)
    assert (config.in_force.queue_size, config.in_force.models, config.in_force.enabled) == (3, {"a": "b"}, False)
    config.load(enabled=True, queue_size=4)
    assert (config.in_force.queue_size, config.in_force.models, config.in_force.enabled) == (4, {"a": "b"}, True)


def test_a_mistake_in_code_changes_nothing_later() -> None:
    with pytest.raises(TypeError):
        config.load(queue_size=3, queue_length=3)
    assert config.load(enabled=False).queue_size == Config().queue_size


def test_origins() -> None:
    config.load(queue_size=3)
    environ = {variable("defer"): "false", variable("max_models"): "many", variable("queue_size"): "7"}
    found = config.origins(environ)
    assert set(found) == set(FIELDS)
    assert (found["queue_size"], found["defer"]) == ("code", "environment")
    # A bad value is ignored.
    assert (found["max_models"], found["profile"]) == ("default", "default")


def test_the_environment_is_read_once_and_complained_about_once() -> None:
    program = (
        "import logging; logging.basicConfig(format='%(levelname)s %(message)s')\n"
        "import inferspan.auto, inferspan\n"
        "@inferspan.inference('model')\n"
        "def infer(): pass\n"
        "infer(); infer()\n"
        "from inferspan import config; print(config.in_force.queue_size)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "/usr/bin", variable("queue_size"): SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout == "2048\n"
    assert finished.stderr == f"WARNING {variable('queue_size')} is ignored: not a whole number\n"
