# SPDX-License-Identifier: Apache-2.0
"""What inferspan logs of its own accord: when it works, which kernel it has, and where it waits in vain."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict

import pytest

from inferspan import reasons
from inferspan.profiling import kernel
from inferspan.semconv.attributes import SelfSkipReason

from .conftest import environment, program

FIRST = "INFO First inference recorded: model digits 3 (_OTHER); spans go to InMemorySpanExporter"
KERNEL = f"INFO Kernel of data profiles: {kernel.name()}"
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


def lines(case: str, *, seconds: int = 1) -> list[list[str]]:
    """What each process has logged, in the order of their first lines."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", *program("noticing.py", case)[1:]],
        env=environment(OTEL_PYTHON_INFERSPAN_WARN_AFTER_SECONDS=str(seconds)),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    by_process: dict[str, list[str]] = defaultdict(list)
    for line in done.stdout.splitlines():
        pid, _, said = line.partition(" ")
        by_process[pid].append(said)
    return list(by_process.values())


def warning(calls: str, reason: str) -> str:
    return (
        f"WARNING No inference was recorded so far: {calls} skipped ({reason}). "
        f"{reasons.WHY[reason]} {reasons.ADVICE[reason]}"
    )


def test_the_first_inference_is_told_once() -> None:
    assert lines("works") == [[FIRST, KERNEL]]


@needs_fork
def test_each_process_tells_its_first_inference() -> None:
    # Whether the kernel is chosen before the fork is a matter of the worker's thread.
    told = [[line for line in said if line != KERNEL] for said in lines("works_in_a_fork")]
    assert told == [[FIRST], [FIRST]]


def test_a_process_without_a_provider_is_warned_once() -> None:
    assert lines("no_provider") == [[warning("2 calls were", SelfSkipReason.NO_PROVIDER)]]


@needs_fork
def test_a_forked_child_is_warned_of_its_own_calls() -> None:
    said = [warning("1 call was", SelfSkipReason.NO_PROVIDER)]
    assert lines("in_a_fork") == [said, said]


def test_the_warning_says_the_top_reason_of_those_that_matter() -> None:
    assert lines("most_of_all") == [[warning("2 calls were", SelfSkipReason.SUPPRESSED)]]


def test_no_warning_once_it_works() -> None:
    assert lines("works_later") == [[FIRST, KERNEL]]


def test_calls_that_are_skipped_on_purpose_start_no_thread() -> None:
    assert lines("as_meant") == [["['MainThread']"]]


@pytest.mark.parametrize(("seconds", "threads"), [(3600, ["MainThread", "inferspan-notices"]), (0, ["MainThread"])])
def test_the_warning_keeps_no_process_alive_and_can_be_switched_off(seconds: int, threads: list[str]) -> None:
    assert lines("ends", seconds=seconds) == [[str(threads)]]
