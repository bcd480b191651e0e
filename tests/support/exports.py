# SPDX-License-Identifier: Apache-2.0
"""OTLP export requests with what inferspan emits, made by hand: for code that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from inferspan.semconv import attributes as names
from inferspan.semconv import metrics as metric_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECOND = 1_000_000_000
#: 14 November 2023, 22:13:20 UTC.
START = 1_700_000_000 * SECOND

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA


def key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def any_value(value: Any) -> AnyValue:
    if value is None:
        return AnyValue()
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))


def common(model: str = "digits", **attributes: Any) -> dict[str, Any]:
    return {
        names.INFERSPAN_OPERATION_NAME: "infer",
        names.INFERSPAN_SYSTEM_NAME: "onnxruntime",
        names.INFERSPAN_MODEL_NAME: model,
        **attributes,
    }


def traces(
    *seconds: float,
    attributes: Mapping[str, Any] | None = None,
    service: str = "app",
    client: bool = False,
    start: int = START,
    message: str = "",
    scope: str = "inferspan_instrumentors.onnxruntime",
) -> ExportTraceServiceRequest:
    """One span for each duration, one after the other."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.extend(key_values({"service.name": service}))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = scope
    for position, duration in enumerate(seconds):
        end = start + round(duration * SECOND)
        span = scope_spans.spans.add(
            trace_id=(1 + position).to_bytes(16, "big"),
            span_id=(1 + position).to_bytes(8, "big"),
            name="infer digits",
            kind=Span.SPAN_KIND_CLIENT if client else Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=start,
            end_time_unix_nano=end,
            attributes=key_values(common() if attributes is None else attributes),
        )
        span.status.message = message
        start = end
    return request


BOUNDS = (0.001, 0.01, 0.1)


def durations(
    *counts: int,
    attributes: Mapping[str, Any] | None = None,
    service: str = "app",
    process: str = "1",
    temporality: int = CUMULATIVE,
    start: int = START,
    end: int = START + SECOND,
    minimum: float | None = None,
    maximum: float | None = None,
    bounds: Sequence[float] = BOUNDS,
    client: bool = False,
) -> ExportMetricsServiceRequest:
    """One data point of the duration histogram."""
    request = ExportMetricsServiceRequest()
    metric = _metric(request, service, process)
    metric.name = (
        metric_names.INFERSPAN_CLIENT_INFERENCE_DURATION if client else metric_names.INFERSPAN_INFERENCE_DURATION
    )
    metric.histogram.aggregation_temporality = temporality  # pyright: ignore
    point = metric.histogram.data_points.add(
        attributes=key_values(common() if attributes is None else attributes),
        start_time_unix_nano=start,
        time_unix_nano=end,
        count=sum(counts),
        bucket_counts=counts,
        explicit_bounds=bounds,
    )
    if minimum is not None:
        point.min = minimum
    if maximum is not None:
        point.max = maximum
    return request


def exponential_durations(*, scale: int, offset: int, counts: Sequence[int]) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    metric = _metric(request, "app", "1")
    metric.name = metric_names.INFERSPAN_INFERENCE_DURATION
    metric.exponential_histogram.aggregation_temporality = CUMULATIVE
    point = metric.exponential_histogram.data_points.add(
        attributes=key_values(common()),
        start_time_unix_nano=START,
        time_unix_nano=START + SECOND,
        count=sum(counts),
        scale=scale,
    )
    point.positive.offset = offset
    point.positive.bucket_counts.extend(counts)
    return request


def self_count(name: str, attributes: Mapping[str, Any], value: int, *, process: str) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    metric = _metric(request, "app", process)
    metric.name = name
    metric.sum.aggregation_temporality = CUMULATIVE
    metric.sum.data_points.add(attributes=key_values(attributes), as_int=value)
    return request


def _metric(request: ExportMetricsServiceRequest, service: str, process: str) -> Any:
    resource_metrics = request.resource_metrics.add()
    resource_metrics.resource.attributes.extend(key_values({"service.name": service, "service.instance.id": process}))
    scope_metrics = resource_metrics.scope_metrics.add()
    scope_metrics.scope.name = "inferspan_instrumentors.onnxruntime"
    return scope_metrics.metrics.add()


def event(
    name: str, attributes: Mapping[str, Any], *, trace_id: int = 1, span_id: int = 1, service: str = "app"
) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    resource_logs.resource.attributes.extend(key_values({"service.name": service}))
    resource_logs.scope_logs.add().log_records.add(
        event_name=name,
        attributes=key_values(attributes),
        time_unix_nano=START,
        trace_id=trace_id.to_bytes(16, "big"),
        span_id=span_id.to_bytes(8, "big"),
    )
    return request
