# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON, as the Collector's file exporter writes it, as plain Python values.

Follows https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: identifiers are hexadecimal, 64-bit
integers are strings, enumerations are numbers, and a field with its default value may be absent.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json = dict[str, Any]

_SPAN_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUS_CODES = ("unset", "ok", "error")
_TEMPORALITIES = ("unspecified", "delta", "cumulative")
_METRIC_TYPES = {
    "gauge": "gauge",
    "sum": "sum",
    "histogram": "histogram",
    "exponentialHistogram": "exponential_histogram",
    "summary": "summary",
}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The instrumentation scope that a span, a point or a record came from."""

    name: str
    version: str
    schema_url: str
    attributes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened during a span."""

    name: str
    time_ns: int
    attributes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Link:
    """A span's reference to another one."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Span:
    """One span, with the resource and the scope it was sent under."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_span_id: str | None
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    status: str
    status_message: str
    resource: dict[str, Any]
    scope: Scope


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """One side of an exponential histogram."""

    offset: int
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Exemplar:
    """One measurement that stands for the others of its point."""

    value: int | float | None
    time_ns: int
    trace_id: str | None
    span_id: str | None
    attributes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Point:
    """One data point of a metric, with what the metric, its scope and its resource say about it.

    ``value`` is that of a gauge or a sum; ``count`` and what follows are those of a histogram, exponential
    histogram or summary. Whatever the point's type does not have is None.
    """

    name: str
    description: str
    unit: str
    type: str
    monotonic: bool | None
    temporality: str | None
    attributes: dict[str, Any]
    start_ns: int
    time_ns: int
    value: int | float | None
    count: int | None
    sum: float | None
    minimum: float | None
    maximum: float | None
    bounds: tuple[float, ...] | None
    bucket_counts: tuple[int, ...] | None
    scale: int | None
    zero_count: int | None
    zero_threshold: float | None
    positive: Buckets | None
    negative: Buckets | None
    quantiles: dict[float, float] | None
    exemplars: tuple[Exemplar, ...]
    resource: dict[str, Any]
    scope: Scope


@dataclass(frozen=True, kw_only=True)
class LogRecord:
    """One log record or event, with the resource and the scope it was sent under."""

    event_name: str
    body: Any
    attributes: dict[str, Any]
    severity: int
    severity_text: str
    time_ns: int
    observed_ns: int
    trace_id: str | None
    span_id: str | None
    resource: dict[str, Any]
    scope: Scope


def spans(request: Mapping[str, Any]) -> Iterator[Span]:
    """Spans of one ``ExportTraceServiceRequest``; nothing for a request with other signals."""
    for resource, scope, span in _items(request, "resourceSpans", "scopeSpans", "spans"):
        status = span.get("status", {})
        yield Span(
            name=span.get("name", ""),
            kind=_SPAN_KINDS[int(span.get("kind", 0))],
            trace_id=span["traceId"],
            span_id=span["spanId"],
            parent_span_id=span.get("parentSpanId") or None,
            start_ns=int(span.get("startTimeUnixNano", 0)),
            end_ns=int(span.get("endTimeUnixNano", 0)),
            attributes=_attributes(span),
            events=tuple(
                Event(
                    name=event.get("name", ""),
                    time_ns=int(event.get("timeUnixNano", 0)),
                    attributes=_attributes(event),
                )
                for event in span.get("events", ())
            ),
            links=tuple(
                Link(trace_id=link["traceId"], span_id=link["spanId"], attributes=_attributes(link))
                for link in span.get("links", ())
            ),
            status=_STATUS_CODES[int(status.get("code", 0))],
            status_message=status.get("message", ""),
            resource=resource,
            scope=scope,
        )


def points(request: Mapping[str, Any]) -> Iterator[Point]:
    """Data points of one ``ExportMetricsServiceRequest``; nothing for a request with other signals."""
    for resource, scope, metric in _items(request, "resourceMetrics", "scopeMetrics", "metrics"):
        for key, type_ in _METRIC_TYPES.items():
            data: Json = metric.get(key, {})
            temporality = data.get("aggregationTemporality")
            for point in data.get("dataPoints", ()):
                yield Point(
                    name=metric.get("name", ""),
                    description=metric.get("description", ""),
                    unit=metric.get("unit", ""),
                    type=type_,
                    monotonic=data.get("isMonotonic", False) if type_ == "sum" else None,
                    temporality=None if temporality is None else _TEMPORALITIES[int(temporality)],
                    attributes=_attributes(point),
                    start_ns=int(point.get("startTimeUnixNano", 0)),
                    time_ns=int(point.get("timeUnixNano", 0)),
                    value=_number(point),
                    resource=resource,
                    scope=scope,
                    exemplars=tuple(_exemplar(exemplar) for exemplar in point.get("exemplars", ())),
                    **_distribution(type_, point),
                )


def log_records(request: Mapping[str, Any]) -> Iterator[LogRecord]:
    """Records of one ``ExportLogsServiceRequest``; nothing for a request with other signals."""
    for resource, scope, record in _items(request, "resourceLogs", "scopeLogs", "logRecords"):
        yield LogRecord(
            event_name=record.get("eventName", ""),
            body=value(record.get("body", {})),
            attributes=_attributes(record),
            severity=record.get("severityNumber", 0),
            severity_text=record.get("severityText", ""),
            time_ns=int(record.get("timeUnixNano", 0)),
            observed_ns=int(record.get("observedTimeUnixNano", 0)),
            trace_id=record.get("traceId") or None,
            span_id=record.get("spanId") or None,
            resource=resource,
            scope=scope,
        )


def value(encoded: Mapping[str, Any]) -> Any:
    """An ``AnyValue`` as Python's own type: arrays are lists, key-value lists dicts, an empty value None.

    Raises:
        ValueError: If the value is of a kind that OTLP does not have.
    """
    if not encoded:
        return None
    ((kind, content),) = encoded.items()
    match kind:
        case "stringValue" | "boolValue":
            return content
        case "intValue":
            return int(content)
        case "doubleValue":
            # NaN and the infinities come as strings.
            return float(content)
        case "bytesValue":
            return base64.b64decode(content)
        case "arrayValue":
            return [value(element) for element in content.get("values", ())]
        case "kvlistValue":
            return _key_values(content.get("values", ()))
        case _:
            raise ValueError(f"OTLP has no {kind}")


def _items(
    request: Mapping[str, Any], by_resource: str, by_scope: str, items: str
) -> Iterator[tuple[dict[str, Any], Scope, Json]]:
    """Every item of a request beside its resource's attributes and its scope."""
    for resource_group in request.get(by_resource, ()):
        resource = _attributes(resource_group.get("resource", {}))
        for scope_group in resource_group.get(by_scope, ()):
            scope = scope_group.get("scope", {})
            decoded = Scope(
                name=scope.get("name", ""),
                version=scope.get("version", ""),
                schema_url=scope_group.get("schemaUrl", ""),
                attributes=_attributes(scope),
            )
            for item in scope_group.get(items, ()):
                yield resource, decoded, item


def _distribution(type_: str, point: Json) -> Json:
    """The fields of a point that only some types have."""
    is_explicit = type_ == "histogram"
    is_exponential = type_ == "exponential_histogram"
    return {
        "count": int(point.get("count", 0)) if is_explicit or is_exponential or type_ == "summary" else None,
        "sum": _optional_float(point.get("sum")),
        "minimum": _optional_float(point.get("min")),
        "maximum": _optional_float(point.get("max")),
        "bounds": tuple(float(bound) for bound in point.get("explicitBounds", ())) if is_explicit else None,
        "bucket_counts": tuple(int(count) for count in point.get("bucketCounts", ())) if is_explicit else None,
        "scale": point.get("scale", 0) if is_exponential else None,
        "zero_count": int(point.get("zeroCount", 0)) if is_exponential else None,
        "zero_threshold": float(point.get("zeroThreshold", 0)) if is_exponential else None,
        "positive": _buckets(point.get("positive", {})) if is_exponential else None,
        "negative": _buckets(point.get("negative", {})) if is_exponential else None,
        "quantiles": {
            float(quantile.get("quantile", 0)): float(quantile.get("value", 0))
            for quantile in point.get("quantileValues", ())
        }
        if type_ == "summary"
        else None,
    }


def _buckets(encoded: Json) -> Buckets:
    counts = tuple(int(count) for count in encoded.get("bucketCounts", ()))
    return Buckets(offset=encoded.get("offset", 0), counts=counts)


def _exemplar(encoded: Json) -> Exemplar:
    return Exemplar(
        value=_number(encoded),
        time_ns=int(encoded.get("timeUnixNano", 0)),
        trace_id=encoded.get("traceId") or None,
        span_id=encoded.get("spanId") or None,
        attributes=_key_values(encoded.get("filteredAttributes", ())),
    )


def _number(encoded: Json) -> int | float | None:
    if "asInt" in encoded:
        return int(encoded["asInt"])
    return _optional_float(encoded.get("asDouble"))


def _optional_float(encoded: str | float | None) -> float | None:
    return None if encoded is None else float(encoded)


def _attributes(owner: Json) -> dict[str, Any]:
    return _key_values(owner.get("attributes", ()))


def _key_values(pairs: Any) -> dict[str, Any]:
    return {pair["key"]: value(pair.get("value", {})) for pair in pairs}
