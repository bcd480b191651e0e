# SPDX-License-Identifier: Apache-2.0
"""Inferences that do not come back are told, with model and shapes: while they hang, or at the next start."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber
from support import launcher, otlp
from support.collector import Collector

from inferspan.recording import crash

PROGRAM = Path(__file__).parent / "programs" / "ends.py"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as one:
        yield one


def run(collector: Collector, how: str, service: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return launcher.run(PROGRAM, how, env=launcher.environment(collector.endpoint_http, service=service, **variables))


def events(collector: Collector, name: str, service: str) -> list[otlp.LogRecord]:
    return [one for one in collector.logs() if one.event_name == name and one.resource["service.name"] == service]


def assert_tells_of_fraud(attributes: dict[str, Any]) -> None:
    assert attributes["inferspan.model.name"] == "Fraud"
    assert attributes["inferspan.system.name"] == "pytorch"
    assert attributes["inferspan.operation.name"] == "infer"
    assert attributes["inferspan.execution.device"] == "cpu"
    assert attributes["inferspan.input.names"] == ["amounts", "countries"]
    assert attributes["inferspan.input.types"] == ["float32", "int64"]
    assert attributes["inferspan.input.shapes"] == ["8x20", "8"]


@pytest.mark.parametrize("sampler", ["always_on", "always_off"])
def test_a_call_that_hangs(collector: Collector, sampler: str) -> None:
    service = f"hang-{sampler}"
    finished = run(collector, "hang", service, OTEL_PYTHON_INFERSPAN_STALL_SECONDS="1", OTEL_TRACES_SAMPLER=sampler)
    assert finished.returncode == 0, finished.stderr
    (event,) = collector.wait_for(lambda: events(collector, "inferspan.inference.stalled", service))
    assert_tells_of_fraud(event.attributes)
    assert 1 <= event.attributes["inferspan.inference.age"] < 5
    assert event.attributes["thread.name"] == "MainThread"
    stack = event.attributes["code.stacktrace"]
    assert stack.splitlines()[-1].strip() == "time.sleep(5)"
    assert "in forward" in stack
    assert "inferspan_instrumentors" not in stack
    assert event.severity == SeverityNumber.WARN.value
    oldest = [
        point.value
        for point in collector.metrics()
        if point.name == "inferspan.inference.oldest.age"
        and point.resource["service.name"] == service
        and point.attributes["inferspan.model.name"] == "Fraud"
    ]
    assert max(oldest) > 1  # type: ignore[type-var]
    if sampler == "always_on":
        (span,) = [one for one in collector.traces() if one.span_id == event.span_id]
        assert span.name == "infer Fraud"
        assert span.status != "error"


@pytest.mark.parametrize("how", ["kill", "abort"])
def test_a_process_that_ends_in_the_middle(collector: Collector, how: str, tmp_path: Path) -> None:
    folder = {"OTEL_PYTHON_INFERSPAN_CRASH_FOLDER": str(tmp_path / "crashes")}
    finished = run(collector, how, how, **folder)
    assert finished.returncode == -{"kill": signal.SIGKILL, "abort": signal.SIGABRT}[how]
    assert len(list((tmp_path / "crashes").iterdir())) == 1
    assert not events(collector, "inferspan.inference.lost", how)

    assert run(collector, "start", how, **folder).returncode == 0
    (event,) = collector.wait_for(lambda: events(collector, "inferspan.inference.lost", how))
    assert_tells_of_fraud(event.attributes)
    assert event.attributes["process.pid"] > 0
    assert event.severity == SeverityNumber.ERROR.value
    assert event.trace_id
    assert list((tmp_path / "crashes").iterdir()) == []

    assert run(collector, "start", how, **folder).returncode == 0
    assert len(events(collector, "inferspan.inference.lost", how)) == 1


def test_a_process_that_ends_in_order_leaves_nothing(collector: Collector, tmp_path: Path) -> None:
    folder = {"OTEL_PYTHON_INFERSPAN_CRASH_FOLDER": str(tmp_path / "crashes")}
    assert run(collector, "return", "return", **folder).returncode == 0
    assert list((tmp_path / "crashes").iterdir()) == []


def test_the_file_of_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    ring = crash._Ring(tmp_path)
    ring.put(ring.reserve(), {"started": 1, "trace": 0, "span": 0, "flags": 0})
    told: list[Any] = []

    class Logger:
        def emit(self, **event: Any) -> None:
            told.append(event)

    crash._report_file(Logger(), ring.path)
    assert ring.path.exists()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    crash._report_file(Logger(), ring.path)
    assert (ring.path.exists(), told) == (True, [])
    ring.close(remove=False)
    crash._report_file(Logger(), ring.path)
    assert not ring.path.exists()
    assert [event["timestamp"] for event in told] == [1]


@pytest.mark.parametrize(
    "content", [b"", b"\x01", b"\x01\xff\xff{", b"\x01\x02\x00{]", b"\x01\x02\x00{}", bytes(300_000)]
)
def test_a_broken_file_is_removed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "1-1.inferences"
    path.write_bytes(content)
    crash._report_file(None, path)
    assert not path.exists()


def test_more_inputs_than_there_is_room_for(tmp_path: Path) -> None:
    ring = crash._Ring(tmp_path)
    names = [f"a name of an input that is rather long {number}" for number in range(100)]
    ring.put(0, {"names": names, "model": "x"})
    size = int.from_bytes(ring._memory[1:3], "little")
    assert b"input that is rather long 0" in ring._memory[3 : 3 + size]
    assert ring._memory[3 + size - 1 : 3 + size] == b"}"
    ring.close(remove=True)
