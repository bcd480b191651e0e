# SPDX-License-Identifier: Apache-2.0
"""A real Collector on the loopback interface, for the length of a ``with`` block."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from support import otlp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

T = TypeVar("T")

RUNNER = Path(__file__).resolve().parents[2] / "collector-config" / "collector.py"

_START_ATTEMPTS = 5
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02
_LOG_TAIL = 4000
# A test waits for what it sent; a user would rather have few and full batches.
_SWIFT = ("--set=processors.batch.timeout=20ms", "--set=exporters.file.flush_interval=20ms")


def build() -> Path:
    """Compiles the Collector if need be.

    Returns:
        Path of the executable.
    """
    finished = subprocess.run([sys.executable, RUNNER, "build"], stdout=subprocess.PIPE, text=True, check=True)
    return Path(finished.stdout.strip())


class Collector:
    """Runs the Collector with ``base.yaml`` and the ``file`` overlay, and reads back what it wrote.

    What it wrote stays readable after the block, when nothing can be on its way any more::

        with Collector() as collector:
            send_to(collector.endpoint_http)
            collector.wait_for(collector.traces)
        assert [span.name for span in collector.traces()] == ["predict resnet50"]

    Args:
        overlays: Further overlays after ``file``, by name or path.
        environment: Environment variables for the Collector, such as those that an overlay asks for.
        arguments: Further arguments of the Collector.
    """

    def __init__(
        self,
        *,
        overlays: Sequence[str | Path] = (),
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._command = [sys.executable, str(RUNNER), "run", "file", *map(str, overlays)]
        self._command += ["--", *_SWIFT, *arguments]
        self._environment = dict(environment or {})
        self._directory = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = (0, 0, 0)
        self._log = ""
        self._output = _Output()

    @property
    def endpoint_grpc(self) -> str:
        """URL of the OTLP/gRPC receiver."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def endpoint_http(self) -> str:
        """Base URL of the OTLP/HTTP receiver, as for ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return f"http://127.0.0.1:{self._ports[1]}"

    @property
    def endpoint_health(self) -> str:
        """URL that answers 200 while the Collector is up."""
        return f"http://127.0.0.1:{self._ports[2]}"

    @property
    def pid(self) -> int:
        """Process id of the Collector.

        Raises:
            RuntimeError: If it does not run.
        """
        if self._process is None:
            raise RuntimeError("the Collector runs only inside its `with` block")
        return self._process.pid

    @property
    def log(self) -> str:
        """What the Collector said so far, the lines of the debug exporter included."""
        self._refresh()
        return self._log

    def traces(self) -> list[otlp.Span]:
        """Spans received so far, in the order of their arrival."""
        self._refresh()
        return list(self._output.spans)

    def metrics(self) -> list[otlp.Point]:
        """Data points received so far, in the order of their arrival."""
        self._refresh()
        return list(self._output.points)

    def logs(self) -> list[otlp.LogRecord]:
        """Log records and events received so far, in the order of their arrival."""
        self._refresh()
        return list(self._output.log_records)

    def wait_for(self, predicate: Callable[[], T], *, timeout: float = 10.0) -> T:
        """Calls the predicate until what it returns is true.

        Args:
            predicate: What to wait for, such as ``collector.traces`` for the first span.
            timeout: Seconds after which to give up.

        Returns:
            What the predicate returned last.

        Raises:
            TimeoutError: If it was not true in time.
            RuntimeError: If the Collector ended meanwhile.
        """
        deadline = time.monotonic() + timeout
        while True:
            found = predicate()
            if found:
                return found
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"the Collector ended by itself:\n{self.log[-_LOG_TAIL:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"not within {timeout} s. Received: {len(self.traces())} spans, "
                    f"{len(self.metrics())} points, {len(self.logs())} log records. "
                    f"Log:\n{self.log[-_LOG_TAIL:]}"
                )
            time.sleep(_POLL_SECONDS)

    def __enter__(self) -> Self:
        build()
        self._directory = Path(tempfile.mkdtemp(prefix="inferspan-collector-"))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        status = self._stop()
        # The Collector says that it is ready a moment before it listens for signals: a block that is over at
        # once can end it by the bare signal. And a failure of the test itself is the better story to tell.
        if status not in (0, -signal.SIGTERM) and kind is None:
            raise RuntimeError(f"the Collector ended with status {status}:\n{self._log[-_LOG_TAIL:]}")

    def _start(self) -> None:
        for _ in range(_START_ATTEMPTS):
            self._ports = free_ports()
            grpc, http, health = (f"127.0.0.1:{port}" for port in self._ports)
            inherited = {
                name: value for name, value in os.environ.items() if not name.startswith("INFERSPAN_COLLECTOR_")
            }
            own = {
                "INFERSPAN_COLLECTOR_GRPC": grpc,
                "INFERSPAN_COLLECTOR_HTTP": http,
                "INFERSPAN_COLLECTOR_HEALTH": health,
                "INFERSPAN_COLLECTOR_FILE": str(self._directory / "telemetry.jsonl"),
            }
            with (self._directory / "log").open("wb") as log:
                self._process = subprocess.Popen(
                    self._command,
                    env=inherited | own | self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            if self._becomes_ready(self._process):
                return
            # Between our look and the Collector's, somebody else may have taken one of the ports.
            if "address already in use" not in self.log:
                break
        raise RuntimeError(f"the Collector does not start:\n{self.log[-_LOG_TAIL:]}")

    def _becomes_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            # The health check alone might be another Collector's, on a port that this one is about to miss.
            if "Everything is ready" in self.log and _is_healthy(self._ports[2]):
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _stop(self) -> int | None:
        """Ends the process, reads the rest of what it wrote, and returns its exit status."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._refresh()
        shutil.rmtree(self._directory)
        return None if process is None else process.returncode

    def _refresh(self) -> None:
        if self._directory.name and (self._directory / "log").exists():
            self._log = (self._directory / "log").read_text(encoding="utf-8", errors="replace")
            self._output.read(self._directory / "telemetry.jsonl")


class _Output:
    """The decoded lines of a file that the Collector goes on writing to."""

    def __init__(self) -> None:
        self.spans: list[otlp.Span] = []
        self.points: list[otlp.Point] = []
        self.log_records: list[otlp.LogRecord] = []
        self._offset = 0

    def read(self, path: Path) -> None:
        """Takes in the lines that were completed since the last time."""
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        complete = added[: added.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.splitlines():
            request = json.loads(line)
            self.spans.extend(otlp.spans(request))
            self.points.extend(otlp.points(request))
            self.log_records.extend(otlp.log_records(request))


def free_ports() -> tuple[int, int, int]:
    """Three ports that nobody listens on at this moment, all open at once so that they differ."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        grpc, http, health = (each.getsockname()[1] for each in sockets)
        return grpc, http, health


def _is_healthy(port: int) -> bool:
    # Not urllib: a proxy of the environment has no business on the loopback interface.
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
