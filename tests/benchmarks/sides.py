# SPDX-License-Identifier: Apache-2.0
"""The two sides that are compared: OpenTelemetry by hand, and inferspan; both on the same real providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Sampler

from inferspan import pipeline
from inferspan.identity import Model
from inferspan.recording import worker
from inferspan.semconv.attributes import SystemName

Body = Callable[[], Any]

#: What *plain* sets, at least: what our span has without a data profile, and as many more as are missing.
PLAIN_ATTRIBUTES = 20
_MORE: tuple[str | int | float, ...] = ("text", 7, 0.5)


class _NoExporter(SpanExporter):
    """Takes spans and lets them go, but for the last."""

    last: ReadableSpan | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.last = spans[-1]
        return SpanExportResult.SUCCESS


class Providers:
    """A batch span processor with an exporter that does nothing, and a meter provider that is not collected.

    Args:
        sampler: of spans; by default all are.
    """

    def __init__(self, *, sampler: Sampler | None = None) -> None:
        self._exporter = _NoExporter()
        self.tracer_provider = TracerProvider(sampler, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def settle(self) -> None:
        """Returns when nothing is left to do: our queue is empty, and so is the batch processor's."""
        worker.drain()
        self.tracer_provider.force_flush()

    def points(self) -> Iterator[tuple[str, Any]]:
        """Collects metrics, and yields each point after the name of its metric."""
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        yield metric.name, point

    def last_span(self) -> ReadableSpan:
        """Returns the span that ended last."""
        self.settle()
        assert self._exporter.last is not None
        return self._exporter.last


class Plain:
    """The usual pattern: a current span, each attribute set by itself, two histograms."""

    def __init__(self, providers: Providers, *, like: ReadableSpan) -> None:
        self._tracer = providers.tracer_provider.get_tracer("benchmark")
        meter = providers.meter_provider.get_meter("benchmark")
        self._duration = meter.create_histogram("benchmark.duration", unit="s")
        self._size = meter.create_histogram("benchmark.size")
        self._name = like.name
        self.attributes = _at_least(PLAIN_ATTRIBUTES, like.attributes or {})
        self._metric_attributes = dict(list((like.attributes or {}).items())[:4])

    def call(self, body: Body) -> Any:
        """Runs a body as an inference."""
        with self._tracer.start_as_current_span(self._name) as span:
            begin = perf_counter()
            result = body()
            duration = perf_counter() - begin
            for key, value in self.attributes.items():
                span.set_attribute(key, value)
            self._duration.record(duration, self._metric_attributes)
            self._size.record(1, self._metric_attributes)
        return result


class Ours:
    """What an adapter of inferspan does, for a model that says all that an ONNX model can say of itself."""

    def __init__(self, providers: Providers, *, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        self._recorder = pipeline.recorder(
            "benchmark.inferspan",
            system=SystemName.ONNXRUNTIME,
            tracer_provider=providers.tracer_provider,
            meter_provider=providers.meter_provider,
        )
        self._model = Model(
            name="benchmark",
            version="3",
            format="onnx",
            device="cpu",
            graph_name="graph",
            execution_providers=("CPUExecutionProvider",),
        )
        self._inputs = inputs
        self._outputs = outputs

    def call(self, body: Body) -> Any:
        """Runs a body as an inference."""
        if not self._recorder.ready():
            return body()
        call = self._recorder.start(lambda: self._model, inputs=lambda: self._inputs)
        if call is None:
            return body()
        try:
            result = body()
        except BaseException as error:
            call.fail(error)
            raise
        call.succeed(lambda: self._outputs)
        return result


def bare(body: Body) -> Any:
    """Runs a body as it is."""
    return body()


def _at_least(count: int, attributes: Mapping[str, Any]) -> dict[str, Any]:
    more = {f"benchmark.attribute.{index}": _MORE[index % len(_MORE)] for index in range(count - len(attributes))}
    return {**attributes, **more}
