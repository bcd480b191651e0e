# SPDX-License-Identifier: Apache-2.0
"""Runs the program as if it had been started directly: its streams, its signals, its exit status."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

#: Sent to this process alone, so the program gets them from here.
_FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
#: Typed at the terminal, whose whole foreground process group gets them: the program has them already.
_TYPED = ("SIGINT", "SIGQUIT")


class Child:
    """A running program.

    Args:
        arguments: the program and its arguments.
        environment: its environment.
        before_stop: called before this process stops (Ctrl-Z).
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        before_stop: Callable[[], None],
    ) -> None:
        self._before_stop = before_stop
        self._to_stop = False
        self._early: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        # Ends a wait before its time. A pipe: a signal handler must not take a lock that a wait may hold.
        self._alarm, self._raise_alarm = os.pipe()
        os.set_blocking(self._raise_alarm, False)
        self._take_signals()
        # Descriptors beyond the standard three are inherited too, as by exec: `program <(command)`.
        self._process = subprocess.Popen(arguments, env=environment, close_fds=False)
        for number in self._early:
            self._process.send_signal(number)
        # A thread waits: the main one has to be free for signals and for drawing.
        threading.Thread(target=self._wait, name="inferspan-wait", daemon=True).start()

    def wait(self, timeout: float) -> int | None:
        """Waits for the end, or for a reason to draw anew: another size of the terminal, the return from a stop.

        Args:
            timeout: seconds to wait at most.

        Returns:
            The exit status, negative for the number of the signal that ended it; ``None`` while it runs.
        """
        assert self._process is not None
        if select.select([self._alarm], [], [], timeout)[0]:
            os.read(self._alarm, 4096)
        if self._to_stop:
            self._stop()
        return self._process.returncode

    def release_signals(self) -> None:
        """After the program's end, signals are meant for this process again."""
        for name in (*_FORWARDED, *_TYPED, "SIGTSTP", "SIGWINCH"):
            number = _number(name)
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                signal.signal(number, signal.SIG_DFL)

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait()
        self._wake()

    def _take_signals(self) -> None:
        handlers = dict.fromkeys(_FORWARDED, self._forward) | dict.fromkeys(_TYPED, self._typed)
        handlers |= {"SIGTSTP": self._stop_soon, "SIGWINCH": self._wake}
        for name, handler in handlers.items():
            number = _number(name)
            # What is ignored (nohup, a shell's background job) stays so, for the program too; a handler would
            # be reset when it starts.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)

    def _typed(self, number: int, frame: FrameType | None) -> None:
        if not in_foreground():
            # Nobody typed it: it was sent to this process, by `kill` or a supervisor.
            self._forward(number, frame)

    def _stop_soon(self, number: int, frame: FrameType | None) -> None:
        # Not at once: this may have interrupted whoever calls `wait` in the middle of drawing.
        self._typed(number, frame)
        self._to_stop = True
        self._wake()

    def _stop(self) -> None:
        self._to_stop = False
        self._before_stop()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        # Here again after SIGCONT.
        signal.signal(signal.SIGTSTP, self._stop_soon)

    def _wake(self, *_: object) -> None:
        try:
            os.write(self._raise_alarm, b"!")
        except BlockingIOError:
            # It is full: enough to wake.
            return


def in_foreground() -> bool:
    """Whether this process is in the foreground process group of its terminal."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def is_running(pid: int) -> bool:
    """Whether a process exists."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def signal_name(number: int) -> str:
    """A signal's name, or its number where it has none (real-time signals)."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def end_like(status: int) -> int:
    """Ends this process as the program ended.

    Args:
        status: of the program; negative for a signal, which then ends this process too: a shell tells a
            program that was interrupted from one that returned 130.

    Returns:
        The exit status, where it was not a signal.
    """
    if status >= 0:
        return status
    sys.stdout.flush()
    sys.stderr.flush()
    number = -status
    _without_core_dump()
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 - status


def _without_core_dump() -> None:
    """The program's own core dump, where it left one, is the one to look at."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _number(name: str) -> signal.Signals | None:
    return getattr(signal, name, None)
