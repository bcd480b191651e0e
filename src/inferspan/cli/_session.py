# SPDX-License-Identifier: Apache-2.0
"""One run of a program, from the receiver's start to the summary."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import Console
from rich.text import Text

from inferspan.cli import _skipped, _view
from inferspan.cli._child import Child, is_running, signal_name
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
#: How long after the program's end other processes of it may go on sending.
_GRACE_SECONDS = 2.0
#: Longest time between two exports of a process that has something to send, and of one that has just ended.
_EXPORT_SECONDS, _SILENCE_SECONDS = 0.7, 0.1

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

    #: The command that runs it.
    tool: ClassVar[str] = "inferspan run"
    #: Whether all data are profiled: whoever looks at a program wants to see them, whatever that takes.
    profiles_all: ClassVar[bool] = True

    def __init__(self, command: Sequence[str], *, launcher: str, save: str | None, live: bool) -> None:
        self._command = command
        self._launcher = launcher
        self._saved = JsonLinesFile(save) if save is not None else None
        self._store = Store()
        self._reports: list[Mapping[str, Any]] = []
        self._receiver = Receiver(on_export=self._take, on_status=self._take_report)
        self._environment = program_environment(
            os.environ,
            command=command,
            receiver=self._receiver.url,
            status_path=STATUS_PATH,
            profiles_all=self.profiles_all,
        )
        self._console = Console(stderr=True)
        self._terminal = sys.stderr.isatty()
        self._panel: Panel | None = None
        if live and self._terminal and not self._console.is_dumb_terminal:
            self._panel = Panel(sys.stderr.fileno())
        #: What went wrong here. The program runs on, and its exit status stays its own.
        self._fault: Exception | None = None
        # Directories make a long line longer, and say little.
        self._title = " ".join(os.path.basename(word) if os.path.isfile(word) else word for word in command)

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
            while (status := child.wait(_REFRESH_SECONDS)) is None:
                try:
                    self._draw(time.monotonic() - started)
                except Exception as error:
                    self._clear()
                    self._fault, self._panel = error, None
            self._clear()
            elapsed = time.monotonic() - started
            child.release_signals()
            self._await_stragglers()
        try:
            self._write(self._summary(status, elapsed))
        except Exception as error:
            print(f"{self.tool}: the summary failed: {error!r}", file=sys.stderr)
        return status

    def _take(self, request: Export) -> None:
        self._store.add(request)
        if self._saved is not None:
            self._saved.write(request)

    def _take_report(self, report: Mapping[str, Any]) -> None:
        if isinstance(report.get("pid"), int) and len(self._reports) < _MAX_REPORTS:
            self._reports.append(report)

    def _await_stragglers(self) -> None:
        """Waits for processes of the program that outlive it, as long as they send."""
        ended = time.monotonic()
        while (now := time.monotonic()) < ended + _GRACE_SECONDS:
            others = any(is_running(report["pid"]) for report in self._reports)
            silence = _EXPORT_SECONDS if others else _SILENCE_SECONDS
            if now - max(self._receiver.last_arrival, ended) > silence:
                return
            time.sleep(_SILENCE_SECONDS / 2)

    def _draw(self, elapsed: float) -> None:
        size = self._panel and self._panel.size
        if self._panel is None or size is None:
            return
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

    def _summary(self, status: int, elapsed: float) -> str:
        console = self._console
        if not self._terminal:
            console = Console(stderr=True, width=shutil.get_terminal_size((_PLAIN_WIDTH, 0)).columns)
        width = console.width
        snapshot = self._store.snapshot(final=True)
        ended = f"ended by {signal_name(-status)}" if status < 0 else f"exit {status}"
        lines = _view.summary(snapshot, title=self._title, ended=f"{ended} · {duration(elapsed)}", width=width)
        reasons = self._reasons(snapshot, status)
        if reasons and not snapshot.models:
            reasons[0] = f"No inference arrived. {reasons[0]}"
        lines += [line for reason in reasons for line in _wrapped(reason, width, "yellow")]
        lines += [line for remark in self._remarks() for line in _wrapped(remark, width, "dim")]
        with console.capture() as capture:
            # The program's last line may not have ended.
            console.print()
            for line in lines:
                console.print(line, highlight=False, soft_wrap=True)
        return capture.get()

    @staticmethod
    def _write(text: str) -> None:
        # Not through a buffer: it would fail again at exit, and that failure would be the exit status.
        data = text.encode(sys.stderr.encoding, errors="replace")
        try:
            while data:
                data = data[os.write(sys.stderr.fileno(), data) :]
        except OSError:
            # Nobody reads standard error any more, or the terminal has gone.
            return

    def _reasons(self, snapshot: Snapshot, status: int) -> list[str]:
        """Says why no inference arrived, or none with a span; nothing where they did."""
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
                skipped=_skipped.total(snapshot.skipped, self._reports),
                tool=self.tool,
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
        if self._fault is not None:
            remarks.append(f"the display while the program ran failed: {self._fault!r}")
        return remarks


def _wrapped(text: str, width: int, style: str) -> list[Text]:
    """Text in lines of a width, but for what is indented: a command to copy, which the terminal may fold."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(" "):
            lines.append(line)
        else:
            lines += textwrap.wrap(line, width - 2, break_long_words=False, break_on_hyphens=False)
    return [Text(f" {line}", style=style) for line in lines]
