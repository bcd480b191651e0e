# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the life cycle's tests: the public API on a test's own providers, and nothing left behind."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from opentelemetry import context
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from support.telemetry import Telemetry

from inferspan import api, pipeline
from inferspan.recording import finish, live
from inferspan.semconv.attributes import SystemName


@pytest.fixture(autouse=True)
def nothing_is_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The context is what it was, no call is in progress, and nobody logged an error."""
    before = context.get_current()
    calls = dict(live.calls)
    yield
    assert context.get_current() is before
    assert live.calls == calls
    assert not live.starting
    assert not live.ending
    errors = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors


@pytest.fixture
def manual(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    """`inferspan.inference` records on this test's providers."""
    use(telemetry, monkeypatch)
    return telemetry


@pytest.fixture
def unsampled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    """Providers of which the sampler samples nothing."""
    with Telemetry(sampler=ALWAYS_OFF) as telemetry:
        use(telemetry, monkeypatch)
        monkeypatch.setattr(finish, "_allowance", finish._Allowance())
        yield telemetry


def use(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = pipeline.recorder(api.SCOPE, system=SystemName.OTHER, **telemetry.providers)
    monkeypatch.setattr(api, "_recorder", recorder)
