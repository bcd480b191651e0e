# SPDX-License-Identifier: Apache-2.0
"""Starts the programs of the tests of ways to start, stops them, and tells what has arrived of them."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from support import launcher, otlp
from support.collector import Collector

PROGRAMS = Path(__file__).parents[1] / "startup" / "programs"
_SECONDS = 60.0


class Arrived(NamedTuple):
    """What has arrived of a service."""

    #: Spans of inferences by instance, then counts of the histogram.
    spans: dict[str, int]
    counts: dict[str, int]


def environment(collector: Collector, service: str, **variables: str) -> dict[str, str]:
    """Returns the environment of a service that exports when it ends, and never before: intervals are ten minutes."""
    later = {
        "OTEL_METRIC_EXPORT_INTERVAL": "600000",
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "OTEL_BLRP_SCHEDULE_DELAY": "600000",
    }
    return launcher.environment(collector.endpoint_http, service=service, **{**later, **variables})


def arrived(spans: list[otlp.Span], points: list[otlp.Point], service: str) -> Arrived:
    """Returns what has arrived of a service."""
    found = Arrived({}, {})
    for span in spans:
        if span.resource["service.name"] == service and span.name.startswith("infer "):
            instance = span.resource["service.instance.id"]
            found.spans[instance] = found.spans.get(instance, 0) + 1
    for point in points:
        if point.name == "inferspan.inference.duration" and point.resource["service.name"] == service:
            found.counts[point.resource["service.instance.id"]] = point.count or 0
    return found


def stop_when(ready: Callable[[], bool], *command: str | Path, env: dict[str, str]) -> str:
    """Runs a program until something is so, ends it by SIGTERM, sent to it alone, and returns what it said."""
    process = subprocess.Popen(
        [str(one) for one in command],
        cwd=PROGRAMS,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + _SECONDS
        while not ready() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=_SECONDS)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output
    return output


def finished(path: Path) -> Counter[str]:
    """Returns how many inferences each process says that it has finished."""
    return Counter(path.read_text().split()) if path.exists() else Counter()
