# SPDX-License-Identifier: Apache-2.0
"""Switched off and on again while the program runs: by code, and by an instrumentor that fails too often."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from inferspan_instrumentors.torch import TorchInstrumentor
from support.telemetry import Telemetry
from torch import Tensor, nn

import inferspan
from inferspan import config, faults
from inferspan.recording import skips
from inferspan.semconv import attributes as names
from inferspan.semconv import metrics
from inferspan.semconv.attributes import SelfSkipReason, SystemName

X = torch.ones(2, 4)


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class Settings:
    """The application's own, which fails where inferspan looks for a name."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("this is no setting")


@pytest.fixture(autouse=True)
def nothing_skipped_yet() -> Iterator[None]:
    for reasons in skips.counts.values():
        reasons.clear()
    yield
    for reasons in skips.counts.values():
        reasons.clear()


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Telemetry:
    telemetry.instrument(TorchInstrumentor())
    return telemetry


def skipped(telemetry: Telemetry) -> dict[tuple[str, str], int]:
    return {
        (point.attributes[names.INFERSPAN_SYSTEM_NAME], point.attributes[names.INFERSPAN_SELF_SKIP_REASON]): point.value
        for point in telemetry.points(metrics.INFERSPAN_SELF_SKIPPED)
    }


def test_off_and_on_again_from_the_next_call(instrumented: Telemetry) -> None:
    model = Classifier().eval()
    model(X)
    inferspan.configure(enabled=False)
    model(X)
    model(X)
    inferspan.configure(enabled=True)
    model(X)
    assert len(instrumented.spans()) == 2
    # Once a call: modules inside it are part of it, on or off.
    assert skipped(instrumented) == {(SystemName.PYTORCH, SelfSkipReason.DISABLED): 2}


def test_the_switch_leaves_other_settings(instrumented: Telemetry) -> None:
    inferspan.configure(profile=False, max_models=7)
    inferspan.configure(enabled=False)
    inferspan.configure(enabled=True)
    assert (config.in_force.profile, config.in_force.max_models) == (False, 7)
    Classifier().eval()(X)
    (span,) = instrumented.spans()
    assert names.INPUT.counts not in span.attributes


def test_a_call_that_is_recorded_is_not_skipped_nor_are_its_modules(instrumented: Telemetry) -> None:
    Classifier().eval()(X)
    assert skipped(instrumented) == {}


def test_a_training_step_is_one_skipped_call(instrumented: Telemetry) -> None:
    Classifier().train()(X).sum().backward()
    assert skipped(instrumented) == {(SystemName.PYTORCH, SelfSkipReason.TRAINING): 1}


def test_an_instrumentor_that_fails_too_often_switches_itself_off(
    instrumented: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    inferspan.configure(raise_faults=False, max_faults=3)
    failing, sound = Classifier().eval(), Classifier().eval()
    failing.config = Settings()
    for _ in range(2):
        assert failing(X).shape == (2, 2)
    sound(X)
    assert len(instrumented.spans()) == 1
    failing(X)
    for _ in range(2):
        assert sound(X).shape == (2, 2)
        failing(X)
    assert instrumented.spans() == []
    assert faults.counts.pop("inference") == 3
    assert skipped(instrumented) == {
        (SystemName.PYTORCH, SelfSkipReason.FAULT): 3,
        (SystemName.PYTORCH, SelfSkipReason.DISABLED): 4,
    }
    (warning,) = [record for record in caplog.records if "switches itself off" in record.getMessage()]
    assert warning.levelno == logging.WARNING
    assert warning.getMessage().startswith("inferspan_instrumentors.torch has failed 3 times")


def test_instrumented_anew_it_is_on_again(telemetry: Telemetry) -> None:
    instrumentor = TorchInstrumentor()
    instrumentor.instrument(**telemetry.providers)
    inferspan.configure(raise_faults=False, max_faults=1)
    failing = Classifier().eval()
    failing.config = Settings()
    failing(X)
    assert faults.counts.pop("inference") == 1
    Classifier().eval()(X)
    assert telemetry.spans() == []
    instrumentor.uninstrument()
    telemetry.instrument(instrumentor)
    Classifier().eval()(X)
    assert len(telemetry.spans()) == 1


def test_faults_of_the_profile_count_as_the_instrumentors(
    instrumented: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    inferspan.configure(raise_faults=False, max_faults=2)

    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("inferspan.lifecycle.capture", broken)
    model = Classifier().eval()
    model(X)  # two faults: of its inputs, and of its outputs
    assert sum(faults.counts.values()) == 2
    faults.counts.clear()
    monkeypatch.undo()
    model(X)
    assert len(instrumented.spans()) == 1
