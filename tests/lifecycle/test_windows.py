# SPDX-License-Identifier: Apache-2.0
"""Windows are closed while nothing else happens."""

from __future__ import annotations

import time

import numpy as np
from support.telemetry import Telemetry

import inferspan
from inferspan import pipeline


def test_the_worker_closes_a_window_when_its_time_is_over(manual: Telemetry) -> None:
    pipeline.configure(raise_faults=True, window_seconds=1)
    with inferspan.inference("fraud") as call:
        call.inputs({"x": np.ones(16)})
    deadline = time.monotonic() + 60
    while not (events := manual.events()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [event.event_name for event in events] == ["inferspan.data.profile"]
