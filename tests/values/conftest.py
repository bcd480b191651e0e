# SPDX-License-Identifier: Apache-2.0
"""Inferences that are given strange values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.telemetry import Telemetry

from inferspan import api, pipeline
from inferspan.semconv.attributes import SystemName


@pytest.fixture
def manual(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    """`inferspan.inference` records on this test's providers."""
    recorder = pipeline.recorder(api.SCOPE, system=SystemName.OTHER, **telemetry.providers)
    monkeypatch.setattr(api, "_recorder", recorder)
    return telemetry


@pytest.fixture
def attributes_of(manual: Telemetry) -> Callable[[Any], dict[str, Any]]:
    """Returns the attributes of the span of an inference that is given a value, and returns it."""

    def of(value: Any) -> dict[str, Any]:
        with api.inference("identity") as call:
            call.inputs(x=value)
            call.outputs(y=value)
        (span,) = manual.spans()
        return dict(span.attributes or {})

    return of
