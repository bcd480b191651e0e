# SPDX-License-Identifier: Apache-2.0
"""Makes a million inferences, one in ten sampled, and ten thousand short-lived models; prints memory and threads."""

from __future__ import annotations

import gc
import json
import sys
import threading

import numpy as np
import onnxruntime as ort
import psutil
import torch
from onnxruntime.datasets import get_example
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

import inferspan
import inferspan.auto

CALLS, MODELS, SESSIONS = (int(text) for text in sys.argv[1:])


class Discarding(SpanExporter):
    def export(self, spans: tuple[ReadableSpan, ...]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class Model(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


provider = TracerProvider(sampler=TraceIdRatioBased(0.1))
provider.add_span_processor(BatchSpanProcessor(Discarding()))
trace.set_tracer_provider(provider)
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
process = psutil.Process()
row = np.zeros((1, 20), np.float32)


def calls(count: int) -> None:
    for _ in range(count):
        with inferspan.inference("model") as call:
            call.inputs(row)


def models(count: int) -> None:
    x = torch.zeros(2, 20)
    with torch.no_grad():
        for _ in range(count):
            Model()(x)


def sessions(count: int) -> None:
    path = get_example("sigmoid.onnx")
    x = np.zeros((3, 4, 5), np.float32)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    for _ in range(count):
        ort.InferenceSession(path, options).run(None, {"x": x})


def measure() -> dict[str, int]:
    provider.force_flush()
    gc.collect()
    return {"memory": process.memory_info().rss, "threads": threading.active_count(), "objects": len(gc.get_objects())}


found: dict[str, object] = {}
for name, work, count in (("calls", calls, CALLS), ("models", models, MODELS), ("sessions", sessions, SESSIONS)):
    work(max(200, count // 20))
    before = measure()
    work(count)
    found[name] = {"before": before, "after": measure()}
data = reader.get_metrics_data()
found["recorded"] = sum(
    point.count
    for resource in (data.resource_metrics if data else [])
    for scope in resource.scope_metrics
    for metric in scope.metrics
    if metric.name == "inferspan.inference.duration"
    for point in metric.data.data_points
)
print(json.dumps(found))
