# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import sys

import pytest

from inferspan.cli._environment import program_environment, program_name


def made(*, profiles_all: bool = True, **environment: str) -> dict[str, str]:
    return program_environment(
        environment,
        command=["python", "app.py"],
        receiver="http://127.0.0.1:4321",
        status_path="/status",
        profiles_all=profiles_all,
    )


def test_everything_goes_to_the_receiver() -> None:
    assert made(PATH="/bin") == {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4321/v1/traces",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4321/v1/metrics",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://127.0.0.1:4321/v1/logs",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        "OTEL_BLRP_SCHEDULE_DELAY": "500",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET": "inf",
        "INFERSPAN_RUN_STATUS_URL": "http://127.0.0.1:4321/status",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "OTEL_SERVICE_NAME": "app",
        "PATH": os.pathsep.join((os.path.dirname(sys.executable), "/bin")),
    }


def test_the_doctor_looks_at_the_programs_own_budget() -> None:
    assert "OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET" not in made(profiles_all=False)


def test_a_budget_that_is_set_stays() -> None:
    assert made(OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET="0.02")["OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET"] == "0.02"


@pytest.mark.parametrize(
    "name",
    [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY",
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_INSECURE",
        "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
        "OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER",
        "OTEL_CONFIG_FILE",
    ],
)
def test_what_is_meant_for_another_endpoint_is_left_out(name: str) -> None:
    assert name not in made(**{name: "something"})


@pytest.mark.parametrize(
    "name",
    [
        "OTEL_TRACES_SAMPLER",
        "OTEL_SDK_DISABLED",
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "OTEL_PYTHON_INFERSPAN_PROFILE",
        "OTEL_SERVICE_NAME",
        "HTTP_PROXY",
        "OTHER",
    ],
)
def test_the_rest_stays(name: str) -> None:
    assert made(**{name: "something"})[name] == "something"


def test_service_name_in_resource_attributes_stays() -> None:
    assert "OTEL_SERVICE_NAME" not in made(OTEL_RESOURCE_ATTRIBUTES="service.name=mine,a=b")


def test_proxy_exceptions_are_kept_in_either_spelling() -> None:
    upper = made(NO_PROXY="example.com")
    assert upper["NO_PROXY"] == upper["no_proxy"] == "example.com,127.0.0.1,localhost"
    both = made(NO_PROXY="upper", no_proxy="lower")
    assert (both["NO_PROXY"], both["no_proxy"]) == ("upper,127.0.0.1,localhost", "lower,127.0.0.1,localhost")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python app.py --flag", "app"),
        ("/usr/bin/python3.12 -u -X dev -W error src/serve.py", "serve"),
        ("python -m my.server --port 1", "my.server"),
        ("python -c pass", "python"),
        ("python", "python"),
        ("python3.13t app.py", "app"),
        ("venv/bin/uvicorn main:app", "uvicorn"),
        ("./serve.py", "serve"),
    ],
)
def test_service_name(command: str, name: str) -> None:
    assert program_name(command.split()) == name
