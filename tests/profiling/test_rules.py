# SPDX-License-Identifier: Apache-2.0
"""What a span may say of few values: aggregates only, and of a few rows of a table nothing that is one row's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from support.profiles import MAX_ELEMENTS, profile, profiles

from inferspan.profiling import capture

COUNTS = ("count", "missing", "infinite", "zero")
AGGREGATES = ("mean", "standard_deviation")
ORDERED = ("minimum", "maximum", "quantile_05", "quantile_50", "quantile_95")


def shown(found: Any) -> set[str]:
    """Returns which statistics a profile has."""
    return {name for name in (*AGGREGATES, *ORDERED) if getattr(found, name) is not None}


NOTHING: set[str] = set()
MOMENTS = set(AGGREGATES)
EVERYTHING = {*AGGREGATES, *ORDERED}

SHOWN: dict[tuple[int, ...], set[str]] = {
    # one row
    (): NOTHING,
    (1,): NOTHING,
    (9,): NOTHING,
    (10,): MOMENTS,
    (64,): MOMENTS,
    (1, 9): NOTHING,
    (1, 20): MOMENTS,
    (1, 256): MOMENTS,
    (1, 1, 20): MOMENTS,
    # some rows
    (3, 3): NOTHING,
    (3, 4): MOMENTS,
    (9, 20): MOMENTS,
    (10, 1): EVERYTHING,
    (10, 20): EVERYTHING,
    (2, 5, 20): EVERYTHING,
    # what has no rows of somebody's
    (257,): EVERYTHING,
    (1, 1000): EVERYTHING,
    (1, 3, 32, 32): EVERYTHING,
    (5000,): EVERYTHING,
    (2, 3, 4, 500): EVERYTHING,
}


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
@pytest.mark.parametrize("shape", SHOWN, ids=str)
def test_shown(shape: tuple[int, ...], dtype: str) -> None:
    values = np.arange(math.prod(shape)).reshape(shape).astype(dtype)
    found = profile(values, min_count=10)
    assert shown(found) == SHOWN[shape]
    assert all(getattr(found, name) is not None for name in COUNTS)


@pytest.mark.parametrize("shape", SHOWN, ids=str)
def test_lists_are_as_arrays(shape: tuple[int, ...]) -> None:
    values = np.arange(float(math.prod(shape))).reshape(shape).tolist()
    assert shown(profile(values, min_count=10)) == SHOWN[shape]


@pytest.mark.parametrize("size", [12, 64, 2000])
def test_only_finite_values_count(size: int) -> None:
    values = np.full((size, 1), np.nan)
    values[:9] = 1.0
    assert shown(profile(values, min_count=10)) == NOTHING
    values[9] = 1.0
    assert shown(profile(values, min_count=10)) == EVERYTHING


@pytest.mark.parametrize("rows", [1, 9, 10, 40, 2000])
def test_features(rows: int) -> None:
    """A column has as many values as there are rows."""
    whole, *columns = profiles(np.ones((rows, 20)), min_count=10, features={"": [f"f{i}" for i in range(20)]})
    assert shown(whole) == (MOMENTS if rows < 10 else EVERYTHING)
    assert len(columns) == 20
    for column in columns:
        assert shown(column) == (NOTHING if rows < 10 else EVERYTHING)
        assert (column.count, column.missing, column.shape) == (rows, 0, (rows,))


@pytest.mark.parametrize("value", [41, 41.5, True, [41.5], {"age": 41.5}, np.float32(41.5), (1.0, 2.0)])
def test_numbers_are_counted(value: Any) -> None:
    (found,) = profiles(value, min_count=10)
    assert shown(found) == NOTHING
    assert found.count in (1, 2)


def test_the_bar_can_be_lowered() -> None:
    assert shown(profile(41.5, min_count=1)) == EVERYTHING
    assert profile(41.5, min_count=1).minimum == 41.5
    assert shown(profile(np.ones((3, 20)), min_count=3)) == EVERYTHING
    assert shown(profile(np.ones((3, 20)), min_count=61)) == NOTHING


def test_features_by_name_of_the_input() -> None:
    features = {"x": ["a", "b"], "other": ["c", "d"], "": ["e", "f"]}
    assert [one.name for one in profiles(np.ones((1, 2)), "x", features=features)] == ["x", "a", "b"]
    assert [one.name for one in profiles(np.ones(2), "x", features=features)] == ["x", "a", "b"]
    assert [one.name for one in profiles(np.ones((1, 2)), "y", features=features)] == ["y", "e", "f"]
    for shape in ((1, 3), (1, 1, 2), (), (2, 0)):
        assert [one.name for one in profiles(np.ones(shape), "x", features=features)] == ["x"]
    assert [one.name for one in profiles([[1.0, 2.0]], "x", features=features)] == ["x", "a", "b"]
    assert [one.name for one in profiles(np.ones((0, 2)), "x", features=features)] == ["x"]


def test_the_same_name_in_two_inputs() -> None:
    inputs = {"left": {"x": 1.0, "y": 2.0}, "right": {"x": 3.0, "z": 4.0}}
    assert [one.name for one in capture(inputs, max_elements=MAX_ELEMENTS)] == ["x", "y", "right.x", "z"]
