# SPDX-License-Identifier: Apache-2.0
"""The SDK's own batching and periodic parts, exporting to a file of JSON lines instead of to a network."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

FILE = Path(os.environ["EXPORTED"])


def write(line: dict[str, Any]) -> None:
    """Appends one line, whole, from any process."""
    text = json.dumps({"pid": os.getpid(), **line}) + "\n"
    descriptor = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


class SpanFile(SpanExporter):
    """Writes spans."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            attributes = dict(span.attributes or {})
            write(
                {
                    "span": span.name,
                    "id": span.context.span_id,
                    "parent": span.parent.span_id if span.parent else None,
                    "version": attributes.get("inferspan.model.version"),
                    "error": attributes.get("error.type"),
                    "profiled": "inferspan.input.profile.counts" in attributes,
                }
            )
        return SpanExportResult.SUCCESS


class MetricFile(MetricExporter):
    """Writes each collection's sums and counts."""

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        points = [
            {
                "metric": metric.name,
                "count": point.count if hasattr(point, "count") else point.value,
                "attributes": dict(point.attributes),
            }
            for resource in metrics_data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]
        write({"points": points})
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        pass


class Counting(SpanProcessor):
    """Counts what starts, loads of models left out, and says so when it is shut down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = 0

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        with self._lock:
            self._started += span.name != "load"

    def shutdown(self) -> None:
        write({"started": self._started})


def set_up(
    *, traces: bool = True, measures: bool = True, counting: bool = True, exporter: SpanExporter | None = None
) -> None:
    """Sets the global providers, which export when they are told to."""
    if traces:
        provider = TracerProvider()
        if counting:
            provider.add_span_processor(Counting())
        provider.add_span_processor(
            BatchSpanProcessor(exporter or SpanFile(), max_queue_size=1_000_000, schedule_delay_millis=600_000)
        )
        trace.set_tracer_provider(provider)
    if measures:
        reader = PeriodicExportingMetricReader(MetricFile(), export_interval_millis=600_000)
        metrics.set_meter_provider(MeterProvider([reader]))
