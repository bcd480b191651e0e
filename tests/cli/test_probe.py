# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from inferspan.cli._probe import STATUS_VARIABLE
from inferspan.cli._receiver import STATUS_PATH, Receiver


def run(code: str, url: str | None) -> tuple[subprocess.CompletedProcess[str], float]:
    environment = {name: value for name, value in os.environ.items() if name != STATUS_VARIABLE}
    if url is not None:
        environment[STATUS_VARIABLE] = url
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", f"from inferspan.cli._probe import install\n{code}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done, time.monotonic() - started


def reports(code: str) -> list[Any]:
    received: list[Any] = []
    with Receiver(on_export=lambda _: None, on_status=received.append) as receiver:
        done, _ = run(code, receiver.url + STATUS_PATH)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return received


def test_reports_start_and_end() -> None:
    start, end = reports("install()")
    assert (start["moment"], end["moment"]) == ("start", "end")
    assert start["pid"] == end["pid"]
    assert start["executable"] == sys.executable
    assert end["libraries"] == []
    assert (end["is_sdk"], end["replaced"]) == (False, False)
    assert end["tracer_provider"] == "opentelemetry.trace.ProxyTracerProvider"


def test_reports_loaded_libraries_without_loading_any() -> None:
    _, end = reports("import sys, types; install(); sys.modules['torch'] = types.ModuleType('torch')")
    assert end["libraries"] == ["torch"]


def test_reports_the_sampler_and_a_replaced_provider() -> None:
    start, end = reports(
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider())\n"
        "install()\n"
        "trace._TRACER_PROVIDER = trace.NoOpTracerProvider()\n"
    )
    assert (start["is_sdk"], start["replaced"]) == (True, False)
    assert "AlwaysOn" in start["sampler"]
    assert (end["is_sdk"], end["replaced"]) == (False, True)
    assert end["tracer_provider"] == "opentelemetry.trace.NoOpTracerProvider"


def test_does_nothing_without_inferspan_run() -> None:
    done, _ = run("import sys; before = set(sys.modules); install(); print(sorted(set(sys.modules) - before))", None)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/status", "nonsense", "http://", "http://127.0.0.1:x/"])
def test_nobody_listens(url: str) -> None:
    done, _ = run("install()", url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_receiver_that_does_not_answer_delays_little() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _, prompt = run("install()", None)
        done, delayed = run("install()", f"http://127.0.0.1:{silent.getsockname()[1]}/status")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert delayed - prompt < 1.0
