# SPDX-License-Identifier: Apache-2.0
"""A service in a process of its own, and clients that ask it without a pause."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


class Service:
    """A program that answers ``POST /`` on a port of the loopback interface, for the length of a ``with`` block.

    Args:
        command: the program and its arguments.
        port: that it listens on.
        env: all of its environment.
        cwd: where it runs.
    """

    def __init__(self, command: Sequence[str | Path], *, port: int, env: Mapping[str, str], cwd: Path) -> None:
        self._command = [str(one) for one in command]
        self._port = port
        self._env = dict(env)
        self._cwd = cwd
        #: Answered requests by the process that answered.
        self.answers: Counter[int] = Counter()
        self.status: int | None = None
        self.output = ""

    @property
    def pid(self) -> int:
        """Process id of the command."""
        return self._process.pid

    def load(self, *, clients: int, seconds: float, processes: int, stopped: int | None = None) -> None:
        """Asks until the service has been stopped, by a SIGTERM under full load, and has ended.

        Args:
            clients: that ask at the same time, each again as soon as it has its answer.
            seconds: until the signal, at least: it waits until all processes have answered.
            processes: how many answer.
            stopped: process that gets the signal, by default the command's.
        """
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]
        for one in threads:
            one.start()
        deadline = time.monotonic() + _START_SECONDS
        time.sleep(seconds)
        while len(self.answers) < processes and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(stopped or self.pid, signal.SIGTERM)
        try:
            self.output, _ = self._process.communicate(timeout=_STOP_SECONDS)
        finally:
            for one in threads:
                one.join()
        self.status = self._process.returncode
        assert len(self.answers) == processes, self.output

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while True:
            number += 1
            try:
                connection.request("POST", "/", str(number))
                answer = json.load(connection.getresponse())
            except (OSError, http.client.HTTPException):
                connection.close()
                if self._process.returncode is not None:
                    return
                time.sleep(0.005)
                continue
            with self._lock:
                self.answers[answer["pid"]] += 1
            if number % 16 == 0:
                # A new connection may meet another worker.
                connection.close()

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            self._command,
            cwd=self._cwd,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise AssertionError(f"the service does not start:\n{self._process.communicate()[0]}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("POST", "/", "0")
            answer = json.load(connection.getresponse())
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        self.answers[answer["pid"]] += 1
        return True
