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
    """What has arrived of a service: spans of inferences, and counts of the histogram, by instance."""

    spans: Counter[str]
    counts: Counter[str]


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
    mine = [one for one in (*spans, *points) if one.resource["service.name"] == service]
    series = {
        (point.resource["service.instance.id"], repr(point.attributes)): point.count or 0
        for point in mine
        if isinstance(point, otlp.Point) and point.name == "inferspan.inference.duration"
    }
    found = Arrived(Counter(), Counter())
    for (instance, _), count in series.items():
        found.counts[instance] += count
    found.spans.update(
        span.resource["service.instance.id"]
        for span in mine
        if isinstance(span, otlp.Span) and span.name.startswith("infer ")
    )
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
