# SPDX-License-Identifier: Apache-2.0
"""A service that a Prometheus scrapes: serves on the port that is its argument until its input ends."""

import logging
import sys

import numpy as np
from opentelemetry import metrics, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import start_http_server

import inferspan

logging.basicConfig(stream=sys.stderr, format="%(name)s %(levelname)s %(message)s")
trace.set_tracer_provider(TracerProvider())
metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))
start_http_server(int(sys.argv[1]), addr="127.0.0.1")
for value in range(1, 101):
    with inferspan.inference("scorer") as call:
        call.inputs({"x": np.full((4, 2), float(value))})
sys.stdin.read()
