# SPDX-License-Identifier: Apache-2.0
"""`inferspan doctor` without a command: what is installed and in force, and whether the endpoint takes a span."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from inferspan.cli._receiver import Receiver

from .conftest import Doctor

HTTP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


@pytest.fixture
def accepting() -> Iterator[tuple[dict[str, str], list[ExportTraceServiceRequest]]]:
    """An endpoint that takes what comes, and what has come."""
    taken: list[ExportTraceServiceRequest] = []
    with Receiver(on_export=taken.append, on_status=lambda _: None) as receiver:  # type: ignore[arg-type]
        yield {**HTTP, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}, taken


@contextmanager
def answering(status: int) -> Iterator[str]:
    """An endpoint that answers with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_all_is_well(doctor: Doctor, accepting: tuple[dict[str, str], list[ExportTraceServiceRequest]]) -> None:
    variables, taken = accepting
    report = doctor(**variables)
    assert report.status == 0, report.text
    assert report.text.startswith("inferspan doctor · Python ")
    assert sys.executable in report.text
    assert f"opentelemetry-sdk {version('opentelemetry-sdk')}" in report.section("Installed")
    assert "kernel of data profiles native" in report.section("Installed")
    assert f"torch {version('torch')}" in report.section("Libraries that are instrumented")
    assert "inferspan_torch inferspan_instrumentors.torch:" in report.section("Entry points that the launcher finds")
    assert "queue_size 2048 (default)" in report.section("Settings")
    assert "raise_faults" not in report.text
    assert report.section("Endpoint").endswith("/v1/traces a test span was accepted")
    assert report.text.endswith("\nNothing prevents telemetry.\n")
    assert "\x1b" not in report.text
    assert all(len(line) <= 100 for line in report.text.splitlines())
    (request,) = taken
    assert [span.name for span in request.resource_spans[0].scope_spans[0].spans] == ["inferspan doctor"]


def test_no_library_is_imported(
    doctor: Doctor, accepting: tuple[dict[str, str], list[ExportTraceServiceRequest]]
) -> None:
    report = doctor(**accepting[0], PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in report.log.splitlines()}
    assert "opentelemetry" in imported
    assert not imported & {"torch", "onnxruntime", "rich"}


def test_settings_and_where_they_are_from(
    doctor: Doctor, accepting: tuple[dict[str, str], list[ExportTraceServiceRequest]]
) -> None:
    report = doctor(
        **accepting[0],
        OTEL_PYTHON_INFERSPAN_QUEUE_SIZE="17",
        OTEL_PYTHON_INFERSPAN_DEFER="maybe",
        OTEL_PYTHON_INFERSPAN_QUEUE_LENGTH="17",
        OTEL_EXPORTER_OTLP_HEADERS="api-key=secret,other=secret",
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="https://user:secret@collector.example/v1/metrics?key=secret",
    )
    assert report.status == 0, report.text
    assert "queue_size 17 (environment)" in report.section("Settings")
    assert "defer True (default)" in report.section("Settings")
    remarks = report.section("Remarks")
    assert "OTEL_PYTHON_INFERSPAN_DEFER is ignored: expected true or false" in remarks
    assert "OTEL_PYTHON_INFERSPAN_QUEUE_LENGTH is set, but inferspan has no such setting." in remarks
    assert "OTEL_EXPORTER_OTLP_HEADERS api-key=…, other=…" in report.section("Environment")
    assert "https://collector.example/v1/metrics" in report.section("Environment")
    assert "secret" not in report.text + report.log


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED=true switches OpenTelemetry off"),
        ({"OTEL_PYTHON_INFERSPAN_ENABLED": "off"}, "OTEL_PYTHON_INFERSPAN_ENABLED=off switches inferspan off"),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "inferspan_torch"}, "switches off inferspan_torch"),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, "samples every trace away"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.0"}, "SAMPLER_ARG=0.0 samples every"),
        ({"OTEL_TRACES_EXPORTER": "none"}, "OTEL_TRACES_EXPORTER=none keeps spans from leaving"),
        ({"OTEL_TRACES_EXPORTER": "otlp_proto_carrier_pigeon"}, "No exporter called otlp_proto_carrier_pigeon"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL asks for grpc"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": ""}, "opentelemetry-distro then takes grpc"),
    ],
)
def test_what_prevents_telemetry(
    doctor: Doctor,
    accepting: tuple[dict[str, str], list[ExportTraceServiceRequest]],
    variables: dict[str, str],
    said: str,
) -> None:
    report = doctor(**{**accepting[0], **variables})
    assert report.status == 1
    assert said in report.section("Problems")
    assert "Nothing prevents telemetry" not in report.text


@pytest.mark.parametrize(
    ("status", "advice"),
    [(404, "gets /v1/traces appended"), (401, "OTEL_EXPORTER_OTLP_HEADERS"), (400, "OTEL_EXPORTER_OTLP_PROTOCOL")],
)
def test_an_endpoint_that_refuses(doctor: Doctor, status: int, advice: str) -> None:
    with answering(status) as url:
        report = doctor(**HTTP, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert report.status == 1
    assert report.section("Endpoint") == f"{url}/v1/traces HTTP status {status}"
    assert advice in report.section("Problems")


def test_nobody_listens(doctor: Doctor) -> None:
    port = free_port()
    report = doctor(**HTTP, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    assert report.status == 1
    assert f"connection refused: nothing listens on port {port} of 127.0.0.1" in report.section("Endpoint")


def test_no_such_host(doctor: Doctor) -> None:
    report = doctor(**HTTP, OTEL_EXPORTER_OTLP_ENDPOINT="http://collector.invalid:4318")
    assert report.status == 1
    assert "the host collector.invalid is not known" in report.section("Endpoint")


def test_no_tls_there(doctor: Doctor, accepting: tuple[dict[str, str], list[ExportTraceServiceRequest]]) -> None:
    url = accepting[0]["OTEL_EXPORTER_OTLP_ENDPOINT"].replace("http:", "https:")
    report = doctor(**HTTP, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert report.status == 1
    assert "TLS failed" in report.section("Endpoint")
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in report.section("Problems")


def test_no_answer(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        report = doctor(**HTTP, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert report.status == 1
    assert "no answer within 5 s" in report.section("Endpoint")


def test_a_program_that_is_none(doctor: Doctor) -> None:
    report = doctor("--version-of-nothing")
    assert report.status == 127
    assert report.log == "inferspan doctor: --version-of-nothing: command not found\n"
