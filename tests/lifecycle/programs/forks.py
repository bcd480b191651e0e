# SPDX-License-Identifier: Apache-2.0
"""Forks again and again while threads infer. Each child makes one inference of its own, flushes and is gone."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time

import exporting
import numpy as np
import onnxruntime as ort
from inferspan_instrumentors.onnxruntime import OnnxRuntimeInstrumentor
from onnxruntime.datasets import get_example
from opentelemetry import context, metrics, trace

import inferspan
from inferspan.recording import drops
from inferspan.semconv.attributes import SelfDropReason

parser = argparse.ArgumentParser()
parser.add_argument("--children", type=int, default=500)
parser.add_argument("--at-once", type=int, default=4)
parser.add_argument("--pause", type=float, default=0.0)
options = parser.parse_args()
PATIENCE = 20.0
sys.setswitchinterval(0.0005)  # more places to fork at, in less time

# No processor that counts: a lock taken on the threads that infer is the program's to look after.
exporting.set_up(counting=False)
OnnxRuntimeInstrumentor().instrument()

X = np.linspace(0, 1, 12)
settings = ort.SessionOptions()
settings.intra_op_num_threads = 1
session = ort.InferenceSession(get_example("sigmoid.onnx"), settings, providers=["CPUExecutionProvider"])
feed = {"x": np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 4, 5)}
stopped = threading.Event()


def load() -> None:
    while not stopped.is_set():
        with inferspan.inference("load") as call:
            call.inputs(X)
            session.run(None, feed)
        time.sleep(options.pause)


def infer(version: str) -> None:
    # No session here: one that another thread was running at the fork blocks in the child, with or without us.
    with inferspan.inference("child", version=version) as call, inferspan.inference("inner") as inner:
        call.inputs(X)
        inner.inputs(X)


def outer(number: int) -> contextlib.AbstractContextManager[object]:
    """Every second fork happens inside an inference, some of them of the model that the child runs."""
    if number % 4 == 1:
        return inferspan.inference("outer", version=str(number))
    if number % 4 == 3:
        return inferspan.inference("child", version=str(number))
    return contextlib.nullcontext()


def fork(number: int) -> int:
    """Returns the child's process number; the child itself never returns."""
    with outer(number):
        pid = os.fork()
        if pid == 0:
            faulthandler.dump_traceback_later(PATIENCE * 0.8)
            infer(str(number))
    if pid:
        return pid
    status = 0 if context.get_current() == {} else 3
    trace.get_tracer_provider().force_flush()
    metrics.get_meter_provider().force_flush()
    os._exit(status)


def reap(children: dict[int, float], *, at_most: int) -> None:
    """Waits until no more children are left than that."""
    while len(children) > at_most:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            del children[pid]
            if status:
                sys.exit(f"child {pid} ended with {status}")
            continue
        if any(time.monotonic() - since > PATIENCE for since in children.values()):
            for one in children:
                os.kill(one, signal.SIGKILL)
            sys.exit("a child hung")
        time.sleep(0.001)


# Everything that is imported when it is first used: what another thread is importing at a fork, a child cannot import.
infer("0")
session.run(None, feed)
trace.get_tracer_provider().force_flush()

drops.count(SelfDropReason.RATE_LIMITED, 7)

threads = [threading.Thread(target=load) for _ in range(4)]
for one in threads:
    one.start()
try:
    children: dict[int, float] = {}
    for number in range(1, options.children + 1):
        children[fork(number)] = time.monotonic()
        reap(children, at_most=options.at_once - 1)
    reap(children, at_most=0)
finally:
    stopped.set()
    for one in threads:
        one.join()
trace.get_tracer_provider().force_flush()
metrics.get_meter_provider().force_flush()
print(os.getpid())
