# SPDX-License-Identifier: Apache-2.0
"""``inferspan.show()``: what ``inferspan run`` shows at the end, inside the process and at any time."""

from __future__ import annotations

import importlib.util
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from rich.text import Text

    from inferspan.cli._store import Store

_NEEDED = ("rich", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.common")
_lock = threading.Lock()
_listener: _Listener | None = None


def show() -> None:
    """Prints a table of this process's models: inferences, failures, latency, and the data of the last inference.

    It listens from its first call on. Where the process has set up no OpenTelemetry by then, that call does, for this
    process alone: nothing leaves it. A program that sets up its own does so before.

    Raises:
        RuntimeError: rich or an OpenTelemetry package is missing, or the process's own providers cannot be listened to.
    """
    global _listener
    if not all(map(_is_installed, _NEEDED)):
        raise RuntimeError("inferspan.show() needs more packages: pip install 'inferspan[run]'")
    from rich.console import Console

    console = Console()
    with _lock:
        if _listener is None:
            _listener = _Listener()
            console.print("inferspan listens from now on: run a model, and show() again", highlight=False)
        else:
            console.print(_listener.table(console.width), highlight=False)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


class _Listener:
    """Adds up what the process's providers report."""

    def __init__(self) -> None:
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor

        from inferspan.cli._store import Store

        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(TracerProvider())
        if not isinstance(metrics.get_meter_provider(), MeterProvider):
            metrics.set_meter_provider(MeterProvider())
        tracer_provider, meter_provider = trace.get_tracer_provider(), metrics.get_meter_provider()
        if not isinstance(tracer_provider, TracerProvider) or not isinstance(meter_provider, MeterProvider):
            raise RuntimeError("inferspan.show() listens to the providers of OpenTelemetry's SDK; these are others")
        self._since = time.monotonic()
        self._store = Store()
        self._reader = InMemoryMetricReader()
        meter_provider.add_metric_reader(self._reader)
        tracer_provider.add_span_processor(SimpleSpanProcessor(_exporter(self._store)))

    def table(self, width: int) -> Text:
        """Returns the table."""
        from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
        from rich.text import Text

        from inferspan.cli import _view
        from inferspan.cli._format import duration

        # In this order: to collect has the spans finished, too, of inferences that have ended.
        data = self._reader.get_metrics_data()
        if data is not None:
            self._store.add(encode_metrics(data))
        lines = _view.summary(
            self._store.snapshot(final=True),
            title="in this process",
            ended=duration(time.monotonic() - self._since),
            width=width,
        )
        # One text: a notebook makes an output of its own of each.
        return Text("\n").join(lines)


def _exporter(store: Store) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Exporter(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            store.add(encode_spans(spans))
            return SpanExportResult.SUCCESS

    return Exporter()
