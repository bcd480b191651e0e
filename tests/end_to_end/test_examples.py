# SPDX-License-Identifier: Apache-2.0
"""The examples, unmodified, under the real launcher, into the real Collector."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from support import launcher, otlp
from support.collector import Collector, free_ports

from inferspan.semconv.schema import SCHEMA_URL


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as one:
        yield one


def spans_of(collector: Collector, service: str) -> list[otlp.Span]:
    return [span for span in collector.traces() if span.resource["service.name"] == service]


def ours(spans: list[otlp.Span]) -> list[otlp.Span]:
    """Returns the inferences."""
    ours = [span for span in spans if span.scope.name.startswith("inferspan")]
    return [span for span in ours if span.attributes["inferspan.operation.name"] != "load"]


def recorded(collector: Collector, service: str) -> dict[tuple[str | None, bool], int]:
    """Returns the count of the duration histogram by error type and whether the model was cold, as last exported."""
    counts: dict[tuple[str | None, bool], int] = {}
    for point in collector.metrics():
        if point.name == "inferspan.inference.duration" and point.resource["service.name"] == service:
            counts[point.attributes.get("error.type"), "inferspan.cold" in point.attributes] = point.count or 0
    return counts


def test_onnx_script(collector: Collector) -> None:
    finished = launcher.run(
        "examples/digits_onnx.py",
        "--seconds=4",
        "--rate=400",
        env=launcher.environment(collector.endpoint_http, service="onnx"),
    )
    assert finished.returncode == 0, finished.stderr
    refused = int(finished.stdout.split("; ")[1].split()[0])

    spans = ours(collector.wait_for(lambda: spans_of(collector, "onnx")))
    counts = recorded(collector, "onnx")
    assert sum(counts.values()) == len(spans) > 100
    assert refused
    failed = [span for span in spans if span.status == "error"]
    assert len(failed) == refused
    assert sum(count for (error, _), count in counts.items() if error is None) == len(spans) - refused
    assert sum(count for (_, cold), count in counts.items() if cold) == 1
    assert sum(span.attributes.get("inferspan.cold", False) for span in spans) == 1

    span = next(span for span in spans if span.status != "error")
    assert span.name == "infer digits"
    assert span.kind == "internal"
    assert span.scope.name == "inferspan_instrumentors.onnxruntime"
    assert span.scope.schema_url == SCHEMA_URL
    attributes = span.attributes
    assert attributes["inferspan.system.name"] == "onnxruntime"
    assert attributes["inferspan.model.name"] == "digits"
    assert attributes["inferspan.execution.device"] == "cpu"
    assert attributes["inferspan.input.names"] == ["image"]
    assert attributes["inferspan.output.names"] == ["scores"]
    assert attributes["inferspan.input.shapes"][0].endswith("x1x8x8")
    assert attributes["inferspan.input.profile.minimums"] == [0.0]
    assert attributes["inferspan.input.profile.maximums"] == [1.0]


def test_torch_script(collector: Collector) -> None:
    finished = launcher.run(
        "examples/digits_torch.py", env=launcher.environment(collector.endpoint_http, service="torch")
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "360 images, 98.6% right\n"

    spans = ours(collector.wait_for(lambda: spans_of(collector, "torch")))
    assert [span.name for span in spans] == ["infer DigitsClassifier"] * 12
    assert recorded(collector, "torch") == {(None, True): 1, (None, False): 11}
    assert [span.attributes.get("inferspan.cold") for span in sorted(spans, key=lambda span: span.start_ns)] == [
        True,
        *[None] * 11,
    ]
    assert sum(span.attributes["inferspan.batch.size"] for span in spans) == 360
    assert spans[0].attributes["inferspan.input.names"] == ["image"]
    assert spans[0].attributes["inferspan.input.shapes"] == ["32x1x8x8"]
    said = {record.event_name for record in collector.logs() if record.resource["service.name"] == "torch"}
    assert said <= {"inferspan.data.profile"}


def test_service(collector: Collector) -> None:
    _, port, _ = free_ports()
    process = subprocess.Popen(
        [str(launcher.LAUNCHER), sys.executable, "examples/digits_service.py", "--port", str(port)],
        cwd=launcher.ROOT,
        env=launcher.environment(collector.endpoint_http, service="service"),
    )
    try:
        body = json.dumps({"image": [[0, 0, 5, 13, 9, 1, 0, 0]] * 8}).encode()
        answers = [ask(port, engine, body) for engine in ("torch", "onnx")]
    finally:
        process.terminate()
        process.wait(timeout=20)
    spans = collector.wait_for(lambda: two(ours(spans_of(collector, "service"))))

    # One model, two engines: the same answer.
    assert answers[0]["digit"] == answers[1]["digit"]
    assert answers[0]["confidence"] == pytest.approx(answers[1]["confidence"], abs=1e-5)
    assert sorted(span.name for span in spans) == ["infer DigitsClassifier", "infer digits"]
    for span in spans:
        # A record of one person's digit: no minimum of a single row, but an image has no rows.
        assert span.attributes["inferspan.input.shapes"] == ["1x1x8x8"]
        assert "inferspan.output.profile.minimums" not in span.attributes


def two(spans: list[otlp.Span]) -> list[otlp.Span]:
    return spans if len(spans) == 2 else []


def ask(port: int, engine: str, body: bytes) -> dict[str, float]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict/{engine}", body, {"content-type": "application/json"}
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
