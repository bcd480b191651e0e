# SPDX-License-Identifier: Apache-2.0
"""An OTLP/HTTP receiver on a loopback port, for what exporters in Python send: protobuf, perhaps compressed.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

Signal = Literal["traces", "metrics", "logs"]
Export: TypeAlias = ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest

#: Where a process of the program reports how it is instrumented; see ``_probe``.
STATUS_PATH = "/inferspan/status"

#: Largest body, before and after decompression. A batch of 512 spans with a data profile each is 3 MiB.
MAX_BODY_BYTES = 32 * 1024 * 1024
MAX_STATUS_BYTES = 64 * 1024

_REQUESTS: Mapping[str, tuple[Signal, type[Export]]] = {
    "/v1/traces": ("traces", ExportTraceServiceRequest),
    "/v1/metrics": ("metrics", ExportMetricsServiceRequest),
    "/v1/logs": ("logs", ExportLogsServiceRequest),
}


class RefusedError(Exception):
    """A request that is refused, with an HTTP status that does not make an exporter try again."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def decompress(body: bytes, encoding: str, *, limit: int = MAX_BODY_BYTES) -> bytes:
    """Undoes a ``Content-Encoding``, never growing beyond a limit.

    Args:
        body: what came over the wire.
        encoding: the header's value; empty for none.
        limit: most bytes that may come out.

    Raises:
        RefusedError: an unknown encoding, a broken stream, or one that grows beyond the limit.
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise RefusedError(415, f"Content-Encoding {encoding} is not supported")
    # 32 added to the window size: zlib tells a gzip header from a zlib one by itself.
    inflater = zlib.decompressobj(zlib.MAX_WBITS + 32)
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise RefusedError(400, f"the {encoding} body cannot be decompressed") from error
    if len(plain) > limit:
        raise RefusedError(413, "the decompressed body is too large")
    if not inflater.eof:
        raise RefusedError(400, f"the {encoding} body is cut short")
    return plain


@final
class Receiver:
    """Listens on 127.0.0.1 and hands each export to a callback.

    Args:
        on_export: called with each request, on the thread of its connection.
        on_status: called with what a process reported about itself, on the thread of its connection.
    """

    def __init__(self, *, on_export: Callable[[Export], None], on_status: Callable[[Mapping[str, Any]], None]) -> None:
        self._on_export = on_export
        self._on_status = on_status
        self._lock = threading.Lock()
        self._open_requests = 0
        self._last_arrival = 0.0
        #: Accepted requests by signal.
        self.requests: dict[Signal, int] = {"traces": 0, "metrics": 0, "logs": 0}
        #: The first thing that went wrong in a callback: kept for the end, the program must not feel it.
        self.fault: Exception | None = None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        # With the interval at which it looks for the end of the run, which has to wait for it.
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="inferspan-receiver", daemon=True
        )

    @property
    def url(self) -> str:
        """Where the receiver listens, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def last_arrival(self) -> float:
        """When the last export arrived, on the monotonic clock in seconds; now, while one is being read."""
        with self._lock:
            return time.monotonic() if self._open_requests else self._last_arrival

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def accept(self, path: str, headers: Mapping[str, str], read: Callable[[int], bytes]) -> None:
        """Takes one POST.

        Args:
            path: the request's path.
            headers: its headers, looked up without regard to case.
            read: reads that many bytes of the body.

        Raises:
            RefusedError: the request is not one that can be taken.
        """
        known = _REQUESTS.get(path)
        limit = MAX_BODY_BYTES if known else MAX_STATUS_BYTES
        if known is None and path != STATUS_PATH:
            raise RefusedError(404, "no such path")
        body = _body(headers, read, limit=limit)
        if known is None:
            self._accept_status(body)
            return
        signal, message_type = known
        content_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-protobuf":
            raise RefusedError(415, "only application/x-protobuf is supported")
        plain = decompress(body, headers.get("Content-Encoding", "").strip().lower())
        with self._lock:
            self._open_requests += 1
        try:
            request = message_type()
            request.ParseFromString(plain)
            self._on_export(request)
            with self._lock:
                self.requests[signal] += 1
        except DecodeError as error:
            raise RefusedError(400, "the body is not an OTLP message") from error
        except Exception as error:
            # A retry would fail the same way, and hold up the program's exporter.
            self.fault = self.fault or error
            raise RefusedError(400, "the message could not be handled") from error
        finally:
            with self._lock:
                self._open_requests -= 1
                self._last_arrival = time.monotonic()

    def _accept_status(self, body: bytes) -> None:
        try:
            status = json.loads(body)
        except ValueError as error:
            raise RefusedError(400, "the status is not JSON") from error
        if not isinstance(status, dict):
            raise RefusedError(400, "the status is not a JSON object")
        self._on_status(cast("dict[str, Any]", status))


def _body(headers: Mapping[str, str], read: Callable[[int], bytes], *, limit: int) -> bytes:
    length_text = headers.get("Content-Length")
    if length_text is None:
        raise RefusedError(411, "Content-Length is missing")
    if not (length_text.isascii() and length_text.isdigit()):
        raise RefusedError(400, "Content-Length is not a number")
    length = int(length_text)
    if length > limit:
        raise RefusedError(413, "the body is too large")
    body = read(length)
    if len(body) != length:
        raise RefusedError(400, "the body is cut short")
    return body


class _Server(ThreadingHTTPServer):
    receiver: Receiver
    # Dozens of workers may start at once and each opens a connection per signal.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: a process that was killed in the middle of a request is no news on its terminal."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Takes an export or a status."""
        try:
            self.server.receiver.accept(self.path, self.headers, self.rfile.read)  # pyright: ignore[reportArgumentType]
        except RefusedError as refused:
            # The rest of a refused body may still be on the wire.
            self.close_connection = True
            self._answer(refused.status, str(refused).encode(), content_type="text/plain")
        else:
            # An empty message says: all of it was accepted.
            self._answer(200, b"", content_type="application/x-protobuf")

    def _answer(self, status: int, body: bytes, *, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the terminal is the program's."""
