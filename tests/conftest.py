# SPDX-License-Identifier: Apache-2.0
"""Fixtures that all tests share: providers that keep what they get, and faults that are raised."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from support.telemetry import Telemetry

from inferspan import config, faults, pipeline
from inferspan.profiling.budget import budget


@pytest.fixture(autouse=True)
def faults_are_raised(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings are the defaults, and a fault of inferspan anywhere, on the worker too, fails the test."""
    before = config.in_force
    monkeypatch.setattr(config, "_overrides", {})
    faults.counts.clear()
    # Tests of what a profile says have more calls in a second than any budget.
    pipeline.configure(raise_faults=True, profile_budget=math.inf)
    yield
    found = dict(faults.counts)
    faults.counts.clear()
    config.in_force = before
    assert not found, f"faults inside inferspan: {found}"


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Providers of its own for one test."""
    with Telemetry() as one:
        yield one


@pytest.fixture
def spent_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What profiling may take is spent for good, all but the allowance for failures and findings."""
    pipeline.configure(profile_budget=0.01)
    monkeypatch.setattr(budget.regular, "left", -math.inf)
    monkeypatch.setattr(budget.findings, "left", 1e12)
