# SPDX-License-Identifier: Apache-2.0
"""Inferences on a test's own providers, by the public API, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from support.telemetry import Telemetry

import inferspan
from inferspan import api, clock, pipeline
from inferspan.recording import limits
from inferspan.recording.profiles import Profiles
from inferspan.semconv.attributes import SystemName

#: 14 November 2023, 22:13:20 UTC.
NOW = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


class Models:
    """Runs inferences of a model that is not there, on the providers of a test.

    Attributes:
        now: nanoseconds since the epoch, on both clocks.
        windows: that the data is in.
    """

    def __init__(self, telemetry: Telemetry, windows: Profiles) -> None:
        self.telemetry = telemetry
        self.windows = windows
        self.now = NOW

    def infer(
        self,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any] | None = None,
        *,
        model: str = "fraud",
        version: str | None = None,
    ) -> None:
        with inferspan.inference(model, version=version) as call:
            call.inputs(inputs)
            if outputs is not None:
                call.outputs(outputs)

    def values(self, metric: str) -> dict[tuple[str | None, str], Any]:
        """Returns what a metric of fields has by direction and name, of the only model."""
        points = {
            (point.attributes.get("inferspan.io.direction"), point.attributes["inferspan.field.name"]): point
            for point in self.telemetry.points(metric)
        }
        return {field: getattr(point, "value", point) for field, point in points.items()}


@pytest.fixture
def models(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Models:
    """Models whose data is profiled, by the worker's code on the calling thread."""
    pipeline.configure(raise_faults=True, defer=False)
    recorder = pipeline.recorder(api.SCOPE, system=SystemName.OTHER, **telemetry.providers)
    monkeypatch.setattr(api, "_recorder", recorder)
    monkeypatch.setattr(limits, "_models", {})
    found = Models(telemetry, recorder._scope.profiles)
    monkeypatch.setattr(clock, "wall", lambda: found.now)
    monkeypatch.setattr(clock, "monotonic", lambda: found.now)
    return found
