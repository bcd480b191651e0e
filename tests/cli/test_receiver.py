# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support import exports

from inferspan.cli import _receiver
from inferspan.cli._receiver import STATUS_PATH, Receiver, RefusedError, decompress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROTOBUF = {"Content-Type": "application/x-protobuf"}


class Running:
    """A receiver and what it was given."""

    def __init__(self, on_export: Callable[[Any], None] | None = None) -> None:
        self.exports: list[Any] = []
        self.reports: list[Mapping[str, Any]] = []
        self.receiver = Receiver(on_export=on_export or self.exports.append, on_status=self.reports.append)

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = PROTOBUF) -> int:
        connection = self.connect()
        try:
            connection.request("POST", path, body, dict(headers))
            return connection.getresponse().status
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.receiver.url.removeprefix("http://"), timeout=10)


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    with made.receiver:
        yield made


def test_takes_each_signal(running: Running) -> None:
    traces, metrics = exports.traces(0.001), exports.durations(1, 0, 0, 0)
    logs = exports.event("inferspan.inference.exception", {})
    assert running.post("/v1/traces", traces.SerializeToString()) == 200
    assert running.post("/v1/metrics", metrics.SerializeToString()) == 200
    assert running.post("/v1/logs", logs.SerializeToString()) == 200
    assert running.exports == [traces, metrics, logs]
    assert running.receiver.requests == {"traces": 1, "metrics": 1, "logs": 1}


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_takes_compressed_bodies(running: Running, encoding: str, compress: Any) -> None:
    body = compress(exports.traces(0.001).SerializeToString())
    assert running.post("/v1/traces", body, {**PROTOBUF, "Content-Encoding": encoding}) == 200
    assert running.exports == [exports.traces(0.001)]


def test_keeps_a_connection_open(running: Running) -> None:
    connection = running.connect()
    for _ in range(3):
        connection.request("POST", "/v1/traces", exports.traces(0.001).SerializeToString(), PROTOBUF)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        assert connection.sock is not None
    connection.close()


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v1/traces", b"\xff\xff\xff", {}, 400),
        ("/v1/traces", b"{}", {"Content-Type": "application/json"}, 415),
        ("/v1/traces", b"", {"Content-Encoding": "zstd"}, 415),
        ("/v1/traces", b"not gzip", {"Content-Encoding": "gzip"}, 400),
        ("/v1/traces", gzip.compress(b"cut short")[:-4], {"Content-Encoding": "gzip"}, 400),
        ("/v1/traces", b"", {"Content-Length": "-1"}, 400),
        ("/v1/traces", b"", {"Content-Length": "1e3"}, 400),
        ("/v1/traces", b"", {"Content-Length": str(_receiver.MAX_BODY_BYTES + 1)}, 413),
        ("/v1/profiles", b"", {}, 404),
        ("/", b"", {}, 404),
        (STATUS_PATH, b"", {"Content-Length": str(_receiver.MAX_STATUS_BYTES + 1)}, 413),
        (STATUS_PATH, b"[]", {}, 400),
        (STATUS_PATH, b"{", {}, 400),
    ],
)
def test_refuses(running: Running, path: str, body: bytes, headers: Mapping[str, str], status: int) -> None:
    assert running.post(path, body, {**PROTOBUF, **headers}) == status
    assert (running.exports, running.reports) == ([], [])
    assert running.post("/v1/traces", exports.traces(0.001).SerializeToString()) == 200


def test_refuses_a_body_without_length(running: Running) -> None:
    connection = running.connect()
    connection.putrequest("POST", "/v1/traces")
    connection.putheader("Content-Type", "application/x-protobuf")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


def test_survives_a_client_that_goes_away(running: Running) -> None:
    host, port = running.receiver.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"POST /v1/traces HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc")
    assert running.post("/v1/traces", exports.traces(0.001).SerializeToString()) == 200


def test_only_posts_are_taken(running: Running) -> None:
    connection = running.connect()
    connection.request("GET", "/v1/traces")
    assert connection.getresponse().status == 501
    connection.close()


def test_compressed_body_cannot_grow_without_bound() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    with pytest.raises(RefusedError, match="too large") as refused:
        decompress(bomb, "gzip", limit=1_000_000)
    assert refused.value.status == 413
    assert decompress(gzip.compress(bytes(1000)), "gzip", limit=1000) == bytes(1000)


def test_takes_reports(running: Running) -> None:
    assert running.post(STATUS_PATH, json.dumps({"pid": 7}).encode(), {}) == 200
    assert running.reports == [{"pid": 7}]


def test_a_fault_of_the_callback_is_kept_and_not_retried() -> None:
    def fail(_: Any) -> None:
        raise ZeroDivisionError

    running = Running(fail)
    with running.receiver:
        assert running.post("/v1/traces", b"") == 400
    assert isinstance(running.receiver.fault, ZeroDivisionError)


def test_tells_when_something_last_arrived(running: Running) -> None:
    assert running.receiver.last_arrival == 0.0
    before = time.monotonic()
    running.post("/v1/metrics", ExportMetricsServiceRequest().SerializeToString())
    assert before <= running.receiver.last_arrival <= time.monotonic()


def test_an_empty_body_is_an_empty_request(running: Running) -> None:
    assert running.post("/v1/traces", b"") == 200
    assert running.exports == [ExportTraceServiceRequest()]
