# SPDX-License-Identifier: Apache-2.0
"""Runs the programs of the life cycle's tests, and reads the files that they export to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parents[1] / "lifecycle" / "programs"


def _is_load(span: str) -> bool:
    return span.startswith("load ")


class Exported:
    """What a program has exported, loads of its models left out."""

    def __init__(self, path: Path) -> None:
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        self.lines: list[dict[str, Any]] = lines
        self.spans = [line for line in lines if "span" in line and not _is_load(line["span"])]
        self.started = [line["started"] for line in lines if "started" in line]
        self.collections: list[list[dict[str, Any]]] = [line["points"] for line in lines if "points" in line]

    def pids(self) -> list[int]:
        """Returns the processes, in the order of their last lines."""
        return list(dict.fromkeys(line["pid"] for line in reversed(self.lines)))[::-1]

    def by_process(self) -> list[tuple[int, list[dict[str, Any]]]]:
        """Returns each process's last collection."""
        last = {line["pid"]: line["points"] for line in self.lines if "points" in line}
        return list(last.items())

    def names(self) -> Counter[str]:
        return Counter(span["span"] for span in self.spans)

    def counts(self, metric: str = "inferspan.inference.duration", by: str = "inferspan.model.name") -> Counter[str]:
        """Returns the last collection's values of a metric by an attribute."""
        found: Counter[str] = Counter()
        for point in self.collections[-1] if self.collections else ():
            if point["metric"] == metric:
                found[point["attributes"][by]] += point["count"]
        return found

    def orphans(self) -> list[dict[str, Any]]:
        ids = {span["id"] for span in self.spans}
        return [span for span in self.spans if span["parent"] is not None and span["parent"] not in ids]


def run(
    tmp_path: Path, program: str, *arguments: str, code: int = 0, timeout: float = 60, **variables: str
) -> Exported:
    """Runs a program to its end, which is to be quiet, and returns what it has exported."""
    path = tmp_path / "exported.jsonl"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    process = subprocess.run(
        [sys.executable, str(PROGRAMS / program), *arguments],
        env={**clean, "EXPORTED": str(path), "PYTHONWARNINGS": "ignore::DeprecationWarning", **variables},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert process.returncode == code, process.stderr
    if code == 0:
        assert process.stderr == ""
    return Exported(path)
