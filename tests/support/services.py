# SPDX-License-Identifier: Apache-2.0
"""Runs services that listen on HTTP under `opentelemetry-instrument`, asks them, and reads what they have sent."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from support import launcher, otlp
from support.collector import Collector, free_ports

T = TypeVar("T")

#: That ask at the same time.
CLIENTS = 8


class Service:
    """A service that runs, and what its process said."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], output: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self._output = output

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def is_up(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def ask(self, path: str, body: bytes, content_type: str) -> bytes:
        """Posts a request, and returns the answer's body."""
        request = urllib.request.Request(self.url + path, body, {"content-type": content_type})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()


@contextmanager
def serving(command: Sequence[str | Path], collector: Collector, *, name: str, health: str) -> Iterator[Service]:
    """Runs a service under `opentelemetry-instrument`, and stops it as an orchestrator does.

    Args:
        command: its program and arguments; ``{port}`` is where it is to listen.
        collector: where its telemetry goes.
        name: of the service.
        health: a path that answers 200 when it is up.
    """
    program, *arguments = command
    _, port, _ = free_ports()
    launch = [Path(program).with_name("opentelemetry-instrument"), program]
    with tempfile.TemporaryDirectory(prefix="inferspan-service-") as folder:
        output = Path(folder) / "output"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [str(one) for one in launch] + [str(one).format(port=port) for one in arguments],
                cwd=folder,
                env=launcher.environment(
                    collector.endpoint_http,
                    service=name,
                    HF_HUB_OFFLINE="1",
                    OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET="inf",  # so that each span says what it has seen
                ),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        service = Service(port, process, output)
        try:
            deadline = time.monotonic() + 180
            while not service.is_up(health):
                assert process.poll() is None, service.output
                assert time.monotonic() < deadline, service.output
                time.sleep(0.2)
            yield service
            process.send_signal(signal.SIGTERM)
            # Whatever was finished is exported; the process then ends as it would have without us.
            assert process.wait(timeout=30) in (0, -signal.SIGTERM), service.output
            assert "Traceback" not in service.output, service.output
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def at_once(requests: Sequence[Callable[[], T]]) -> list[T]:
    """Makes requests with as many clients at a time as there are, and returns the answers in their order."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return [answer.result() for answer in [clients.submit(request) for request in requests]]


class Trace:
    """The spans that one service has sent, by what they are."""

    def __init__(self, spans: Sequence[otlp.Span], service: str) -> None:
        found = [span for span in spans if span.resource["service.name"] == service]
        self.by_id = {span.span_id: span for span in found}
        self.requests = [span for span in found if span.kind == "server"]
        ours = [span for span in found if span.scope.name.startswith("inferspan")]
        self.loads = [span for span in ours if span.name.startswith("load ")]
        self.ours = [span for span in ours if span not in self.loads]

    def request_of(self, span: otlp.Span) -> otlp.Span:
        """Returns the server's span that a span is inside."""
        while span.kind != "server":
            span = self.by_id[span.parent_span_id]
        return span


def counts(collector: Collector, service: str, metric: str, attribute: str) -> Counter[str]:
    """Returns the counts of a histogram, as exported last, by one of its attributes."""
    series = {
        tuple(sorted(point.attributes.items())): point
        for point in collector.metrics()
        if point.name == metric and point.resource["service.name"] == service
    }
    found: Counter[str] = Counter()
    for point in series.values():
        found[point.attributes[attribute]] += point.count or 0
    return found
