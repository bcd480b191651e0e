# SPDX-License-Identifier: Apache-2.0
"""OTLP JSON lines, as the Collector's file exporter writes them and its file receivers read them."""

from __future__ import annotations

import base64
import json
import queue
import threading
from typing import TYPE_CHECKING, Any, cast, final

from google.protobuf.json_format import MessageToDict

if TYPE_CHECKING:
    from types import TracebackType

    from google.protobuf.message import Message

# OTLP's JSON is protobuf's with two changes: enums are integers, and these are hexadecimal.
# https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
_HEXADECIMAL = frozenset({"traceId", "spanId", "parentSpanId"})

#: Requests that may wait to be written. Beyond it their exporters wait, as they would for a slow Collector.
_QUEUE_SIZE = 64


def encode_line(request: Message) -> str:
    """Encodes one export request.

    Args:
        request: an ``ExportTraceServiceRequest``, ``ExportMetricsServiceRequest`` or
            ``ExportLogsServiceRequest``.

    Returns:
        One line of JSON with ``resourceSpans``, ``resourceMetrics`` or ``resourceLogs`` at its top, without
        the line break.
    """
    encoded = MessageToDict(request, use_integers_for_enums=True)
    _write_ids_as_hexadecimal(encoded)
    return json.dumps(encoded, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _write_ids_as_hexadecimal(node: dict[str, Any] | list[Any]) -> None:
    # Nothing of the user's can be mistaken for an id: attributes are lists of {"key": …, "value": …}.
    if isinstance(node, list):
        for item in node:
            if isinstance(item, (dict, list)):
                _write_ids_as_hexadecimal(cast("dict[str, Any] | list[Any]", item))
        return
    for name, value in node.items():
        if name in _HEXADECIMAL:
            node[name] = base64.b64decode(value).hex()
        elif isinstance(value, (dict, list)):
            _write_ids_as_hexadecimal(cast("dict[str, Any] | list[Any]", value))


@final
class JsonLinesFile:
    """A file that grows by one line per export request.

    Encoding takes half a millisecond a span: a thread of its own does it, so that no exporter of the program
    waits for it.

    Args:
        path: the file; what it held before is lost.

    Raises:
        OSError: the file cannot be opened for writing.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        #: Lines written.
        self.lines = 0
        #: The first failure to write; what comes later is then not written, and the program runs on.
        self.fault: Exception | None = None
        self._file = open(path, "w", encoding="utf-8", newline="\n")  # noqa: SIM115 (the thread closes it)
        self._queue: queue.Queue[Message | None] = queue.Queue(_QUEUE_SIZE)
        self._thread = threading.Thread(target=self._write_all, name="inferspan-save", daemon=True)

    def __enter__(self) -> JsonLinesFile:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()

    def write(self, request: Message) -> None:
        """Appends one request, from any thread; it must not be changed afterwards."""
        self._queue.put(request)

    def _write_all(self) -> None:
        while (request := self._queue.get()) is not None:
            if self.fault is None:
                self._write(request)
        try:
            self._file.close()
        except OSError as failure:
            # What could not be written before cannot be now.
            self.fault = self.fault or failure

    def _write(self, request: Message) -> None:
        try:
            self._file.write(encode_line(request) + "\n")
            # Whole lines reach the file, so that it can be followed while the program runs.
            self._file.flush()
            self.lines += 1
        except Exception as failure:
            self.fault = failure
