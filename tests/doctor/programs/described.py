# SPDX-License-Identifier: Apache-2.0
"""Describes calls to inferspan of which none makes a span, for one reason that the argument says."""

import atexit
import os
import sys
import threading
from contextlib import suppress

from opentelemetry import metrics, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation

import inferspan


@inferspan.inference("digits")
def infer() -> None:
    """Needs no library."""


def suppressed() -> None:
    with suppress_instrumentation():
        infer()
        infer()


def nested() -> None:
    with inferspan.inference("digits"):
        infer()
        infer()


def gen_ai() -> None:
    with trace.get_tracer("app").start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
        infer()
        infer()


def disabled() -> None:
    infer()
    infer()


def switched_off() -> None:
    inferspan.configure(enabled=False)
    infer()
    infer()


def no_provider() -> None:
    """Sets up metrics once it has called its model: they say what was before."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    infer()
    infer()
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))


def exiting() -> None:
    """A thread that nobody waits for calls the model while the process ends."""
    ending, called = threading.Event(), threading.Event()

    def background() -> None:
        ending.wait()
        infer()
        infer()
        called.set()

    def at_exit() -> None:
        ending.set()
        called.wait(30)

    # Hooks run last in, first out: this one after inferspan's, which is registered at the first call.
    atexit.register(at_exit)
    infer()
    threading.Thread(target=background, daemon=True).start()


def own_sdk() -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    trace.set_tracer_provider(provider)
    infer()


def recorded() -> None:
    infer()
    with suppress(ZeroDivisionError), inferspan.inference("other", version="2"):
        print(1 // 0)
    print("to standard output")
    sys.exit(3)


def another_version() -> None:
    """A library as inferspan does not know it."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "another_onnxruntime"))
    import onnxruntime  # noqa: F401


globals()[sys.argv[1]]()
