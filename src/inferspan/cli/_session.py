# SPDX-License-Identifier: Apache-2.0
"""One run of a program, from the receiver's start to the summary."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from inferspan.cli import _view
from inferspan.cli._child import Child
from inferspan.cli._diagnosis import Evidence, diagnose
from inferspan.cli._environment import program_environment
from inferspan.cli._format import duration
from inferspan.cli._otlp_json import JsonLinesFile
from inferspan.cli._panel import Panel
from inferspan.cli._receiver import STATUS_PATH, Export, Receiver
from inferspan.cli._store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferspan.cli._summary import Snapshot

_REFRESH_SECONDS = 0.5
#: After the program, processes that it started may still send: as long as they do, but not longer than this.
_GRACE_SECONDS = 2.0
_QUIET_SECONDS = 0.2

_MAX_REPORTS = 256
#: Width of a summary that does not go to a terminal.
_PLAIN_WIDTH = 100
#: Fewest rows of a terminal that has room for a display beside the program's output.
_LEAST_ROWS = 12


class Session:
    """One run.

    Args:
        command: program and arguments.
        launcher: path of ``opentelemetry-instrument``.
        save: file for the telemetry that arrives, if wanted.
        live: whether to show something while the program runs, where that can be.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, command: Sequence[str], *, launcher: str, save: str | None, live: bool) -> None:
        self._command = command
        self._launcher = launcher
        self._saved = JsonLinesFile(save) if save is not None else None
        self._store = Store()
        self._reports: list[Mapping[str, Any]] = []
        self._receiver = Receiver(on_export=self._take, on_status=self._take_report)
        self._environment = program_environment(
            os.environ, command=command, receiver=self._receiver.url, status_path=STATUS_PATH
        )
        self._console = Console(stderr=True)
        self._panel = Panel(sys.stderr.fileno()) if live and self._can_draw() else None
        # Directories make a long line longer, and say little.
        self._title = " ".join(os.path.basename(word) or word for word in command)

    def run(self) -> int:
        """Runs the program to its end.

        Returns:
            Its exit status, negative for a signal.
        """
        started = time.monotonic()
        with ExitStack() as stack:
            if self._saved is not None:
                stack.enter_context(self._saved)
            stack.enter_context(self._receiver)
            child = Child(
                [self._launcher, *self._command],
                environment=self._environment,
                before_stop=self._clear,
            )
            try:
                while (status := child.wait(_REFRESH_SECONDS)) is None:
                    self._draw(time.monotonic() - started)
            finally:
                self._clear()
            elapsed = time.monotonic() - started
            child.release_signals()
            self._await_stragglers()
        self._summarise(status, elapsed)
        return status

    def _take(self, request: Export) -> None:
        self._store.add(request)
        if self._saved is not None:
            self._saved.write(request)

    def _take_report(self, report: Mapping[str, Any]) -> None:
        if len(self._reports) < _MAX_REPORTS:
            self._reports.append(report)

    def _await_stragglers(self) -> None:
        deadline = time.monotonic() + _GRACE_SECONDS
        while (now := time.monotonic()) < deadline and now - self._receiver.last_arrival < _QUIET_SECONDS:
            time.sleep(_QUIET_SECONDS / 4)

    def _can_draw(self) -> bool:
        return self._console.is_terminal and not self._console.is_dumb_terminal

    def _draw(self, elapsed: float) -> None:
        if self._panel is None:
            return
        size = os.get_terminal_size(sys.stderr.fileno())
        if size.lines < _LEAST_ROWS:
            self._panel.remove()
            return
        lines = _view.live(
            self._store.snapshot(),
            title=self._title,
            elapsed=elapsed,
            width=size.columns,
            height=size.lines // 2,
        )
        self._panel.draw([self._escaped(line, size.columns) for line in lines])

    def _escaped(self, line: Text, width: int) -> str:
        with self._console.capture() as capture:
            self._console.print(line, width=width, end="", no_wrap=True, overflow="ellipsis")
        return capture.get()

    def _clear(self) -> None:
        if self._panel is not None:
            self._panel.remove()

    def _summarise(self, status: int, elapsed: float) -> None:
        terminal = self._console.is_terminal
        width = self._console.width if terminal else int(os.environ.get("COLUMNS") or _PLAIN_WIDTH)
        console = self._console if terminal else Console(stderr=True, width=width)
        snapshot = self._store.snapshot(final=True)
        ended = f"ended by {signal.Signals(-status).name}" if status < 0 else f"exit {status}"
        lines = _view.summary(
            snapshot, title=self._title, ended=f"{ended} · {duration(elapsed)}", width=width
        )
        # The program's last line may not have ended.
        console.print()
        for line in lines:
            console.print(line, highlight=False)
        reasons = self._reasons(snapshot, status)
        if reasons and not snapshot.models:
            reasons[0] = f"No inference arrived. {reasons[0]}"
        for said, style in (
            *((text, "yellow") for text in reasons),
            *((text, "dim") for text in self._remarks()),
        ):
            # Commands to copy are among them: broken at spaces only.
            for line in textwrap.wrap(said, width - 2, break_long_words=False, break_on_hyphens=False):
                console.print(Text(f" {line}", style=style), soft_wrap=True)

    def _reasons(self, snapshot: Snapshot, status: int) -> list[str]:
        return diagnose(
            Evidence(
                command=self._command,
                environment=self._environment,
                status=status,
                requests=sum(self._receiver.requests.values()),
                spans=sum(model.sampled for model in snapshot.models),
                inferences=snapshot.inferences,
                other_scopes=snapshot.other_scopes,
                reports=self._reports,
            )
        )

    def _remarks(self) -> list[str]:
        remarks: list[str] = []
        if self._saved is not None:
            remarks.append(f"{self._saved.lines} lines of OTLP JSON in {self._saved.path}")
            if self._saved.fault is not None:
                remarks.append(f"not all was written: {self._saved.fault}")
        if self._receiver.fault is not None:
            remarks.append(f"some of what arrived could not be read: {self._receiver.fault!r}")
        return remarks
