# SPDX-License-Identifier: Apache-2.0
"""Forks under load: no child hangs, and nothing is reported twice."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from support.exported import Exported, run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.mark.parametrize(("defer", "children", "pause"), [("true", 500, 0.0005), ("false", 200, 0)])
def test_forks_under_load(tmp_path: Path, defer: str, children: int, pause: float) -> None:
    exported = run(
        tmp_path,
        "forks.py",
        f"--children={children}",
        f"--pause={pause}",
        timeout=240,
        OTEL_PYTHON_INFERSPAN_DEFER=defer,
        OTEL_PYTHON_INFERSPAN_MAX_MODELS="1000",
    )
    parent = exported.pids()[-1]
    of_children = [span for span in exported.spans if span["pid"] != parent]
    of_parent = [span for span in exported.spans if span["pid"] == parent]

    versions = [str(number) for number in range(1, children + 1)]
    ours = Counter(span["version"] for span in of_children if span["span"] == "infer child")
    assert ours == Counter(versions)
    # One and the one inside it from each child, and nothing of the parent's.
    assert Counter(span["span"] for span in of_children) == {"infer child": children, "infer inner": children}
    assert len({span["pid"] for span in of_children}) == children

    # The calls that were in progress at the fork are the parent's.
    assert {span["version"] for span in of_parent if span["span"] == "infer outer"} == set(versions[0::4])
    assert {span["version"] for span in of_parent if span["span"] == "infer child"} == {"0", *versions[2::4]}
    assert len({(span["pid"], span["id"]) for span in exported.spans}) == len(exported.spans)
    assert_metrics_are_complete(exported, parent)


def assert_metrics_are_complete(exported: Exported, parent: int) -> None:
    for pid, points in exported.by_process():
        dropped = {
            point["attributes"]["inferspan.self.drop.reason"]: point["count"]
            for point in points
            if point["metric"] == "inferspan.self.dropped"
        }
        assert dropped.get("rate_limited") == (7 if pid == parent else None), dropped
        durations = [point for point in points if point["metric"] == "inferspan.inference.duration"]
        of_child = {
            point["attributes"]["inferspan.model.version"]: point["count"]
            for point in durations
            if point["attributes"]["inferspan.model.name"] == "child"
        }
        spans = [span for span in exported.spans if span["pid"] == pid and span["span"] == "infer child"]
        for span in spans:
            assert of_child[span["version"]] == 1
        if pid != parent:
            assert len(spans) == 1
            # It has counted what it has inferred itself: what its parent has, the parent reports.
            assert [(point["attributes"]["inferspan.model.name"], point["count"]) for point in durations] == [
                ("inner", 1),
                ("child", 1),
            ]
            active = [point for point in points if point["metric"] == "inferspan.inference.active"]
            assert all(point["count"] == 0 for point in active)
    load = [span for span in exported.spans if span["span"] == "infer load"]
    assert exported.counts()["load"] == len(load)


@pytest.mark.parametrize("processor", ["batch", "simple"])
def test_an_exporter_that_blocks_blocks_neither_requests_nor_forks(tmp_path: Path, processor: str) -> None:
    exported = run(tmp_path, "blocked.py", f"--processor={processor}")
    seconds = {line["what"]: line["seconds"] for line in exported.lines if "what" in line}
    assert seconds["200 requests"] < 2
    # A batch is exported outside the gate; a single span inside, and the fork has its patience.
    assert seconds["fork"] < (0.25 if processor == "batch" else 1.5)
    # What blocks is waited for before the collection and once in it, whatever the number of its callbacks.
    assert seconds["flush"] < 2
    assert seconds["in the child"] < 3
