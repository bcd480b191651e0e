# SPDX-License-Identifier: Apache-2.0
"""Whether the endpoint takes a span: one is sent with the exporter that the launcher would choose."""

from __future__ import annotations

import logging
import re
import socket
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from inferspan.text import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Longest time that the exporter tries, and that a connection may take, in seconds.
_EXPORT_SECONDS, _CONNECT_SECONDS = 5, 2
_GROUP = "opentelemetry_traces_exporter"
_SPAN_NAME = "inferspan doctor"
#: What opentelemetry-distro sets where the user has not.
_DEFAULT_PROTOCOL = "grpc"
_BY_PROTOCOL = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http", "http/json": "otlp_json_http"}
_DEFAULT_PORTS = {"https": 443, "http": 80}

_STATUS = re.compile(r"\bcode: (\d{3})\b")
_TLS = re.compile(r"\bSSL|\bTLS|certificate", re.IGNORECASE)
_TIMEOUT = re.compile(r"timed? ?out", re.IGNORECASE)

_WHERE = "Set OTEL_EXPORTER_OTLP_ENDPOINT to where a Collector or a backend listens, or start one there."


@dataclass(frozen=True)
class Answer:
    """What came of it.

    Attributes:
        exporter: what was asked, an address where there is one.
        said: what came back.
        accepted: whether the span was taken.
        advice: what is wrong and what to do, where it was not.
    """

    exporter: str
    said: str
    accepted: bool = False
    advice: str = ""


def send_test_span(environ: Mapping[str, str]) -> Answer:
    """Sends one span, with the variables of the environment in force.

    Args:
        environ: variables that choose the exporter.
    """
    chosen = [name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "otlp").split(",") if name.strip()]
    if not chosen or chosen == ["none"]:
        said = "no exporter: OTEL_TRACES_EXPORTER=none"
        return Answer("none", said, advice="OTEL_TRACES_EXPORTER=none keeps spans from leaving. Unset it.")
    if "otlp" not in chosen and not any(name.startswith("otlp") for name in chosen):
        return Answer(", ".join(chosen), "not OTLP: nothing was sent", accepted=True)
    name = next(name for name in chosen if name.startswith("otlp"))
    protocol = (
        environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or _DEFAULT_PROTOCOL
    )
    if name == "otlp":
        name = _BY_PROTOCOL.get(protocol, f"otlp over {protocol}")
    found = list(metadata.entry_points(group=_GROUP, name=name))
    if not found:
        return Answer(name, "not installed", advice=_no_exporter(name, protocol, environ))
    logged = _Logged()
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(logged)
    propagates, logger.propagate = logger.propagate, False
    address = name
    try:
        exporter = found[0].load()(timeout=_EXPORT_SECONDS)
        address = str(getattr(exporter, "_endpoint", name))
        accepted = _export(exporter)
    except Exception as error:
        accepted = False
        logged.messages.append(f"{type(error).__name__}: {error}")
    finally:
        logger.removeHandler(logged)
        logger.propagate = propagates
    shown = without_secrets(address)
    if accepted:
        return Answer(shown, "a test span was accepted", accepted=True)
    said, advice = _why_not(address, logged.messages)
    return Answer(shown, said, advice=f"{shown}: {said}. {advice}")


def _export(exporter: Any) -> bool:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    # A provider of its own makes the span, whatever the sampler; the exporter is asked directly, for its answer.
    kept = InMemorySpanExporter()
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    provider.get_tracer("inferspan").start_span(_SPAN_NAME).end()
    try:
        return exporter.export(kept.get_finished_spans()) is SpanExportResult.SUCCESS
    finally:
        exporter.shutdown()
        provider.shutdown()


class _Logged(logging.Handler):
    """Keeps what exporters log, which is all that they say."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _why_not(address: str, messages: list[str]) -> tuple[str, str]:
    """Returns what came back and what to do: from what the exporter has logged, and one connection of our own."""
    text = " ".join(messages)
    status = _STATUS.search(text)
    if status is not None:
        return f"HTTP status {status[1]}", _of_status(int(status[1]))
    failed = _connection_failure(address)
    if failed is not None:
        return failed, _WHERE
    tls = next((message for message in messages if _TLS.search(message)), None)
    if tls is not None:
        advice = "Set OTEL_EXPORTER_OTLP_CERTIFICATE to the certificate of the authority that signed the server's"
        return "TLS failed", f"{advice}, or write http:// where it speaks no TLS. The exporter says: {tls}"
    if _TIMEOUT.search(text):
        return f"no answer within {_EXPORT_SECONDS} s", "Something listens there that does not answer OTLP. " + _WHERE
    last = messages[-1] if messages else "nothing"
    return "the export failed", f"The exporter says: {last}"


def _of_status(status: int) -> str:
    if status == 404:
        return (
            "The path is another one there: OTEL_EXPORTER_OTLP_ENDPOINT gets /v1/traces appended, and "
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is taken as it is."
        )
    if status in (401, 403):
        return "It wants a key: set OTEL_EXPORTER_OTLP_HEADERS as its documentation says."
    if status in (400, 415):
        return "It does not take this protocol: look at OTEL_EXPORTER_OTLP_PROTOCOL."
    return "The server's own log says more."


def _connection_failure(address: str) -> str | None:
    """Says why no connection can be made, which exporters say in many ways; ``None`` where one can."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        host, port = parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme, 4317)
    except ValueError:
        return "that is no address"
    if not host:
        return "that is no address"
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except socket.gaierror:
        return f"the host {host} is not known"
    except ConnectionRefusedError:
        return f"connection refused: nothing listens on port {port} of {host}"
    except TimeoutError:
        return f"no connection to port {port} of {host} within {_CONNECT_SECONDS} s"
    except OSError as error:
        return f"no connection: {error.strerror or error}"
    return None


def _no_exporter(name: str, protocol: str, environ: Mapping[str, str]) -> str:
    if name == "otlp_proto_grpc":
        variables = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        why = (
            "asks for"
            if any(environ.get(name) for name in variables)
            else "is not set, and opentelemetry-distro then takes"
        )
        return (
            f"OTEL_EXPORTER_OTLP_PROTOCOL {why} grpc, whose exporter is not installed. Set it to http/protobuf, or:\n"
            "  pip install opentelemetry-exporter-otlp-proto-grpc"
        )
    if name == "otlp_proto_http":
        return "The exporter for http/protobuf is not installed:\n  pip install 'inferspan[otlp]'"
    return f"No exporter called {name} is installed (protocol {protocol}): look at OTEL_TRACES_EXPORTER."
