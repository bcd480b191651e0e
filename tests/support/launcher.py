# SPDX-License-Identifier: Apache-2.0
"""Runs programs as a user would: under `opentelemetry-instrument`, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = Path(sys.executable).with_name("opentelemetry-instrument")


def environment(endpoint: str, *, service: str = "tested", **variables: str) -> dict[str, str]:
    """Returns the process's environment, with OTLP to this endpoint and short intervals."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return {
        **clean,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": service,
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        **variables,
    }


def run(
    *command: str | Path, env: Mapping[str, str], timeout: float = 120, launcher: bool = True
) -> subprocess.CompletedProcess[str]:
    """Runs a Python program to its end.

    Args:
        *command: the program and its arguments, without the interpreter.
        env: all of its environment.
        timeout: in seconds.
        launcher: start it under `opentelemetry-instrument`.
    """
    prefix = [LAUNCHER] if launcher else []
    return subprocess.run(
        [str(one) for one in (*prefix, sys.executable, *command)],
        cwd=ROOT,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
