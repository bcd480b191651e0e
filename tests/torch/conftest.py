# SPDX-License-Identifier: Apache-2.0
"""Torch, instrumented for one test."""

from __future__ import annotations

import pytest
from inferspan_instrumentors.torch import TorchInstrumentor
from support.telemetry import Telemetry

from inferspan import identity


@pytest.fixture
def instrumented(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    """What torch's inferences emit; no class has taken another's name in an earlier test."""
    monkeypatch.setattr(identity, "_claims", {})
    telemetry.instrument(TorchInstrumentor())
    return telemetry
