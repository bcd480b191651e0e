# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_WARN
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from support import exports

from inferspan.cli._otlp_json import JsonLinesFile, encode_line

#: What the file exporter of Collector 0.155 writes of these requests, without the empty ``scope`` and ``body``.
GOLDEN = Path(__file__).with_name("golden.jsonl")


def everything() -> list[object]:
    """A request of each signal, with every kind of value."""
    traces = exports.traces(
        0.0015,
        attributes={
            "text": "…",
            "whole": 0,
            "large": 2**62,
            "real": 0.5,
            "flag": False,
            "bytes": b"\x00\xff",
            "array": [1.0, None, 2.0],
            # Looks like an id, and is not one.
            "traceId": "AAAA",
            "not a number": math.nan,
        },
    )
    span = traces.resource_spans[0].scope_spans[0].spans[0]
    span.parent_span_id = b"\x0a" * 8
    span.kind = Span.SPAN_KIND_CLIENT
    span.status.code = Status.STATUS_CODE_ERROR
    span.events.add(name="exception", time_unix_nano=exports.START)
    span.links.add(trace_id=b"\xab" * 16, span_id=b"\xcd" * 8)
    traces.resource_spans[0].scope_spans[0].schema_url = "https://example.com/1.0.0"
    metrics = exports.durations(0, 2, 1, 0, minimum=0.002, maximum=0.05)
    point = metrics.resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points[0]
    point.exemplars.add(as_double=0.05, trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    logs = exports.event("inferspan.inference.anomaly", {"error.type": "ValueError"})
    logs.resource_logs[0].scope_logs[0].log_records[0].severity_number = SEVERITY_NUMBER_WARN
    return [traces, metrics, logs]


def test_lines_are_those_of_the_collector() -> None:
    written = [encode_line(request) for request in everything()]  # pyright: ignore[reportArgumentType]
    assert [json.loads(line) for line in written] == [json.loads(line) for line in GOLDEN.read_text().splitlines()]


def test_a_line_is_one_line() -> None:
    assert "\n" not in encode_line(exports.traces(0.001, attributes={"text": "two\nlines\u2028"}))


def test_file_grows_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "saved.jsonl"
    with JsonLinesFile(str(path)) as saved:
        saved.write(exports.traces(0.001))
        saved.write(exports.durations(1, 0, 0, 0))
    assert [next(iter(json.loads(line))) for line in path.read_text().splitlines()] == [
        "resourceSpans",
        "resourceMetrics",
    ]
    assert (saved.lines, saved.fault) == (2, None)


def test_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        JsonLinesFile(str(tmp_path / "missing" / "saved.jsonl"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk_is_told_and_does_no_harm() -> None:
    with JsonLinesFile("/dev/full") as saved:
        for _ in range(200):
            saved.write(ExportTraceServiceRequest())
    assert isinstance(saved.fault, OSError)
    assert saved.lines == 0
