# SPDX-License-Identifier: Apache-2.0
"""`inferspan doctor` as it is called, and what it has said and saved."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import otlp

from inferspan.semconv import attributes as names
from inferspan.semconv import metrics

PROGRAMS = Path(__file__).with_name("programs")


class Report:
    """What the doctor has said."""

    def __init__(self, done: subprocess.CompletedProcess[str], text: str, saved: Path) -> None:
        self.status = done.returncode
        self.output = done.stdout
        self.log = done.stderr
        self.text = text
        self._saved = saved

    def section(self, title: str) -> str:
        """The rows of a section on one line; empty where there is none."""
        found = re.search(rf"^{re.escape(title)}\n((?: .*\n)*)", self.text, re.MULTILINE)
        return re.sub(r"\s+", " ", found[1]).strip() if found else ""

    def skipped(self) -> dict[tuple[str, str], int]:
        """The self-metric as it was last exported, by system and reason."""
        last: dict[tuple[str, str], int] = {}
        for line in self._saved.read_text().splitlines():
            for point in otlp.points(json.loads(line)):
                if point.name == metrics.INFERSPAN_SELF_SKIPPED:
                    attributes = point.attributes
                    key = (attributes[names.INFERSPAN_SYSTEM_NAME], attributes[names.INFERSPAN_SELF_SKIP_REASON])
                    last[key] = int(point.value or 0)
        return last


Doctor = Callable[..., Report]


def environment(**variables: str) -> dict[str, str]:
    """This environment without what would steer telemetry, or the width of a report."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "COLUMNS"))}
    return {**kept, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost", **variables}


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Runs the doctor: with a command, or without one."""

    def run(*command: str, **variables: str) -> Report:
        saved = tmp_path / "saved.jsonl"
        arguments = ["--save", str(saved), "--", *command] if command else []
        done = subprocess.run(
            [sys.executable, "-m", "inferspan", "doctor", *arguments],
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        # Standard output is the program's.
        return Report(done, done.stderr if command else done.stdout, saved)

    return run


def program(name: str, *arguments: str) -> list[str]:
    """The command of one of the programs."""
    return [sys.executable, str(PROGRAMS / name), *arguments]
