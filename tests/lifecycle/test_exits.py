# SPDX-License-Identifier: Apache-2.0
"""What ends a process is the program's own doing: its status, its signals and its handlers are as without inferspan."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from support.exported import run

from inferspan.recording import exits

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def test_a_signal_that_is_handled_ends_nothing(tmp_path: Path) -> None:
    exported = run(tmp_path, "leaves.py", "handled", code=-signal.SIGKILL)
    assert exported.lines == []


def test_a_signal_that_is_ignored_ends_nothing(tmp_path: Path) -> None:
    exported = run(tmp_path, "leaves.py", "ignored")
    assert exported.names() == {"infer first": 1, "infer second": 1}
    assert exported.counts() == {"first": 1, "second": 1}


def test_a_child_exports_what_it_has_inferred_itself(tmp_path: Path) -> None:
    exported = run(tmp_path, "leaves.py", "children")
    assert exported.names() == {"infer first": 1, "infer child": 1}
    # One that has not inferred leaves as if nobody was there.
    assert len(exported.pids()) == 2


@pytest.mark.parametrize(("case", "code"), [("blocked", 7), ("interrupted", 8)])
def test_an_exporter_that_blocks_does_not_keep_the_process(tmp_path: Path, case: str, code: int) -> None:
    start = time.monotonic()
    run(tmp_path, "leaves.py", case, code=code)
    assert time.monotonic() - start < exits.PATIENCE


def test_without_a_provider_nothing_is_replaced(tmp_path: Path) -> None:
    assert run(tmp_path, "leaves.py", "no provider").lines == []
