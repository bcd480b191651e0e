# SPDX-License-Identifier: Apache-2.0
"""A program that infers before it sets up its providers: prints what the first collection after that has."""

import numpy as np
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

import inferspan


def infer(values: np.ndarray) -> None:
    with inferspan.inference("fraud") as call:
        call.inputs({"x": values})


infer(np.ones(100))  # nobody listens
trace.set_tracer_provider(TracerProvider())
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
infer(np.linspace(-1, 1, 20))
data = reader.get_metrics_data()
assert data is not None
for scope in data.resource_metrics[0].scope_metrics:
    for metric in scope.metrics:
        if metric.name.startswith("inferspan.field."):
            (point,) = metric.data.data_points
            print(metric.name, getattr(point, "value", None) or getattr(point, "count", 0))
