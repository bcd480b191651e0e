# SPDX-License-Identifier: Apache-2.0
"""Results as a table with the bound beside what was seen, and the machine that they were seen on."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from inferspan import faults

TIMES = "\N{MULTIPLICATION SIGN}"
#: The unit of ratios.
OF_PLAIN = f"{TIMES} plain"

_PACKAGES = ("opentelemetry-sdk", "numpy", "torch", "onnxruntime")


@dataclass(kw_only=True)
class Result:
    """One line: what was measured, what it may be at most or must be at least, what it was."""

    name: str
    seen: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    detail: str = ""

    @property
    def verdict(self) -> str:
        if self.at_most is None and self.at_least is None:
            return ""
        over = self.at_most is not None and self.seen > self.at_most
        under = self.at_least is not None and self.seen < self.at_least
        return "over" if over else "under" if under else "ok"

    @property
    def bound(self) -> str:
        if self.at_most is not None:
            return f"≤ {_number(self.at_most)} {self.unit}"
        return f"≥ {_number(self.at_least)} {self.unit}" if self.at_least is not None else ""


def machine() -> dict[str, str]:
    """Describes the machine, how busy it is, and the versions; no names that are nobody's business."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    return {
        "cores": str(cores),
        "cpu": _cpu_model() or platform.machine(),
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: version(name) for name in _PACKAGES},
    }


def table(results: Iterable[Result]) -> str:
    """Writes a Markdown table."""
    lines = ["| | seen | bound | | |", "|---|--:|--:|---|---|"]
    for one in results:
        seen = f"{_number(one.seen)} {one.unit}"
        verdict = one.verdict if one.verdict in ("", "ok") else f"**{one.verdict}**"
        lines.append(f"| {one.name} | {seen} | {one.bound} | {verdict} | {one.detail} |")
    return "\n".join(lines)


def write_json(path: Path, results: Iterable[Result], *, on: Mapping[str, str]) -> None:
    """Writes results, and the machine that they were seen on."""
    rows = [{**asdict(one), "verdict": one.verdict} for one in results]
    path.write_text(json.dumps({"machine": dict(on), "results": rows}, indent=2, ensure_ascii=False) + "\n")


def conclude(results: Iterable[Result], *, on: Mapping[str, str], json_file: Path | None) -> int:
    """Prints results and the machine that they were seen on; returns the status of the benchmark.

    It fails only where inferspan itself has: bounds are for the reader to judge.
    """
    results = list(results)
    print(table(results))
    print("\n" + ", ".join(f"{name} {value}" for name, value in on.items()))
    if json_file is not None:
        write_json(json_file, results, on=on)
    if faults.counts:
        print(f"faults inside inferspan: {faults.counts}", file=sys.stderr)
    return 1 if faults.counts else 0


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
