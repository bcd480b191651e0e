# SPDX-License-Identifier: Apache-2.0
"""Infers, and leaves in ways that look like an end and are none, or that have nothing to export, or nowhere to."""

from __future__ import annotations

import argparse
import inspect
import os
import signal
import sys
import threading
import time

import inferspan
from inferspan.recording import exits

parser = argparse.ArgumentParser()
parser.add_argument("case", choices=["handled", "ignored", "children", "blocked", "interrupted", "no provider"])
case = parser.parse_args().case


def infer(model: str) -> None:
    with inferspan.inference(model):
        pass


def child(status: int, *, infers: bool) -> int:
    """Returns the status of a child that leaves by itself."""
    pid = os.fork()
    if pid == 0:
        if infers:
            infer("child")
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if case == "no provider":
    infer("nobody")
    assert inspect.isbuiltin(os._exit)
    assert inspect.isbuiltin(signal.raise_signal)
    sys.exit(0)

import exporting  # noqa: E402


class Blocked(exporting.SpanFile):
    def export(self, spans: object) -> exporting.SpanExportResult:
        threading.Event().wait()
        return exporting.SpanExportResult.SUCCESS


blocked = case in ("blocked", "interrupted")
exporting.set_up(counting=False, measures=not blocked, exporter=Blocked() if blocked else None)
infer("first")
caught: list[int] = []
match case:
    case "handled":
        signal.signal(signal.SIGTERM, lambda number, _frame: caught.append(number))
        signal.raise_signal(signal.SIGTERM)
        assert caught == [signal.SIGTERM]
        os.kill(os.getpid(), signal.SIGKILL)
    case "ignored":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.raise_signal(signal.SIGTERM)
        infer("second")
    case "children":
        assert child(5, infers=False) == 5
        assert child(6, infers=True) == 6
    case "blocked":
        exits.PATIENCE = 0.2
        os._exit(7)
    case "interrupted":
        # A second Ctrl-C, while the first one's export takes its time.
        main = threading.get_ident()
        threading.Thread(
            target=lambda: (time.sleep(0.3), signal.pthread_kill(main, signal.SIGINT)), daemon=True
        ).start()
        os._exit(8)
