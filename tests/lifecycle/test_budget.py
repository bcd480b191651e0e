# SPDX-License-Identifier: Apache-2.0
"""What profiling costs is measured, and kept within a share of the time that inferences take."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from support.telemetry import Telemetry

import inferspan
from inferspan import clock, pipeline
from inferspan.profiling import budget as budgets
from inferspan.profiling.budget import Budget, Rates, budget
from inferspan.semconv import attributes as names
from inferspan.semconv import events as event_names

X = np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 4, 5)
LARGE = np.linspace(-1, 1, 200_000)
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
SPENT = "not profiled: the budget of CPU time is spent"


@inferspan.inference("model", version="1")
def predict(x: Any) -> Any:
    return x.sum()


@inferspan.inference("model", version="1")
def fail(x: Any) -> Any:
    raise ValueError("no")


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The monotonic clock: one number, to be set."""
    now = [0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    pipeline.configure(profile_budget=0.01)
    return now


# -- the account -----------------------------------------------------------------------------------------------------


def test_a_hundredth_of_the_time_of_inferences_is_spent(time: list[int]) -> None:
    """However much a profile costs, and although each is known to cost as much only afterwards."""
    one = Budget()
    for _ in range(20_000):
        time[0] += 2 * MILLISECOND
        if one.allows(sampled=True):
            one.charge(one.regular, 70_000)
        one.earn(MILLISECOND)
    assert one.inference_time == 20 * SECOND
    assert 0.008 < one.regular.spent / one.inference_time <= 0.0105
    assert one.findings.spent == 0


def test_what_was_not_spent_is_not_kept_for_later(time: list[int]) -> None:
    one = Budget()
    one.earn(3600 * SECOND)
    spent = 0
    while one.allows(sampled=True):
        one.charge(one.regular, 100_000)
        spent += 100_000
    assert spent <= 5 * MILLISECOND


def test_a_model_that_is_called_rarely_is_profiled_each_time(time: list[int]) -> None:
    one = Budget()
    for _ in range(1000):
        time[0] += SECOND
        assert one.allows(sampled=True)
        one.charge(one.regular, 100_000)
        one.earn(1000)
    assert one.regular.spent / time[0] == pytest.approx(0.0001)


def test_what_is_left_last_is_for_sampled_calls(time: list[int]) -> None:
    one = Budget()
    profiled = {True: 0, False: 0}
    for number in range(20_000):
        time[0] += 2 * MILLISECOND
        sampled = number % 100 == 0
        if one.allows(sampled=sampled):
            profiled[sampled] += 1
            one.charge(one.regular, 70_000)
        one.earn(MILLISECOND)
    assert profiled[True] == 200
    assert 0.008 < one.regular.spent / one.inference_time <= 0.0105


@pytest.mark.parametrize(("share", "allowed"), [(0.0, False), (math.inf, True)])
def test_nothing_and_everything(share: float, allowed: bool) -> None:
    one = Budget()
    one.charge(one.regular, SECOND * (share > 0))
    pipeline.configure(profile_budget=share)
    one.earn(SECOND)
    assert one.allows(sampled=True) is allowed
    assert one.findings.affords(1) is allowed


def test_small_arrays_do_not_tell_what_large_ones_cost() -> None:
    rates = Rates()
    for _ in range(100):
        rates.learn(2000, "<f4", 110_000, columns=False)
    assert rates.expected(300_000, "<f4", columns=False) < 10 * MILLISECOND
    for _ in range(100):
        rates.learn(300_000, "<f4", 200_000, columns=False)
    assert rates.expected(300_000, "<f4", columns=False) == pytest.approx(200_000, rel=0.01)


def test_one_measurement_that_is_far_off_changes_little() -> None:
    rates = Rates()
    before = rates.expected(1_000_000, "<f4", columns=True)
    rates.learn(1_000_000, "<f4", SECOND, columns=True)
    assert rates.expected(1_000_000, "<f4", columns=True) < 2 * before


def test_what_is_too_expensive_is_tried_again_some_day() -> None:
    rates = Rates()
    for _ in range(100):
        rates.learn(1_000_000, "<f4", 20 * MILLISECOND, columns=False)
    assert rates.expected(1_000_000, "<f4", columns=False) > 19 * MILLISECOND
    for _ in range(300):
        rates.doubt("<f4", columns=False)
    assert rates.expected(1_000_000, "<f4", columns=False) < 2 * MILLISECOND


# -- what is done with it --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("spent_budget")
def test_a_span_says_that_nothing_was_left_for_its_profile(manual: Telemetry) -> None:
    predict(X)
    (span,) = manual.spans()
    assert span.attributes[names.INPUT.names] == ("x",)
    assert span.attributes[names.INPUT.types] == ("float32",)
    assert span.attributes[names.INPUT.shapes] == ("3x4x5",)
    assert span.attributes[names.INPUT.notes] == (f"x: {SPENT}",)
    assert names.INPUT.counts not in span.attributes
    assert span.attributes[names.OUTPUT.names] == ("output",)
    assert span.attributes[names.OUTPUT.notes] == (f"output: {SPENT}",)
    assert names.OUTPUT.counts not in span.attributes
    assert span.attributes[names.INFERSPAN_BATCH_SIZE] == 3


@pytest.mark.usefixtures("spent_budget")
def test_a_failure_has_an_allowance_of_its_own(manual: Telemetry) -> None:
    with pytest.raises(ValueError, match="no"):
        fail(X)
    (span,) = manual.spans()
    assert span.attributes[names.INPUT.counts] == (60,)
    assert span.attributes[names.INFERSPAN_INPUT_PROFILE_AFTER_CALL] is True
    assert budget.findings.spent > 0


def test_what_is_not_sampled_is_profiled_before_it_fails(unsampled: Telemetry) -> None:
    with pytest.raises(ValueError, match="no"):
        fail(X)
    (event,) = unsampled.events()
    assert event.attributes[names.INPUT.counts] == (60,)
    assert names.INFERSPAN_INPUT_PROFILE_AFTER_CALL not in event.attributes


def test_a_finding_that_is_not_sampled_is_an_event(unsampled: Telemetry) -> None:
    predict(X)
    assert unsampled.events() == []
    x = X.copy()
    x[0, 0, 0] = np.nan
    predict(x)
    (event,) = unsampled.events()
    assert event.event_name == event_names.INFERSPAN_INFERENCE_ANOMALY
    assert event.trace_id
    assert event.span_id
    assert event.attributes[names.INFERSPAN_MODEL_NAME] == "model"
    assert event.attributes[names.INFERSPAN_ANOMALIES] == ("output: 100 % missing", "x: 1.67 % missing")
    assert names.ERROR_TYPE not in event.attributes


def test_a_large_array_is_sampled_where_all_of_it_is_not_affordable(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.configure(profile_budget=0.01)
    monkeypatch.setattr(budget.regular, "left", 40_000.0)
    monkeypatch.setattr(budgets.rates, "expected", lambda elements, *_, **__: elements)
    predict(LARGE)
    (span,) = manual.spans()
    (count,) = span.attributes[names.INPUT.counts]
    assert 16_384 <= count < 20_000
    assert span.attributes[names.INPUT.notes] == (f"x: sampled {count} of 200000",)
    assert span.attributes[names.OUTPUT.names] == ("output",)


def test_what_a_sample_finds_is_looked_at_in_full(manual: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.configure(profile_budget=0.01)
    monkeypatch.setattr(budget.regular, "left", 5000.0)
    monkeypatch.setattr(budget.findings, "left", 1e9)
    monkeypatch.setattr(budgets.rates, "expected", lambda elements, *_, **__: elements)
    before = budget.findings.spent
    predict(np.where(LARGE > 0.9, np.nan, LARGE))
    (span,) = manual.spans()
    assert span.attributes[names.INPUT.counts] == (200_000,)
    assert span.attributes[names.INPUT.missing_counts] == (10_000,)
    assert names.INPUT.notes not in span.attributes
    assert budget.findings.spent > before


# -- what is said of it ----------------------------------------------------------------------------------------------


def test_what_was_used_and_what_was_looked_at_are_metrics(manual: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    budget.forget()
    predict(X)
    monkeypatch.setattr(budget.regular, "left", -math.inf)
    pipeline.configure(profile_budget=0.01)
    with pytest.raises(ValueError, match="no"):
        fail(X)
    used = {
        p.attributes["inferspan.self.profile.allowance"]: p.value for p in manual.points("inferspan.self.profile.time")
    }
    assert 0 < used["regular"] < 0.1
    assert 0 < used["findings"] < 0.1
    (inference_time,) = manual.points("inferspan.self.profile.inference_time")
    durations = sum(point.sum for point in manual.points("inferspan.inference.duration"))
    assert inference_time.value == pytest.approx(durations)
    looked_at = {
        p.attributes["inferspan.self.profile.coverage"]: p.value
        for p in manual.points("inferspan.self.profile.inferences")
    }
    assert looked_at == {"full": 1, "none": 1}
