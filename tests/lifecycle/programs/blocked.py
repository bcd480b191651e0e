# SPDX-License-Identifier: Apache-2.0
"""Infers, forks and flushes while the exporter of spans is blocked."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Sequence

import exporting
import numpy as np
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult

import inferspan
from inferspan.recording import gate, worker

parser = argparse.ArgumentParser()
parser.add_argument("--processor", choices=["batch", "simple"])
options = parser.parse_args()
gate.PATIENCE = worker.PATIENCE = 0.5

released = threading.Event()
blocked = threading.Event()


class Blocked(SpanExporter):
    """Blocks, until it is released."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        blocked.set()
        released.wait()
        return SpanExportResult.SUCCESS


provider = TracerProvider()
provider.add_span_processor(
    SimpleSpanProcessor(Blocked())
    if options.processor == "simple"
    else BatchSpanProcessor(Blocked(), schedule_delay_millis=1)
)
trace.set_tracer_provider(provider)
exporting.set_up(traces=False)

X = np.linspace(0, 1, 12)


def infer(count: int) -> None:
    for _ in range(count):
        with inferspan.inference("model") as call:
            call.inputs(X)


def timed(what: str, since: float) -> None:
    exporting.write({"what": what, "seconds": time.monotonic() - since})


infer(1)
blocked.wait()
start = time.monotonic()
infer(200)
timed("200 requests", start)

start = time.monotonic()
pid = os.fork()
if pid == 0:
    start = time.monotonic()
    released = threading.Event()
    released.set()
    infer(1)
    provider.force_flush()
    timed("in the child", start)
    os._exit(0)
timed("fork", start)
os.waitpid(pid, 0)

start = time.monotonic()
metrics.get_meter_provider().force_flush()
timed("flush", start)
released.set()
