# SPDX-License-Identifier: Apache-2.0
"""Emits what inferspan emits, through the plain OpenTelemetry API."""

import argparse
import logging
import time

from opentelemetry import metrics, trace

from inferspan.semconv import attributes as names
from inferspan.semconv.metrics import create_inference_duration

parser = argparse.ArgumentParser()
parser.add_argument("--count", type=int, default=20)
parser.add_argument("--fail", type=int, default=0)
parser.add_argument("--pause", type=float, default=0.0)
parser.add_argument("--talk", action="store_true")
options = parser.parse_args()

tracer = trace.get_tracer("inferspan_instrumentors.onnxruntime")
duration = create_inference_duration(metrics.get_meter("inferspan_instrumentors.onnxruntime"))

COMMON = {
    names.INFERSPAN_OPERATION_NAME: "infer",
    names.INFERSPAN_SYSTEM_NAME: "onnxruntime",
    names.INFERSPAN_MODEL_NAME: "digits",
    names.INFERSPAN_MODEL_VERSION: "3",
}
DATA = {
    names.INFERSPAN_EXECUTION_DEVICE: "cpu",
    names.INPUT.field_count: 2,
    names.INPUT.names: ["image", "age"],
    names.INPUT.types: ["float32", "float32"],
    names.INPUT.shapes: ["1x1x28x28", "4"],
    names.INPUT.counts: [784, 4],
    names.INPUT.missing_counts: [0, 1],
    names.INPUT.infinite_counts: [0, 0],
    names.INPUT.means: [0.1307, None],
    names.INPUT.standard_deviations: [0.3081, None],
    names.INPUT.minimums: [0.0, None],
    names.INPUT.quantiles_05: [0.0, None],
    names.INPUT.quantiles_50: [0.0, None],
    names.INPUT.quantiles_95: [0.9922, None],
    names.INPUT.maximums: [1.0, None],
    names.OUTPUT.field_count: 1,
    names.OUTPUT.names: ["logits"],
    names.OUTPUT.types: ["float32"],
    names.OUTPUT.shapes: ["1x10"],
    names.OUTPUT.counts: [10],
    names.OUTPUT.missing_counts: [0],
    names.OUTPUT.infinite_counts: [0],
    names.OUTPUT.means: [-4.213],
    names.OUTPUT.standard_deviations: [5.119],
    names.OUTPUT.minimums: [-12.44],
    names.OUTPUT.quantiles_05: [-11.9],
    names.OUTPUT.quantiles_50: [-3.204],
    names.OUTPUT.quantiles_95: [3.871],
    names.OUTPUT.maximums: [7.332],
    names.INFERSPAN_ANOMALIES: ["age: 25 % missing"],
}

for call in range(options.count):
    error = {names.ERROR_TYPE: "ValueError"} if call < options.fail else {}
    started = time.perf_counter()
    with tracer.start_as_current_span("infer digits", attributes=COMMON) as span:
        time.sleep(0.001)
        seconds = time.perf_counter() - started
        if span.is_recording():
            span.set_attributes({**DATA, **error})
            if error:
                span.set_status(trace.Status(trace.StatusCode.ERROR, "could not convert string to float: '…'"))
    duration.record(seconds, {**COMMON, **error})
    time.sleep(options.pause)
    if options.talk:
        print(f"line {call}", flush=True)
        if call % 7 == 0:
            logging.getLogger().warning("a warning of the program, call %d", call)
