# SPDX-License-Identifier: Apache-2.0
"""Infers, and ends in one of many ways."""

from __future__ import annotations

import argparse
import atexit
import itertools
import os
import signal
import sys
import threading
import time

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--calls", type=int, default=20)
parser.add_argument("--providers", default="first", choices=["first", "after import", "after a call"])
parser.add_argument("--only", choices=["traces", "metrics"])
parser.add_argument("--flush", default="", choices=["", "traces", "metrics", "shutdown", "each call"])
parser.add_argument(
    "--end", default="return", choices=["return", "exit", "raise", "kill", "_exit", "signal", "handled"]
)
parser.add_argument("--at-exit", default="", choices=["", "before calls", "after calls"])
parser.add_argument("--daemons", default="", choices=["", "busy", "stuck"])
options = parser.parse_args()

X = np.linspace(0, 1, 12)


def set_up() -> None:
    import exporting

    exporting.set_up(traces=options.only != "metrics", measures=options.only != "traces")


if options.providers == "first":
    set_up()

import inferspan.auto  # noqa: E402

if options.providers == "after import":
    set_up()

import onnxruntime as ort  # noqa: E402
from onnxruntime.datasets import get_example  # noqa: E402
from opentelemetry import metrics, trace  # noqa: E402

settings = ort.SessionOptions()
settings.intra_op_num_threads = 1
session = ort.InferenceSession(get_example("sigmoid.onnx"), settings, providers=["CPUExecutionProvider"])
feed = {"x": np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 4, 5)}


def infer() -> None:
    """Makes two inferences, one inside the other."""
    with inferspan.inference("manual") as call:
        call.inputs(X)
        session.run(None, feed)


if options.providers == "after a call":
    infer()  # nobody listens yet
    set_up()


def infer_at_exit() -> None:
    for _ in range(3):
        infer()


def be_busy(first: threading.Event) -> None:
    # No session here: a thread that is in native code when the interpreter goes ends the process by itself.
    for count in itertools.count():
        with inferspan.inference("outer") as outer, inferspan.inference("inner") as inner:
            outer.inputs(X)
            inner.inputs(X)
        if count == 3:
            first.set()


def be_stuck(first: threading.Event) -> None:
    with inferspan.inference("stuck"):
        first.set()
        time.sleep(600)


if options.at_exit == "before calls":
    atexit.register(infer_at_exit)
for _ in range(options.calls):
    infer()
    if options.flush == "each call":
        trace.get_tracer_provider().force_flush()
        metrics.get_meter_provider().force_flush()
if options.at_exit == "after calls":
    atexit.register(infer_at_exit)
for _ in range(4 if options.daemons else 0):
    begun = threading.Event()
    threading.Thread(target={"busy": be_busy, "stuck": be_stuck}[options.daemons], args=(begun,), daemon=True).start()
    begun.wait()

if options.flush in ("traces", "shutdown"):
    provider = trace.get_tracer_provider()
    provider.shutdown() if options.flush == "shutdown" else provider.force_flush()
if options.flush in ("metrics", "shutdown"):
    provider = metrics.get_meter_provider()
    provider.shutdown() if options.flush == "shutdown" else provider.force_flush()
if options.end == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if options.end == "_exit":
    os._exit(4)
if options.end == "handled":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.kill(os.getpid(), signal.SIGTERM)
if options.end == "signal":
    signal.raise_signal(signal.SIGTERM)
if options.end == "exit":
    sys.exit(3)
if options.end == "raise":
    raise ValueError("unhandled")
