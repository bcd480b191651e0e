# SPDX-License-Identifier: Apache-2.0
"""Workers that Ray starts, and ends: a set-up hook instruments them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support import environments
from support.collector import Collector
from support.startup import arrived, environment, finished, stop_when


@pytest.mark.timeout(180)
def test_ray(collector: Collector, tmp_path: Path) -> None:
    python = environments.environment("onnxruntime", "ray")
    of_actor, of_tasks = tmp_path / "actor", tmp_path / "tasks"
    output = stop_when(
        lambda: finished(of_actor).total() > 40 and finished(of_tasks).total() > 40,
        *(python, "jobs.py"),
        env={
            **environment(collector, "ray"),
            "FINISHED": str(of_actor),
            "TASKS_FINISHED": str(of_tasks),
            "HOME": str(tmp_path),
            "RAY_USAGE_STATS_ENABLED": "0",
        },
    )
    for service, done in (("ray actor", finished(of_actor)), ("ray tasks", finished(of_tasks))):
        found = arrived(collector.traces(), collector.metrics(), service)
        assert found.spans == found.counts, output
        assert Counter(found.spans.values()) == Counter(done.values()), output
