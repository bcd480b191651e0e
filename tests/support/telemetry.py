# SPDX-License-Identifier: Apache-2.0
"""Providers of the real SDK that keep what they get, with ids that count up."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import IdGenerator, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import OperationName


class CountingIds(IdGenerator):
    """Trace and span ids that count up from one."""

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)

    def generate_trace_id(self) -> int:
        return next(self._traces)

    def generate_span_id(self) -> int:
        return next(self._spans)


def _is_load(span: ReadableSpan) -> bool:
    return (span.attributes or {}).get(names.INFERSPAN_OPERATION_NAME) == OperationName.LOAD


class Telemetry:
    """What a test's inferences emit."""

    def __init__(self, *, sampler: Sampler | None = None) -> None:
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()
        self.reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider(sampler=sampler, id_generator=CountingIds(), shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        self._undo: list[Callable[[], None]] = []

    @property
    def providers(self) -> dict[str, Any]:
        """Keyword arguments of ``instrument()`` and of ``pipeline.recorder()``."""
        return {
            "tracer_provider": self.tracer_provider,
            "meter_provider": self.meter_provider,
            "logger_provider": self.logger_provider,
        }

    def instrument(self, instrumentor: Any) -> None:
        """Instruments on these providers, until the end of the test."""
        instrumentor.instrument(**self.providers)
        self._undo.append(instrumentor.uninstrument)

    def spans(self) -> list[ReadableSpan]:
        """Returns what has ended since the last look, loads of models left out, in the order of its ending."""
        return [span for span in self.spans_and_loads() if not _is_load(span)]

    def loads(self) -> list[ReadableSpan]:
        """Returns the loads of models that have ended since the last look."""
        return [span for span in self.spans_and_loads() if _is_load(span)]

    def spans_and_loads(self) -> list[ReadableSpan]:
        """Returns all that has ended since the last look, in the order of its ending."""
        self.tracer_provider.force_flush()
        found = list(self._spans.get_finished_spans())
        self._spans.clear()
        return found

    def collect(self) -> Any:
        """Returns all metrics, cumulative; None where there are none."""
        return self.reader.get_metrics_data()

    def points(self, metric: str) -> list[Any]:
        """Returns the data points of one metric, cumulative."""
        data = self.collect()
        if data is None:
            return []
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == metric
            for point in one.data.data_points
        ]

    def events(self) -> list[Any]:
        """Returns the log records since the last look."""
        self.logger_provider.force_flush()
        found = [data.log_record for data in self._logs.get_finished_logs()]
        self._logs.clear()
        return found

    def __enter__(self) -> Telemetry:
        return self

    def __exit__(self, *_: object) -> None:
        for undo in reversed(self._undo):
            undo()
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()
        self.logger_provider.shutdown()
