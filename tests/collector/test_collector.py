# SPDX-License-Identifier: Apache-2.0
"""The Collector that is shipped: it compiles, its configurations hold, and what goes in comes out."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode
from support import collector as support
from support.collector import RUNNER, Collector
from support.otlp import Buckets, Scope

HERE = RUNNER.parent
RESOURCE = {"service.name": "scorer", "service.version": "1.2"}
SCOPE = Scope(name="tests.collector", version="3.4", schema_url="https://example.org/schema", attributes={})
LINKED = SpanContext(trace_id=0xA, span_id=0xB, is_remote=True)


def test_the_sources_are_those_of_the_manifest() -> None:
    components = re.findall(r"gomod: (\S+ \S+)", (HERE / "builder.yaml").read_text())
    go_mod = (HERE / "distribution" / "go.mod").read_text()
    sources = "".join(path.read_text() for path in sorted((HERE / "distribution").glob("*.go")))

    assert len(components) >= 12
    for component in components:
        assert f"\t{component}\n" in go_mod
        assert f'"{component}"' in sources


def test_the_executable_has_the_components_of_the_manifest() -> None:
    output = subprocess.run([support.build(), "components"], capture_output=True, text=True, check=True).stdout

    names = set(re.findall(r"- (?:name|scheme): (\w+)", output))
    assert names == {
        *("otlp", "memory_limiter", "batch", "debug", "file", "otlp_grpc", "otlp_http", "prometheus_remote_write"),
        *("health_check", "file_storage", "env", "yaml"),
    }


def test_every_combination_of_overlays_is_valid() -> None:
    finished = _runner("validate")

    assert finished.returncode == 0, finished.stderr
    overlays = {path.stem for path in (HERE / "exporters").iterdir()}
    checked = [set(line.removeprefix("ok     ").split(" + ")) for line in finished.stdout.splitlines()]
    assert {"base"} in checked
    assert {"base", *overlays} in checked
    for overlay in overlays:
        assert {"base", overlay} in checked


def test_a_wrong_overlay_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("exporters: {debug: {verbosities: loud}}\n")

    finished = _runner("validate", str(tmp_path / "wrong.yaml"))

    assert finished.returncode == 1
    assert "verbosities" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "file", "otlp"], "set INFERSPAN_COLLECTOR_FILE and INFERSPAN_COLLECTOR_OTLP_ENDPOINT"),
        (["run", "nowhere"], "no overlay or file named nowhere; there are file, otlp, otlphttp, prometheus"),
    ],
)
def test_what_is_missing_is_said(arguments: list[str], message: str) -> None:
    finished = _runner(*arguments)

    assert finished.returncode == 1
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.fixture(scope="module")
def received() -> Collector:
    """A Collector that was sent one of everything, and has ended."""
    with Collector() as collector:
        _send(collector.endpoint_http)
        collector.wait_for(lambda: collector.traces() and len(collector.metrics()) >= 3 and collector.logs())
    return collector


def test_a_span_comes_out_as_it_went_in(received: Collector) -> None:
    (span,) = received.traces()

    assert (span.name, span.kind, span.parent_span_id) == ("predict resnet50", "client", None)
    assert re.fullmatch("[0-9a-f]{32}", span.trace_id)
    assert re.fullmatch("[0-9a-f]{16}", span.span_id)
    assert (span.start_ns, span.end_ns) == (1_000_000_000, 1_500_000_000)
    assert span.attributes == {
        "text": "ünïcödé",
        "flag": False,
        "large": 2**62,
        "ratio": 0.1,
        "whole": 2.0,
        "names": ["age", "income"],
        "means": [38.5, None, -0.25],
        "empty": [],
    }
    assert type(span.attributes["whole"]) is float
    assert [(event.name, event.time_ns, event.attributes) for event in span.events] == [
        ("warmed up", 1_200_000_000, {"batches": 3})
    ]
    assert [(link.trace_id, link.span_id, link.attributes) for link in span.links] == [
        ("a".rjust(32, "0"), "b".rjust(16, "0"), {"position": 0})
    ]
    assert (span.status, span.status_message) == ("error", "out of memory")
    assert span.resource.items() >= RESOURCE.items()
    assert span.scope == SCOPE


def test_points_come_out_as_they_went_in(received: Collector) -> None:
    points = {point.name: point for point in received.metrics()}

    counter = points["calls"]
    assert (counter.type, counter.unit, counter.description) == ("sum", "{call}", "Calls.")
    assert (counter.value, counter.monotonic, counter.temporality) == (3, True, "cumulative")
    assert counter.attributes == {"model": "resnet50"}
    assert 0 < counter.start_ns <= counter.time_ns
    assert counter.resource.items() >= RESOURCE.items()
    assert counter.scope == SCOPE

    explicit = points["latency"]
    assert (explicit.type, explicit.temporality, explicit.monotonic) == ("histogram", "cumulative", None)
    assert (explicit.count, explicit.sum, explicit.minimum, explicit.maximum) == (3, 6.5, 0.5, 4.0)
    assert (explicit.bounds, explicit.bucket_counts) == ((1.0, 3.0), (1, 1, 1))
    # The measurement inside of the span carries its identifiers.
    (span,) = received.traces()
    assert [(e.value, e.trace_id, e.span_id) for e in explicit.exemplars] == [(0.5, span.trace_id, span.span_id)]

    exponential = points["score"]
    assert (exponential.type, exponential.value) == ("exponential_histogram", None)
    assert (exponential.count, exponential.zero_count, exponential.scale) == (3, 1, 0)
    assert exponential.positive == Buckets(offset=0, counts=(1, 1))
    assert exponential.negative == Buckets(offset=0, counts=(0,))


def test_a_log_record_comes_out_as_it_went_in(received: Collector) -> None:
    (record,) = received.logs()

    assert record.event_name == "inferspan.data.profile"
    assert record.body == {"fields": [{"name": "age", "mean": None}], "raw": b"\x00\xff"}
    assert record.attributes == {"window": 60, "nested": {"deep": [1, "two", None]}}
    assert (record.severity, record.severity_text) == (13, "WARN")
    assert (record.time_ns, record.observed_ns) == (2_000_000_000, 2_000_000_001)
    (span,) = received.traces()
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert record.resource.items() >= RESOURCE.items()
    assert record.scope == SCOPE


def test_a_batch_is_also_a_line_for_people(received: Collector) -> None:
    assert re.search(r'Traces\s.*"spans": 1\b', received.log)
    assert re.search(r'Metrics\s.*"data points": 3\b', received.log)
    assert re.search(r'Logs\s.*"log records": 1\b', received.log)


@pytest.mark.parametrize("overlay", ["otlp", "otlphttp"])
def test_overlays_compose_and_forward(overlay: str) -> None:
    with Collector() as last:
        environment = {
            "INFERSPAN_COLLECTOR_OTLP_ENDPOINT": last.endpoint_grpc,
            "INFERSPAN_COLLECTOR_OTLP_INSECURE": "true",
            "INFERSPAN_COLLECTOR_OTLPHTTP_ENDPOINT": last.endpoint_http,
        }
        with Collector(overlays=[overlay], environment=environment) as first:
            _send(first.endpoint_http)
            last.wait_for(lambda: last.traces() and len(last.metrics()) >= 3 and last.logs())

    assert last.traces() == first.traces() != []
    assert last.metrics() == first.metrics() != []
    assert last.logs() == first.logs() != []


def test_nothing_is_lost_at_the_end() -> None:
    slow = ["--set=processors.batch.timeout=1h", "--set=exporters.file.flush_interval=1h"]
    with Collector() as last:
        environment = {
            "INFERSPAN_COLLECTOR_OTLP_ENDPOINT": last.endpoint_grpc,
            "INFERSPAN_COLLECTOR_OTLP_INSECURE": "true",
        }
        with Collector(overlays=["otlp"], environment=environment, arguments=slow) as first:
            _send(first.endpoint_http)
            assert last.traces() == []

    for collector in (first, last):
        assert len(collector.traces()) == 1
        assert len(collector.metrics()) == 3
        assert len(collector.logs()) == 1


def test_the_overlay_of_the_readme_keeps_what_it_could_not_send(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (HERE / "README.md").read_text(), flags=re.DOTALL)
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(example)
    environment = {"MY_QUEUE": str(tmp_path / "queue"), "MY_KEY": "key"}

    with Collector() as last:
        nowhere = environment | {"MY_ENDPOINT": "http://127.0.0.1:9"}
        with Collector(overlays=[overlay], environment=nowhere) as first:
            _send(first.endpoint_http)
            first.wait_for(lambda: "Exporting failed" in first.log)
        assert last.traces() == []
        with Collector(overlays=[overlay], environment=environment | {"MY_ENDPOINT": last.endpoint_http}):
            last.wait_for(last.traces)

    assert last.traces() == first.traces()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's list of sockets")
def test_it_listens_on_the_loopback_interface_alone() -> None:
    with Collector() as collector:
        listening = _listening(collector.pid)
        endpoints = (collector.endpoint_grpc, collector.endpoint_http, collector.endpoint_health)

    assert listening == {endpoint.removeprefix("http://") for endpoint in endpoints}


def test_its_own_metrics_are_there_when_asked_for() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "INFERSPAN_COLLECTOR_SELF_METRICS": "normal",
        "INFERSPAN_COLLECTOR_SELF_METRICS_PORT": str(port),
    }
    with Collector(environment=environment):
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/metrics")
        assert b"otelcol_process_uptime" in connection.getresponse().read()
        connection.close()


def test_a_port_that_is_taken_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        choose = support.free_ports
        first = (choose()[0], port, choose()[2])
        choices = iter([first])
        monkeypatch.setattr(support, "free_ports", lambda: next(choices, None) or choose())
        with Collector() as collector:
            assert collector.endpoint_http != f"http://127.0.0.1:{port}"
            _send(collector.endpoint_http)

    assert len(collector.traces()) == 1


def test_a_collector_that_cannot_start_says_why() -> None:
    with (
        pytest.raises(RuntimeError, match=r"unknown type: .nonsense"),
        Collector(arguments=["--config=yaml:exporters::nonsense::a: b"]),
    ):
        pass


def test_waiting_ends() -> None:
    with (
        Collector() as collector,
        pytest.raises(TimeoutError, match="Received: 0 spans, 0 points, 0 log records"),
    ):
        collector.wait_for(collector.traces, timeout=0.1)


def _runner(*arguments: str) -> subprocess.CompletedProcess[str]:
    support.build()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("INFERSPAN_COLLECTOR_")}
    command = [sys.executable, str(RUNNER), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _send(endpoint: str) -> None:
    """Sends a span, three metrics and an event over OTLP/HTTP."""
    resource = Resource.create(RESOURCE)
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{endpoint}/v1/metrics"), 3_600_000)
    exponential = View(instrument_name="score", aggregation=ExponentialBucketHistogramAggregation(max_scale=0))
    metrics = MeterProvider([reader], resource=resource, views=[exponential], shutdown_on_exit=False)
    logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(endpoint=f"{endpoint}/v1/logs")))
    scope = (SCOPE.name, SCOPE.version)
    meter = metrics.get_meter(*scope, SCOPE.schema_url)

    with traces.get_tracer(*scope, schema_url=SCOPE.schema_url).start_as_current_span(
        "predict resnet50",
        kind=SpanKind.CLIENT,
        links=[Link(LINKED, {"position": 0})],
        start_time=1_000_000_000,
        end_on_exit=False,
    ) as span:
        span.set_attributes({"text": "ünïcödé", "flag": False, "large": 2**62, "ratio": 0.1, "whole": 2.0})
        span.set_attributes({"names": ["age", "income"], "means": [38.5, None, -0.25], "empty": []})
        span.add_event("warmed up", {"batches": 3}, timestamp=1_200_000_000)
        span.set_status(StatusCode.ERROR, "out of memory")
        latency = meter.create_histogram("latency", "s", explicit_bucket_boundaries_advisory=[1, 3])
        latency.record(0.5)
        logs.get_logger(*scope, SCOPE.schema_url).emit(
            LogRecord(
                timestamp=2_000_000_000,
                observed_timestamp=2_000_000_001,
                severity_number=SeverityNumber.WARN,
                severity_text="WARN",
                body={"fields": [{"name": "age", "mean": None}], "raw": b"\x00\xff"},
                attributes={"window": 60, "nested": {"deep": [1, "two", None]}},
                event_name="inferspan.data.profile",
            )
        )
    span.end(1_500_000_000)
    latency.record(2.0)
    latency.record(4.0)
    meter.create_counter("calls", "{call}", "Calls.").add(3, {"model": "resnet50"})
    score = meter.create_histogram("score")
    for value in (0.0, 2.0, 4.0):
        score.record(value)

    for provider in (traces, metrics, logs):
        provider.shutdown()


def _listening(pid: int) -> set[str]:
    """Addresses that a process listens on."""
    inodes: set[str] = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        # The connection of the last health check may be closing just now.
        with suppress(FileNotFoundError):
            inodes.add(os.readlink(descriptor).removeprefix("socket:[").removesuffix("]"))
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and fields[9] in inodes:
                octets = bytes.fromhex(address)[::-1]
                host = socket.inet_ntoa(octets) if table == "tcp" else address
                found.add(f"{host}:{int(port, 16)}")
    return found
