# SPDX-License-Identifier: Apache-2.0
"""What is kept by model stays bounded, however many models of however many names there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.telemetry import Telemetry

from inferspan import config, identity, pipeline
from inferspan.identity import Evidence, Model, WeakTable
from inferspan.recording import drops, limits
from inferspan.recording import series as series_module

MODELS = 10_000


class Net:
    """Something that has an identity."""


def _by_name(index: int) -> Model:
    return identity.named(f"model-{index}", str(index))


def _by_object(index: int) -> Model:
    model = Net()
    identity.describe(model, name=f"model-{index}", version=str(index))
    return identity.identify(model, Evidence())


def _by_path(index: int) -> Model:
    return identity.identify(Net(), Evidence(path=str(Path("/models") / f"model-{index}.onnx")))


@pytest.mark.parametrize("make", [_by_name, _by_object, _by_path])
def test_models_of_many_names(make: object, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in ("_described", "_identified"):
        monkeypatch.setattr(identity, table, WeakTable())
    for table in ("_claims", "_named"):
        monkeypatch.setattr(identity, table, {})
    monkeypatch.setattr(limits, "_models", {})
    recorder = pipeline.recorder("many", system="_OTHER", **telemetry.providers)
    for index in range(MODELS):
        call = recorder.start(lambda index=index: make(index))  # type: ignore[operator,misc]
        assert call is not None
        call.succeed()
    assert len(telemetry.spans()) == MODELS
    limit = config.in_force.max_models
    points = telemetry.points("inferspan.inference.duration")
    assert len(points) == limit + 1
    assert sum(point.count for point in points) == MODELS
    assert drops.counts.pop("model_limit") == MODELS - limit
    assert len(identity._described) == len(identity._identified) == 0
    assert len(identity._claims) <= 4096
    assert len(identity._named) <= 4096
    assert len(recorder._series) <= 1024
    assert len(recorder._scope._known) <= limit + 1


def test_errors_of_many_types(telemetry: Telemetry) -> None:
    recorder = pipeline.recorder("many", system="_OTHER", **telemetry.providers)
    for index in range(200):
        call = recorder.start(identity.named("errors"))
        assert call is not None
        call.fail_as(f"Error{index}", "no")
    telemetry.spans()
    kinds = {point.attributes["error.type"] for point in telemetry.points("inferspan.inference.duration")}
    assert "_OTHER" in kinds
    assert len(kinds) <= series_module._MAX_ERROR_TYPES + 1
