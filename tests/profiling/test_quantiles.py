# SPDX-License-Identifier: Apache-2.0
"""Quantiles: exact of few values, of a bounded sample of many, whatever order they lie in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from support.profiles import profile, profiles

#: What 95 of 100 samples of 1 024 stay within, and half as much again: none of the draws below may pass it.
RANK_ERROR = 1.5 * 1.1 / math.sqrt(1024)
PROBABILITIES = (0.05, 0.5, 0.95)


def quantiles(found: Any) -> list[float]:
    return [found.quantile_05, found.quantile_50, found.quantile_95]


@pytest.mark.parametrize("size", [1, 2, 3, 10, 32, 33, 100, 1000, 1024])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_few_values_exactly(size: int, dtype: str) -> None:
    values = np.random.default_rng(size).normal(100, 50, size).clip(0, 200).astype(dtype)
    expected = np.quantile(values.astype(np.float64), PROBABILITIES)
    assert quantiles(profile(values)) == pytest.approx(expected, rel=1e-14)


def test_over_finite_values() -> None:
    values = np.array([1.0, np.nan, 2.0, np.inf, 3.0, -np.inf, 4.0])
    assert quantiles(profile(values)) == pytest.approx(np.quantile([1, 2, 3, 4], PROBABILITIES))


def rank_error(found: Any, values: Any) -> float:
    """How far the quantiles are from where they should be, as a share of all values; ties are no error."""
    ordered = np.sort(np.asarray(values).ravel())
    errors = []
    for probability, value in zip(PROBABILITIES, quantiles(found), strict=True):
        low = np.searchsorted(ordered, value, "left") / ordered.size
        high = np.searchsorted(ordered, value, "right") / ordered.size
        errors.append(max(low - probability, probability - high, 0.0))
    return max(errors)


DISTRIBUTIONS = {
    "normal": lambda rng, size: rng.normal(0, 1, size),
    "far from zero": lambda rng, size: rng.normal(100, 1, size),
    "skewed": lambda rng, size: rng.lognormal(0, 3, size),
    "two peaks": lambda rng, size: np.where(rng.random(size) < 0.5, -100.0, 100.0) + rng.normal(0, 1, size),
    "mostly zero": lambda rng, size: np.maximum(rng.normal(-1, 1, size), 0),
    "sorted": lambda rng, size: np.sort(rng.normal(0, 1, size)),
    "periodic": lambda rng, size: np.arange(size) % 256.0,
}


@pytest.mark.parametrize("size", [1025, 1500, 3000, 6720, 20_000, 150_528])
@pytest.mark.parametrize("make", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_many_values(make: Any, size: int) -> None:
    values = make(np.random.default_rng(size), size)
    for _ in range(5):
        assert rank_error(profile(values), values) <= RANK_ERROR


SHAPES = [
    (224, 224),
    (3, 224, 224),
    (1, 3, 224, 224),
    (8, 3, 256, 256),
    (224, 224, 3),
    (64, 1000),
    (1000, 64),
    (512, 768),
    (8, 128, 768),
    (512, 10_000),
    (2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3),
    (7, 11, 13, 17),
]


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_along_each_axis(shape: tuple[int, ...], channels_last: bool) -> None:
    """A stride that shares a factor with a dimension sees the same columns of every row; one near it, some of them."""
    for axis in range(len(shape)):
        along = [shape[axis] if index == axis else 1 for index in range(len(shape))]
        gradient = np.broadcast_to(np.arange(float(shape[axis])).reshape(along), shape)
        values = np.ascontiguousarray(np.moveaxis(gradient, 0, -1)) if channels_last else gradient.copy()
        if channels_last:
            values = np.moveaxis(values, -1, 0)
        for _ in range(5):
            assert rank_error(profile(values), values) <= max(RANK_ERROR, 1.01 / shape[axis])


def test_a_gradient_that_is_not_contiguous() -> None:
    values = np.broadcast_to(np.arange(448.0), (1, 3, 448, 448)).copy()[:, :, ::2, ::2]
    for _ in range(5):
        assert rank_error(profile(values), values) <= RANK_ERROR


def test_the_sample_starts_elsewhere_each_time() -> None:
    """So that what recurs with the stride is not always met, or always missed."""
    values = np.arange(200_003.0)
    assert len({profile(values).quantile_05 for _ in range(8)}) > 4


def test_columns_of_many_rows() -> None:
    rng = np.random.default_rng(7)
    values = np.stack([make(rng, 20_000) for make in DISTRIBUTIONS.values()], axis=1)
    _, *fields = profiles(values, features={"": list(DISTRIBUTIONS)})
    for index, found in enumerate(fields):
        assert rank_error(found, values[:, index]) <= RANK_ERROR


def test_a_huge_array_is_sampled_and_says_so() -> None:
    values = np.arange(1_000_000.0).reshape(1000, 1000)
    found = profile(values, max_elements=100_000)
    assert found.count is not None
    assert 16_384 <= found.count <= 2 * 16_384
    assert found.note == f"sampled {found.count} of 1000000"
    assert found.shape == (1000, 1000)
    assert found.mean == pytest.approx(499_999.5, rel=0.02)
    assert rank_error(found, values) <= RANK_ERROR


def test_of_a_huge_table_whole_rows_are_sampled() -> None:
    """So that the columns of the sample are those of the table."""
    values = np.tile(np.arange(20.0), (10_000, 1))
    whole, *columns = profiles(values, max_elements=100_000, features={"": [f"f{i}" for i in range(20)]})
    assert whole.count is not None
    assert 16_000 <= whole.count <= 2 * 16_384
    assert whole.note == f"sampled {whole.count} of 200000"
    assert [(one.count, one.mean, one.maximum) for one in columns] == [(whole.count // 20, i, i) for i in range(20)]


@pytest.mark.parametrize("shape", [(50_000,), (100, 500), (20_000, 7)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "float16"])
def test_never_a_value_that_is_not_finite(shape: tuple[int, ...], dtype: str) -> None:
    """Whatever the data: no NaN and no infinity in any statistic."""
    rng = np.random.default_rng(3)
    scales = [1e-40, 1.0, 1e4, 1e38]
    for scale in scales:
        with np.errstate(all="ignore"):
            values = (rng.normal(0, 1, shape) * scale).astype(dtype)
            if values.dtype.kind == "f":
                values[rng.random(shape) < 0.2] = np.nan
                values[rng.random(shape) < 0.2] = np.inf
        for found in profiles(values, features={"": [f"f{i}" for i in range(shape[-1])]}):
            for name in found.__slots__:
                value = getattr(found, name)
                assert not isinstance(value, float) or math.isfinite(value)
