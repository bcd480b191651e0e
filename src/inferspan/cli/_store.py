# SPDX-License-Identifier: Apache-2.0
"""What arrived, added up by model, and bounded."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_DELTA,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from inferspan.cli._counting import ModelCounts
from inferspan.cli._durations import HistogramPoint, explicit_buckets, exponential_buckets
from inferspan.cli._reading import Attributes, read_attributes, read_profile, text
from inferspan.cli._summary import Failure, ModelKey, Snapshot
from inferspan.semconv import attributes as names
from inferspan.semconv import events, metrics
from inferspan.semconv.attributes import OperationName

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

    from inferspan.cli._receiver import Export

_SERVICE_NAME = "service.name"

_MAX_MODELS = 200
_MAX_STREAMS = 4096
_MAX_FAILURES = 20
_MAX_SCOPES = 50

# Read of every span; the data profile, which costs more than the rest, only of the last one of each model.
_COMMON = frozenset(
    {
        names.INFERSPAN_OPERATION_NAME,
        names.INFERSPAN_SYSTEM_NAME,
        names.INFERSPAN_MODEL_NAME,
        names.INFERSPAN_MODEL_VERSION,
        names.INFERSPAN_EXECUTION_DEVICE,
        names.INFERSPAN_ANOMALIES,
        names.ERROR_TYPE,
    }
)

#: What inferspan counts of itself, each metric with the attributes that tell its counts apart.
_SELF_LABELS = {
    metrics.INFERSPAN_SELF_DROPPED: (names.INFERSPAN_SELF_DROP_REASON,),
    metrics.INFERSPAN_SELF_FAULTS: (names.INFERSPAN_SELF_COMPONENT,),
    metrics.INFERSPAN_SELF_SKIPPED: (names.INFERSPAN_SYSTEM_NAME, names.INFERSPAN_SELF_SKIP_REASON),
}


class Store:
    """Takes exports from any thread; gives snapshots.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._models: dict[ModelKey, ModelCounts] = {}
        self._streams = 0
        self._beyond_limit = 0
        self._failures: OrderedDict[bytes, Failure] = OrderedDict()
        self._other_scopes: dict[str, None] = {}
        #: By metric and labels; then by process, or together where the counters are not cumulative.
        self._self_counts: dict[tuple[str, tuple[str, ...]], dict[bytes, int]] = {}

    def add(self, request: Export) -> None:
        """Adds what one request holds."""
        with self._lock:
            if isinstance(request, ExportTraceServiceRequest):
                self._add_traces(request)
            elif isinstance(request, ExportMetricsServiceRequest):
                self._add_metrics(request)
            else:
                self._add_logs(request)

    def snapshot(self, *, final: bool = False) -> Snapshot:
        """The state now.

        Args:
            final: nothing more will come. Rates are then over all the time that a model was in use, and the
                histogram is believed as soon as it has counted more inferences than there are spans; before,
                it may just be ahead of them.
        """
        with self._lock:
            now = self._clock()
            summaries = [model.summary(now, final=final) for model in self._models.values()]
            return Snapshot(
                models=tuple(summary for summary in summaries if summary.count),
                failures=tuple(self._failures.values()),
                beyond_limit=self._beyond_limit,
                other_scopes=tuple(self._other_scopes),
                dropped=tuple((*label, n) for label, n in self._self_totals(metrics.INFERSPAN_SELF_DROPPED)),
                faults=tuple((*label, n) for label, n in self._self_totals(metrics.INFERSPAN_SELF_FAULTS)),
                skipped=dict(self._self_totals(metrics.INFERSPAN_SELF_SKIPPED)),
            )

    def _add_traces(self, request: ExportTraceServiceRequest) -> None:
        last: dict[ModelCounts, Span] = {}
        for resource_spans in request.resource_spans:
            service = text(read_attributes(resource_spans.resource.attributes), _SERVICE_NAME)
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    attributes = read_attributes(span.attributes, only=_COMMON)
                    if text(attributes, names.INFERSPAN_OPERATION_NAME) == OperationName.LOAD:
                        continue
                    if names.INFERSPAN_MODEL_NAME not in attributes:
                        self._note_scope(scope_spans.scope.name)
                        continue
                    model = self._model(service, attributes, client=span.kind == Span.SPAN_KIND_CLIENT)
                    if model is None:
                        self._beyond_limit += 1
                        continue
                    self._add_span(model, span, attributes)
                    last[model] = span
        for model, span in last.items():
            _keep_profile(model, read_attributes(span.attributes))

    def _add_span(self, model: ModelCounts, span: Span, attributes: Attributes) -> None:
        error_type = text(attributes, names.ERROR_TYPE)
        model.add_span(
            start=span.start_time_unix_nano / 1e9,
            end=span.end_time_unix_nano / 1e9,
            # Subtracted as integers: as floats, what is below a microsecond would be lost.
            duration=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
            failed=bool(error_type),
        )
        model.device = text(attributes, names.INFERSPAN_EXECUTION_DEVICE) or model.device
        _keep_anomalies(model, attributes)
        if error_type:
            self._keep_failure(
                span.trace_id + span.span_id,
                Failure(
                    at=span.end_time_unix_nano / 1e9,
                    model=model.key.name,
                    error_type=error_type,
                    # A failure without a message has its type there.
                    message="" if span.status.message == error_type else span.status.message,
                    trace_id=span.trace_id.hex(),
                ),
            )

    def _add_metrics(self, request: ExportMetricsServiceRequest) -> None:
        for resource_metrics in request.resource_metrics:
            service = text(read_attributes(resource_metrics.resource.attributes), _SERVICE_NAME)
            # service.instance.id or process.pid is in the resource: it tells processes apart.
            process = resource_metrics.resource.SerializeToString(deterministic=True)
            for scope_metrics in resource_metrics.scope_metrics:
                for metric in scope_metrics.metrics:
                    if metric.name == metrics.INFERSPAN_INFERENCE_DURATION:
                        self._add_durations(service, process, metric, client=False)
                    elif metric.name == metrics.INFERSPAN_CLIENT_INFERENCE_DURATION:
                        self._add_durations(service, process, metric, client=True)
                    elif metric.name in _SELF_LABELS:
                        self._add_self_counts(process, metric)
                    else:
                        self._note_scope(scope_metrics.scope.name)

    def _add_durations(self, service: str, process: bytes, metric: Metric, *, client: bool) -> None:
        histogram = metric.histogram if metric.HasField("histogram") else metric.exponential_histogram
        delta = histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA
        for point in histogram.data_points:
            attributes = read_attributes(point.attributes)
            model = self._model(service, attributes, client=client)
            if model is None:
                # Counted by their spans, or not at all: this only says how many have no row.
                continue
            read = _read_point(point, failed=bool(text(attributes, names.ERROR_TYPE)))
            start, end = point.start_time_unix_nano / 1e9, point.time_unix_nano / 1e9
            if delta:
                model.add_delta(read, start=start, end=end)
                continue
            known = model.streams
            stream = b"%d %r %s" % (point.start_time_unix_nano, sorted(map(str, attributes.items())), process)
            model.add_cumulative(stream, read, start=start, end=end)
            self._streams += model.streams - known
            if self._streams > _MAX_STREAMS and model.streams > 1:
                model.forget_stream()
                self._streams -= 1

    def _add_self_counts(self, process: bytes, metric: Metric) -> None:
        for point in metric.sum.data_points:
            attributes = read_attributes(point.attributes)
            labels = tuple(text(attributes, label) for label in _SELF_LABELS[metric.name])
            counts = self._self_counts.setdefault((metric.name, labels), {})
            if metric.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA:
                counts[b""] = counts.get(b"", 0) + point.as_int
            elif process in counts or len(counts) < _MAX_STREAMS:
                counts[process] = point.as_int

    def _self_totals(self, metric: str) -> tuple[tuple[Any, int], ...]:
        totals = (
            (labels, sum(counts.values())) for (name, labels), counts in self._self_counts.items() if name == metric
        )
        return tuple((labels, count) for labels, count in totals if count)

    def _add_logs(self, request: ExportLogsServiceRequest) -> None:
        for resource_logs in request.resource_logs:
            service = text(read_attributes(resource_logs.resource.attributes), _SERVICE_NAME)
            for scope_logs in resource_logs.scope_logs:
                for record in scope_logs.log_records:
                    if record.event_name in (
                        events.INFERSPAN_INFERENCE_EXCEPTION,
                        events.INFERSPAN_INFERENCE_ANOMALY,
                    ):
                        self._add_event(service, record)
                    else:
                        self._note_scope(scope_logs.scope.name)

    def _add_event(self, service: str, record: LogRecord) -> None:
        attributes = read_attributes(record.attributes)
        if record.event_name == events.INFERSPAN_INFERENCE_ANOMALY:
            client = names.INFERSPAN_API_NAME in attributes or names.SERVER_ADDRESS in attributes
            model = self._model(service, attributes, client=client)
            if model is not None:
                _keep_anomalies(model, attributes)
                _keep_profile(model, attributes)
        error_type = text(attributes, names.ERROR_TYPE) or text(attributes, names.EXCEPTION_TYPE)
        if error_type:
            at = record.time_unix_nano or record.observed_time_unix_nano
            self._keep_failure(
                (record.trace_id + record.span_id) or b"%d" % at,
                Failure(
                    at=at / 1e9,
                    model=text(attributes, names.INFERSPAN_MODEL_NAME),
                    error_type=error_type,
                    message=text(attributes, names.EXCEPTION_MESSAGE),
                    trace_id=record.trace_id.hex(),
                ),
            )

    def _model(self, service: str, attributes: Attributes, *, client: bool) -> ModelCounts | None:
        key = ModelKey(
            service=service,
            operation=text(attributes, names.INFERSPAN_OPERATION_NAME),
            name=text(attributes, names.INFERSPAN_MODEL_NAME),
            version=text(attributes, names.INFERSPAN_MODEL_VERSION),
            system=text(attributes, names.INFERSPAN_SYSTEM_NAME),
            client=client,
        )
        if key not in self._models and len(self._models) < _MAX_MODELS:
            self._models[key] = ModelCounts(key)
        return self._models.get(key)

    def _keep_failure(self, identity: bytes, failure: Failure) -> None:
        # A sampled failure is told twice, by its span and by its exception event, in any order.
        known = self._failures.get(identity)
        if known is not None:
            failure = replace(known, model=known.model or failure.model, message=known.message or failure.message)
        self._failures[identity] = failure
        if len(self._failures) > _MAX_FAILURES:
            self._failures.popitem(last=False)

    def _note_scope(self, scope: str) -> None:
        if scope and not scope.startswith("inferspan") and len(self._other_scopes) < _MAX_SCOPES:
            self._other_scopes[scope] = None


def _keep_profile(model: ModelCounts, attributes: Attributes) -> None:
    model.input = read_profile(attributes, names.INPUT) or model.input
    model.output = read_profile(attributes, names.OUTPUT) or model.output


def _keep_anomalies(model: ModelCounts, attributes: Attributes) -> None:
    found: Any = attributes.get(names.INFERSPAN_ANOMALIES)
    if found:
        model.anomalies = tuple(map(str, found))
        model.anomalous += 1


def _read_point(point: HistogramDataPoint | ExponentialHistogramDataPoint, *, failed: bool) -> HistogramPoint:
    if isinstance(point, HistogramDataPoint):
        buckets = explicit_buckets(point.explicit_bounds, point.bucket_counts)
    else:
        buckets = exponential_buckets(
            point.scale, point.positive.offset, point.positive.bucket_counts, point.zero_count
        )
    return HistogramPoint(
        count=point.count,
        failed=failed,
        buckets=buckets,
        minimum=point.min if point.HasField("min") else None,
        maximum=point.max if point.HasField("max") else None,
    )
