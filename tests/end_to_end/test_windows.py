# SPDX-License-Identifier: Apache-2.0
"""What a program's windows say is exported although it ends before any is due."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from support.collector import Collector
from support.launcher import environment, run

REPLICA = Path(__file__).parent / "programs" / "replica.py"


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_a_program_that_ends(temporality: str) -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": temporality,
        "OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET": "inf",
    }
    with Collector() as collector:
        env = environment(collector.endpoint_http, OTEL_LOGS_EXPORTER="otlp", **variables)
        finished = run(REPLICA, "-3", "0", env=env)
        assert finished.returncode == 0, finished.stderr
        collector.wait_for(lambda: len(collector.logs()) >= 3)

    events = {record.attributes["inferspan.field.name"]: record for record in collector.logs()}
    assert {record.event_name for record in events.values()} == {"inferspan.data.profile"}
    assert {record.scope.name for record in events.values()} == {"inferspan.windows"}
    assert {name: record.attributes["inferspan.field.profile.missing_count"] for name, record in events.items()} == {
        "x.0": 0,
        "x.1": 100,
        "score": 0,
    }
    assert {record.attributes["inferspan.window.inference.count"] for record in events.values()} == {100}
    assert events["x.0"].attributes["inferspan.field.profile.mean"] == pytest.approx(-3, abs=0.1)

    points = [point for point in collector.metrics() if point.name == "inferspan.field.distribution"]
    inputs = [point for point in points if point.attributes["inferspan.io.direction"] == "input"]
    assert {point.type for point in points} == {"exponential_histogram"}
    assert {point.temporality for point in points} == {temporality}
    counts = [point.count or 0 for point in inputs]
    assert (sum(counts) if temporality == "delta" else counts[-1]) == 2000
    # Nothing is lost between two exports.
    for before, after in pairwise(inputs):
        assert after.start_ns == (before.time_ns if temporality == "delta" else before.start_ns)
