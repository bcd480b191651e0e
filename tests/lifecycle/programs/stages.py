# SPDX-License-Identifier: Apache-2.0
"""Ends, or forks, in the middle of stages and of calls."""

from __future__ import annotations

import argparse
import contextlib
import os
import threading

import exporting
from opentelemetry import metrics, trace

import inferspan

parser = argparse.ArgumentParser()
parser.add_argument("case", choices=["exit", "fork", "fork in a call"])
parser.add_argument("--traced", action="store_true")
options = parser.parse_args()

exporting.set_up(counting=False)


def request() -> contextlib.AbstractContextManager[object]:
    if not options.traced:
        return contextlib.nullcontext()
    return trace.get_tracer("app").start_as_current_span("request")


def be_stuck(begun: threading.Event) -> None:
    with request(), inferspan.stage("stuck"):
        begun.set()
        threading.Event().wait()


def exit_in_stages() -> None:
    begun = threading.Event()
    threading.Thread(target=be_stuck, args=(begun,), daemon=True).start()
    begun.wait()
    with request():
        inferspan.stage("main").__enter__()


def fork_in_a_stage() -> None:
    with request():
        with inferspan.stage("forked in"):
            pid = os.fork()
        if pid == 0:
            with inferspan.stage("of the child"):
                pass
            trace.get_tracer_provider().force_flush()
            metrics.get_meter_provider().force_flush()
            os._exit(0)
    os.waitpid(pid, 0)


def fork_in_a_call() -> None:
    with inferspan.inference("model"):
        pid = os.fork()
        exporting.write({"child": pid == 0, "id": inferspan.current_id()})
    if pid:
        os.waitpid(pid, 0)


{"exit": exit_in_stages, "fork": fork_in_a_stage, "fork in a call": fork_in_a_call}[options.case]()
