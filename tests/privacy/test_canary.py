# SPDX-License-Identifier: Apache-2.0
"""Nothing that identifies anybody leaves at default settings: secrets go in, and all that comes out is searched."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import launcher
from support.collector import Collector

from inferspan.config import Config

PROGRAM = Path(__file__).parent / "programs" / "secrets.py"
NUMBER = 7302198.467
TEXT = "tok7731994hk"
EMAIL = "ada.canary@example.org"

#: The least and the largest value of a window of many rows are single values by their nature; the conventions say so.
WINDOW_EXTREME = re.compile(r"(inferspan\.field\.profile\.(maxi|mini)mum': |(maxi|mini)mum=)-?\d[\d.e+]*")


def emitted(*, spans: int = 25, **settings: str) -> str:
    """Returns everything that the Collector wrote and the program printed, of more than so many spans."""
    with Collector() as collector:
        finished = subprocess.run(
            [str(launcher.LAUNCHER), sys.executable, str(PROGRAM)],
            input=json.dumps({"number": NUMBER, "text": TEXT, "email": EMAIL}),
            env=launcher.environment(
                collector.endpoint_http,
                OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN="logs/dup",
                OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET="inf",  # so that all data are looked at
                **settings,
            ),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert finished.returncode == 0, finished.stderr
        collector.wait_for(collector.logs)
    assert len(collector.traces()) >= spans
    written = "".join(map(repr, (*collector.traces(), *collector.metrics(), *collector.logs())))
    return WINDOW_EXTREME.sub("", written) + collector.log + finished.stdout + finished.stderr


def numbers_in(text: str) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\.?\d*(?:e[+-]?\d+)?", text)]


def reveals_number(text: str) -> bool:
    """Returns whether the number is there in any rendering, to four digits."""
    return any(abs(found - NUMBER) < 1000 for found in numbers_in(text))


def test_nothing_leaves_by_default() -> None:
    text = emitted()
    assert TEXT not in text
    assert "ada.canary" not in text
    assert not reveals_number(text)
    # What helps is still there.
    assert "could not convert string to float: '…'" in text
    assert "records" in text
    assert "income" in text
    assert "column_19" in text


def test_nothing_leaves_of_calls_that_are_not_sampled() -> None:
    """A failure then leaves as an event, with the profile of its inputs."""
    text = emitted(spans=0, OTEL_TRACES_SAMPLER="always_off")
    assert "inferspan.inference.anomaly" in text
    assert "inferspan.input.profile.counts" in text
    assert TEXT not in text
    assert "ada.canary" not in text
    assert not reveals_number(text)


@pytest.mark.parametrize(
    ("setting", "value", "revealed"),
    [("profile_min_count", "1", reveals_number), ("exception_detail", "full", lambda text: TEXT in text)],
)
def test_a_setting_that_reveals_says_so(setting: str, value: str, revealed: object) -> None:
    (field,) = [field for field in dataclasses.fields(Config) if field.name == setting]
    assert "reveal" in field.metadata["help"]
    text = emitted(**{f"OTEL_PYTHON_INFERSPAN_{setting.upper()}": value})
    assert revealed(text)  # type: ignore[operator]
