# SPDX-License-Identifier: Apache-2.0
"""Does what the argument says, and prints what inferspan logs meanwhile, a line each with the process's number."""

import contextlib
import logging
import os
import sys
import threading
import time

from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import inferspan

PATIENCE = 30


class Printing(logging.Handler):
    """Tells the program that inferspan has said something."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        print(os.getpid(), record.levelname, record.getMessage(), flush=True)
        self.said.set()


LOG = Printing()
logging.getLogger("inferspan").setLevel(logging.INFO)
logging.getLogger("inferspan").addHandler(LOG)


@inferspan.inference("digits", version="3")
def infer() -> None:
    """Needs no library."""


def set_up() -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    trace.set_tracer_provider(provider)


def flush() -> None:
    trace.get_tracer_provider().force_flush()  # type: ignore[attr-defined]


def works() -> None:
    set_up()
    for _ in range(3):
        infer()
    flush()


def works_in_a_fork() -> None:
    works()
    child = os.fork()
    if not child:
        infer()
        flush()
        os._exit(0)
    os.waitpid(child, 0)


def no_provider() -> None:
    infer()
    infer()
    assert LOG.said.wait(PATIENCE)


def in_a_fork() -> None:
    infer()
    child = os.fork()
    if not child:
        infer()
        os._exit(0 if LOG.said.wait(PATIENCE) else 1)
    assert LOG.said.wait(PATIENCE)
    assert os.waitpid(child, 0)[1] == 0


def most_of_all() -> None:
    """Calls are skipped for several reasons: the most frequent one that matters is told."""
    infer()
    inferspan.configure(enabled=False)
    for _ in range(9):
        infer()
    inferspan.configure(enabled=True)
    set_up()
    with suppress_instrumentation():
        infer()
        infer()
    assert LOG.said.wait(PATIENCE)


def works_later() -> None:
    infer()
    works()
    time.sleep(2.5)


def as_meant() -> None:
    """Calls that are skipped on purpose are no reason to wait for anything."""
    inferspan.configure(enabled=False)
    infer()
    inferspan.configure(enabled=True)
    set_up()
    with trace.get_tracer("app").start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
        infer()
    print(os.getpid(), [thread.name for thread in threading.enumerate()])


def ends() -> None:
    """The process does not wait for the moment at which it would be warned."""
    with contextlib.suppress(KeyError):
        infer()
    print(os.getpid(), sorted(thread.name for thread in threading.enumerate()))


globals()[sys.argv[1]]()
