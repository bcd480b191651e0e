# SPDX-License-Identifier: Apache-2.0
"""Servers with workers, stopped under load: every request that was answered has its span and is counted."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from support import environments, otlp
from support.collector import Collector, free_ports
from support.serving import Service
from support.startup import PROGRAMS, Arrived, arrived, environment

CLIENTS = 4


def serve(command: Sequence[str | Path], *, port: int, env: dict[str, str], home: Path, workers: int) -> Service:
    """Runs a server under load until it is stopped, and has answered with all its workers."""
    with Service(command, port=port, env={**env, "HOME": str(home)}, cwd=PROGRAMS) as service:
        service.load(clients=CLIENTS, seconds=1.5, processes=workers)
    return service


def assert_complete(service: Service, found: Arrived, *, warmed_up: int, instances: int) -> None:
    """Every answer has its span and is counted, by the instance that gave it, as is what has warmed a process up."""
    assert found.spans == found.counts
    assert len(found.spans) == instances
    inferred = sum(found.spans.values()) - warmed_up
    answered = service.answers.total()
    # A request that had been read when the server stopped may be answered to a connection that is gone.
    assert answered <= inferred <= answered + CLIENTS
    assert answered > 100


@pytest.mark.parametrize("worker", ["uvicorn.workers.UvicornWorker", "uvicorn_worker.UvicornWorker"])
@pytest.mark.parametrize("preload", [False, True])
def test_gunicorn(collector: Collector, tmp_path: Path, worker: str, preload: bool) -> None:
    python = environments.environment("onnxruntime", "gunicorn", "uvicorn", "uvicorn-worker")
    name, port = f"gunicorn {worker} {preload}", free_ports()[0]
    service = serve(
        [
            python.with_name("opentelemetry-instrument"),
            *("gunicorn", "-k", worker, "-w", "2", "-b", f"127.0.0.1:{port}"),
            *(["--preload"] if preload else []),
            "service:app",
        ],
        port=port,
        env=activated(python, environment(collector, name)),
        home=tmp_path,
        workers=2,
    )
    assert service.status == 0, service.output
    found = arrived(collector.traces(), collector.metrics(), name)
    # Loaded before the workers are forked, the application infers once, in the master, who is an instance too.
    assert_complete(service, found, warmed_up=1 if preload else 2, instances=3 if preload else 2)


def test_uvicorn(collector: Collector, tmp_path: Path) -> None:
    python = environments.environment("onnxruntime", "uvicorn")
    port = free_ports()[0]
    service = serve(
        [python.with_name("opentelemetry-instrument"), "uvicorn", "--port", str(port), "service:app"],
        port=port,
        env=activated(python, environment(collector, "uvicorn")),
        home=tmp_path,
        workers=1,
    )
    assert service.status == -signal.SIGTERM, service.output
    found = arrived(collector.traces(), collector.metrics(), "uvicorn")
    assert_complete(service, found, warmed_up=1, instances=1)


@pytest.mark.skipif(shutil.which("unshare") is None or os.geteuid() != 0, reason="it takes root to be process 1")
def test_first_process_of_a_container(collector: Collector, tmp_path: Path) -> None:
    """The kernel keeps a signal that it does not handle from process 1, also its own: it goes on, to its exit hooks."""
    python = environments.environment("onnxruntime", "uvicorn")
    port = free_ports()[0]
    launched = [python.with_name("opentelemetry-instrument"), "uvicorn", "--port", str(port), "service:app"]
    env = {**activated(python, environment(collector, "container")), "HOME": str(tmp_path)}
    with Service(["unshare", "--pid", "--fork", *launched], port=port, env=env, cwd=PROGRAMS) as service:
        (first,) = psutil.Process(service.pid).children()
        service.load(clients=CLIENTS, seconds=1.5, processes=1, stopped=first.pid)
    assert set(service.answers) == {1}
    assert service.status == 0, service.output
    assert_complete(service, arrived(collector.traces(), collector.metrics(), "container"), warmed_up=1, instances=1)


def test_uvicorn_workers_under_inferspan_run(collector: Collector, tmp_path: Path) -> None:
    python = environments.environment("onnxruntime", "uvicorn", extra="run")
    port = free_ports()[0]
    saved = tmp_path / "telemetry.jsonl"
    service = serve(
        [
            *(python.with_name("inferspan"), "run", "--save", saved, "--"),
            *("uvicorn", "--workers", "2", "--port", str(port), "service:app"),
        ],
        port=port,
        env=environment(collector, "uvicorn workers"),
        home=tmp_path,
        workers=2,
    )
    assert service.status == 0, service.output
    requests = [json.loads(line) for line in saved.read_text().splitlines()]
    found = arrived(
        [span for request in requests for span in otlp.spans(request)],
        [point for request in requests for point in otlp.points(request)],
        "uvicorn workers",
    )
    assert_complete(service, found, warmed_up=2, instances=2)
    inferences = sum(found.counts.values())
    assert re.search(rf"^── inferspan .* {inferences:,} inferences · exit 0", service.output, re.MULTILINE), (
        service.output
    )


def activated(python: Path, env: dict[str, str]) -> dict[str, str]:
    """Returns an environment in which programs are found beside this interpreter first."""
    return {**env, "PATH": os.pathsep.join((str(python.parent), env["PATH"]))}
