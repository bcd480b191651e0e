# SPDX-License-Identifier: Apache-2.0
"""Workers that are forked from a process that has inferred, or spawned: each reports what it has inferred, once."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest
from support import environments
from support.collector import Collector
from support.startup import PROGRAMS, arrived, environment, finished, stop_when


def test_celery(collector: Collector, tmp_path: Path) -> None:
    python = environments.environment("onnxruntime", "celery")
    path, broker = tmp_path / "finished", tmp_path / "broker"
    broker.mkdir()
    env = {**environment(collector, "celery"), "BROKER": str(broker)}
    subprocess.run([python, "tasks.py", "2000"], cwd=PROGRAMS, env=env, check=True)
    output = stop_when(
        lambda: sum(count > 20 for count in finished(path).values()) == 2,
        *(python.with_name("opentelemetry-instrument"), python.with_name("celery"), "-A", "tasks", "worker"),
        *("--concurrency=2", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        env={**env, "FINISHED": str(path)},
    )
    assert_complete(collector, "celery", finished(path), processes=3, output=output)


@pytest.mark.parametrize(
    ("method", "launched"),
    [("fork", True), ("spawn", True), ("forkserver", True), ("spawn", False)],
    ids=["fork", "spawn", "forkserver", "spawn, set up in code"],
)
def test_multiprocessing(collector: Collector, tmp_path: Path, method: str, launched: bool) -> None:
    python = environments.environment("onnxruntime")
    name, path = f"multiprocessing {method} {launched}", tmp_path / "finished"
    output = stop_when(
        lambda: sum(count > 20 for count in finished(path).values()) == 3,
        *([python.with_name("opentelemetry-instrument"), python] if launched else [python]),
        *("pool.py" if launched else "pool_observed.py", method),
        env={**environment(collector, name), "FINISHED": str(path)},
    )
    assert_complete(collector, name, finished(path), processes=3, output=output)


def assert_complete(collector: Collector, service: str, done: Counter[str], *, processes: int, output: str) -> None:
    found = arrived(collector.traces(), collector.metrics(), service)
    assert len(done) == processes, output
    assert found.spans == found.counts, output
    assert sorted(found.spans.values()) == sorted(done.values()), output
