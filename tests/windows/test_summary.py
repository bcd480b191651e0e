# SPDX-License-Identifier: Apache-2.0
"""Summaries of fields against the values that they are of, and merging against having seen all values at once."""

from __future__ import annotations

import dataclasses
import math
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from support.histograms import histogram_of
from support.windows import INPUT, field_of, window_of

from inferspan.windows import MIXED, FieldSummary, IncompatibleWindows, Window, WindowKey, file

SEED = 20240131


def exact(values: list[float]) -> tuple[Fraction, Fraction]:
    """Mean and population variance of finite numbers, exactly."""
    numbers = [Fraction(value) for value in values]
    mean = sum(numbers) / len(numbers)
    return Fraction(mean), Fraction(sum((number - mean) ** 2 for number in numbers) / len(numbers))


def test_a_field_of_small_values() -> None:
    batches = np.random.default_rng(SEED).normal(3, 2, (500, 1, 7)).astype(np.float32)
    batches[3, 0, 2], batches[4, 0, 0], batches[5, 0, 1], batches[6, 0, 6] = math.nan, math.inf, -math.inf, 0
    field = field_of(*batches, table={"x": False})
    values = [value for value in batches.ravel().astype(float).tolist() if math.isfinite(value)]
    mean, variance = exact(values)
    assert (field.name, field.tensor, field.type) == ("x", "x", "float32")
    assert (field.count, field.missing, field.infinite, field.zero, field.unmeasured) == (3500, 1, 2, 1, 0)
    assert field.finite == len(values)
    assert (field.minimum, field.maximum) == (min(values), max(values))
    assert field.mean == pytest.approx(float(mean), rel=1e-9)
    assert field.standard_deviation == pytest.approx(math.sqrt(variance), rel=1e-6)
    assert field.histogram == histogram_of(values)


def test_a_field_of_large_arrays() -> None:
    arrays = np.random.default_rng(SEED).normal(100, 1, (5, 40_000)).astype(np.float32)
    field = field_of(*arrays)
    mean, variance = exact(arrays.ravel().astype(float).tolist())
    assert field.count == field.finite == arrays.size
    assert (field.minimum, field.maximum) == (arrays.min(), arrays.max())
    assert field.mean == pytest.approx(float(mean), rel=1e-9)
    assert field.standard_deviation == pytest.approx(math.sqrt(variance), rel=1e-6)
    # How they are distributed is known of a sample.
    assert 0 < field.histogram.count < field.finite
    assert field.quantile(0.5) == pytest.approx(100, abs=0.1)


def test_columns_of_a_table() -> None:
    rows = np.random.default_rng(SEED).normal([0, 10, 1000], [1, 2, 1e-3], (300, 3))
    rows[7, 1] = math.nan
    small, large = rows[:20], rows[20:]
    window = window_of(*small[:, None, :], np.tile(large, (5, 1)), features={"x": ["a", "b", "c"]})
    everything = np.concatenate([small, *[large] * 5])
    for index, name in enumerate("abc"):
        values = everything[:, index]
        finite = values[np.isfinite(values)]
        field = window.fields[name]
        assert (field.name, field.tensor, field.count, field.missing) == (name, "x", len(values), name == "b")
        assert field.mean == pytest.approx(finite.mean(), rel=1e-12, abs=1e-12)
        assert field.standard_deviation == pytest.approx(finite.std(), rel=1e-6)
    assert list(window.fields) == ["a", "b", "c"]


def test_a_mean_ten_thousand_deviations_from_zero() -> None:
    rng = np.random.default_rng(SEED)
    batches = (10_000 + rng.normal(0, 1, (1000, 20))).astype(np.float32)
    batches[0, 0] = 0
    field = field_of(*batches)
    _, variance = exact(batches.ravel().astype(float).tolist())
    assert field.standard_deviation == pytest.approx(math.sqrt(variance), rel=1e-6)


@pytest.mark.parametrize("unit", [1e300, 1e155, 1e-155, 1e-300])
def test_values_whose_squares_no_double_holds(unit: float) -> None:
    batches = np.random.default_rng(SEED).normal(5, 1, (50, 20)) * unit
    field = field_of(*batches)
    assert field.mean == pytest.approx(batches.mean(), rel=1e-12)
    assert field.standard_deviation == pytest.approx((batches / unit).std() * unit, rel=1e-9)


@pytest.mark.parametrize("values", [[math.nan] * 3, [math.inf, -math.inf], [None, None]])
def test_no_statistics_of_nothing(values: list[Any]) -> None:
    field = field_of(values)
    assert (field.count, field.finite) == (len(values), 0)
    assert (field.minimum, field.maximum, field.mean, field.standard_deviation) == (None,) * 4
    assert field.quantile(0.5) is None


def test_a_zero_of_either_sign_is_the_same_minimum() -> None:
    one, two = field_of([0.0]), field_of([-0.0])
    assert one == two
    assert [math.copysign(1, end or 0.0) for end in (two.minimum, two.maximum)] == [1, 1]


def test_sums() -> None:
    field = field_of([1.0, 2.0, 4.5, 0.5])
    assert field.total == 8
    assert field.squares == pytest.approx(Fraction(51, 2), rel=1e-12)
    assert (field.mean, field.standard_deviation) == (2.0, pytest.approx(math.sqrt(51 / 8 - 4), rel=1e-12))


def batches_of(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Inputs of inferences: of many magnitudes, some missing, some fields absent, of types that change."""
    found: list[dict[str, Any]] = []
    for _ in range(count):
        scale = math.ldexp(1.0, rng.randint(-200, 200))
        inputs: dict[str, Any] = {"a": np.array([rng.gauss(0, 1) * scale for _ in range(rng.randint(1, 30))])}
        if rng.random() < 0.5:
            inputs["b"] = [rng.choice((None, math.inf, 0.0, rng.random())) for _ in range(3)]
        if rng.random() < 0.5:
            kind = rng.choice((np.float32, np.int64, np.uint8))
            inputs["c"] = np.array([[rng.randint(0, 9), 2]], kind)
        found.append(inputs)
    return found


@pytest.mark.parametrize("seed", range(25))
def test_merged_in_any_order_is_the_same(seed: int) -> None:
    rng = random.Random(seed)
    batches = batches_of(rng, 40)
    cuts = sorted(rng.sample(range(1, 40), 6))
    windows = [window_of(*batches[start:end]) for start, end in zip([0, *cuts], [*cuts, 40], strict=True)]
    found: set[str] = set()
    for _ in range(6):
        parts = list(windows)
        while len(parts) > 1:
            one = parts.pop(rng.randrange(len(parts)))
            two = parts.pop(rng.randrange(len(parts)))
            parts.append(one.merge(two))
        found.add(file.dumps(parts))
    assert len(found) == 1
    (merged,) = file.loads(found.pop())
    whole = window_of(*batches)
    assert (merged.inferences, merged.key) == (40, INPUT)
    assert merged.fields.keys() == whole.fields.keys()
    for name, field in merged.fields.items():
        agrees(field, whole.fields[name])


def agrees(merged: FieldSummary, whole: FieldSummary) -> None:
    """Compares a field that was merged with one that has seen all at once, whose kernel has rounded elsewhere."""
    rounded = {"total", "squares", "categories"}
    for attribute in dataclasses.fields(FieldSummary):
        if attribute.name not in rounded:
            assert getattr(merged, attribute.name) == getattr(whole, attribute.name), attribute.name
    if whole.finite:
        scale = max(abs(whole.minimum or 0.0), abs(whole.maximum or 0.0))
        assert merged.mean == pytest.approx(whole.mean, rel=1e-6, abs=1e-9 * scale)
        assert merged.standard_deviation == pytest.approx(whole.standard_deviation, rel=1e-6)
    assert {one.kind: one.count for one in merged.categories} == {one.kind: one.count for one in whole.categories}


def test_merging_adds_up_what_windows_say_beside_fields() -> None:
    one, two = window_of([1.0]), window_of([2.0], [3.0])
    merged = two.merge(one)
    assert (merged.started, merged.ended, merged.inferences) == (one.started, two.ended, 3)
    assert merged == one.merge(two)
    assert dataclasses.replace(one, omitted=4).merge(dataclasses.replace(two, omitted=3)).omitted == 7


def test_windows_of_different_data_are_not_merged() -> None:
    one = window_of([1.0])
    for change, told in (
        ({"version": "4"}, "version is '3' in one and '4' in the other"),
        ({"direction": "output"}, "direction is 'input' in one and 'output' in the other"),
        ({"version": None}, "version is '3' in one and not given in the other"),
        ({"model": "m" * 1000}, "model is 'fraud' in one and 'mmm"),
    ):
        other = window_of([1.0], key=INPUT._replace(**change))
        with pytest.raises(IncompatibleWindows, match=told) as error:
            one.merge(other)
        assert len(str(error.value)) < 300


def test_columns_of_one_name_and_different_tensors_are_not_merged() -> None:
    one = window_of({"x": np.ones((1, 2))}, features={"x": ["age", "income"]})
    other = window_of({"y": np.ones((1, 2))}, features={"y": ["age", "height"]})
    with pytest.raises(IncompatibleWindows, match="field 'age' of 'x' is not field 'age' of 'y'"):
        one.merge(other)


def test_a_type_that_changes_between_windows() -> None:
    one, two = window_of(np.ones(3, np.int32)), window_of(np.full(3, 2.0))
    merged = one.merge(two).fields["x"]
    assert (merged.type, merged.count, merged.mean) == (MIXED, 6, 1.5)
    assert [(summary.kind, summary.count) for summary in merged.categories] == [("integer", 3)]


def test_an_entity_has_windows_of_its_own() -> None:
    window = window_of(np.ones(3), key=WindowKey(entity="features.v2"))
    assert window.key == (None, None, None, "features.v2", None)
    assert isinstance(window, Window)
    assert window.fields["x"].count == 3
