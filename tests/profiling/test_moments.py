# SPDX-License-Identifier: Apache-2.0
"""Counts and moments against exact arithmetic, for every type and layout, of few values and of many."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from support.profiles import profile, profiles

SEED = 20240131
FLOATS = ("float16", "float32", "float64", ">f4", ">f8")
WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", ">i4", ">u8")
#: In plain Python, in numpy at once, and in blocks.
SIZES = (1, 7, 32, 33, 1000, 1024, 1025, 70_001)


def exact(values: Any) -> tuple[Fraction, Fraction]:
    """Mean and population variance of finite numbers, exactly."""
    numbers = [Fraction(one) for one in np.asarray(values).ravel().tolist()]
    mean = sum(numbers) / len(numbers)
    return mean, sum((one - mean) ** 2 for one in numbers) / len(numbers)


def precise(values: Any) -> tuple[float, float]:
    """Mean and standard deviation, in extended precision about the first value."""
    wide = np.asarray(values).ravel().astype(np.longdouble)
    shifted = wide - wide[0]
    mean = shifted.mean()
    return float(wide[0] + mean), float(np.sqrt(((shifted - mean) ** 2).mean()))


def check(value: Any, expected: Any = None, *, tolerance: float = 1e-12) -> None:
    """Compares a value's profile with what its elements are."""
    found = profile(value)
    elements = np.asarray(value if expected is None else expected).ravel()
    doubles = elements.astype(np.float64)
    finite = doubles[np.isfinite(doubles)]
    assert found.count == elements.size
    assert found.missing == np.isnan(doubles).sum()
    assert found.infinite == np.isinf(doubles).sum()
    assert found.zero == (doubles == 0).sum()
    if not finite.size:
        assert (found.mean, found.standard_deviation, found.minimum, found.maximum) == (None,) * 4
        return
    mean, deviation = precise(finite)
    scale = max(deviation, np.spacing(abs(mean)))
    assert (found.minimum, found.maximum) == (finite.min(), finite.max())
    assert found.mean == pytest.approx(mean, rel=tolerance, abs=tolerance * scale)
    assert found.standard_deviation == pytest.approx(deviation, rel=max(tolerance, 1e-9), abs=1e-9 * scale)
    assert found.minimum <= found.mean <= found.maximum


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


# Blocks of float32 are added up in rows of single precision.
TOLERANCE = {"float16": 1e-6, "float32": 1e-6, ">f4": 1e-6, "int8": 1e-6, "int16": 1e-6, "uint8": 1e-6, "uint16": 1e-6}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_floats(dtype: str, size: int, rng: np.random.Generator) -> None:
    values = rng.normal(3, 2, size).astype(dtype)
    values[:: max(2, size // 5)] = 0
    check(values, tolerance=TOLERANCE.get(dtype, 1e-12))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_that_are_missing_or_infinite(dtype: str, size: int, rng: np.random.Generator) -> None:
    values = rng.normal(0, 1, size).astype(dtype)
    strange = np.array([np.nan, np.inf, -np.inf, 0, -0.0], dtype)
    at = rng.random(size) < 0.3
    values[at] = strange[rng.integers(0, 5, at.sum())]
    check(values, tolerance=TOLERANCE.get(dtype, 1e-12))


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf, -0.0])
@pytest.mark.parametrize("place", [0, 65_535, 65_536, -1])
def test_one_strange_value_anywhere(strange: float, place: int, rng: np.random.Generator) -> None:
    values = rng.normal(0, 1, 150_528).astype(np.float32)
    values[place] = strange
    check(values, tolerance=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", WHOLE)
def test_whole_numbers(dtype: str, size: int, rng: np.random.Generator) -> None:
    """From one end of the type's range to the other."""
    limits = np.iinfo(dtype)
    values = rng.integers(limits.min, limits.max, size, endpoint=True, dtype=np.dtype(dtype).newbyteorder("="))
    values[0] = limits.max
    values[-1] = limits.min
    check(values.astype(dtype), tolerance=TOLERANCE.get(dtype, 1e-12))


@pytest.mark.parametrize("size", SIZES)
def test_truths(size: int, rng: np.random.Generator) -> None:
    check(rng.random(size) < 0.3, tolerance=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_bfloat16(size: int, rng: np.random.Generator) -> None:
    values = torch.from_numpy(rng.normal(3, 2, size)).to(torch.bfloat16)
    check(values, values.double().numpy(), tolerance=1e-6)


def _contiguous(x: Any) -> Any:
    return x


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "contiguous": _contiguous,
    "transposed": np.transpose,
    "channels last": lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "every other": lambda x: x[..., ::2],
    "every other row": lambda x: x[:, :, ::2],
    "cropped": lambda x: x[:, :, 3:-5, 7:-9],
    "backwards": lambda x: x[:, ::-1, :, ::-1],
    "one channel": lambda x: x[:, 1],
    "one column": lambda x: x[:, 0, :, 5],
    "flat, every third": lambda x: x.ravel()[::3],
    "expanded": lambda x: np.broadcast_to(x[:, :1], (2, 40, 96, 128)),
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x[0, 0], (3, 3)),
}


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")
def test_layouts(layout: Callable[[Any], Any], dtype: str, kind: str, rng: np.random.Generator) -> None:
    whole = (rng.normal(0, 50, (2, 3, 96, 128))).astype(dtype)
    view = layout(whole)
    if kind == "torch":
        if any(step < 0 for step in view.strides):
            pytest.skip("torch has no negative strides")
        check(torch.from_numpy(view), view, tolerance=1e-6)
    else:
        check(view, tolerance=1e-6)


@pytest.mark.parametrize("size", [20, 640, 150_528])
@pytest.mark.parametrize(
    ("dtype", "ratio", "tolerance"),
    [
        ("float32", 1e2, 1e-6),
        ("float32", 1e3, 1e-6),
        ("float32", 1e4, 1e-6),
        ("float64", 1e2, 1e-9),
        ("float64", 1e4, 1e-9),
        ("float64", 1e8, 1e-6),
        ("int64", 1e8, 1e-9),
    ],
)
def test_a_mean_far_above_the_deviation(
    dtype: str, ratio: float, tolerance: float, size: int, rng: np.random.Generator
) -> None:
    """Sums of raw squares would lose the deviation: at 10⁴ all of it in single precision."""
    spread = 1000.0 if dtype == "int64" else 1.0
    values = rng.normal(ratio * spread, spread, size).astype(dtype)
    found = profile(values)
    mean, deviation = precise(values)
    assert found.mean == pytest.approx(mean, rel=1e-9)
    assert found.standard_deviation == pytest.approx(deviation, rel=tolerance)


@pytest.mark.parametrize("first", [0.0, 1e30, np.nan, -1e4])
def test_a_first_value_unlike_the_others(first: float, rng: np.random.Generator) -> None:
    values = rng.normal(1e4, 1, 150_528).astype(np.float32)
    values[0] = first
    finite = values[np.isfinite(values)]
    mean, deviation = precise(finite)
    found = profile(values)
    assert found.mean == pytest.approx(mean, rel=1e-6)
    assert found.standard_deviation == pytest.approx(deviation, rel=1e-5)


def test_blocks_unlike_one_another() -> None:
    """Means and deviations of blocks are brought together exactly."""
    values = np.concatenate([np.full(70_000, -1e3), np.full(70_000, 1e3), np.full(70_000, 5.0)]).astype(np.float32)
    mean, variance = exact(values[:: 70_000 // 2][:6])
    found = profile(values)
    deviation = math.sqrt(variance)
    assert found.mean == pytest.approx(float(mean), abs=1e-6 * deviation)
    assert found.standard_deviation == pytest.approx(deviation, rel=1e-6)


EXTREMES = {
    "float64, both ends": np.array([np.finfo(np.float64).max, np.finfo(np.float64).min, 0.0]),
    "float64, one end": np.full(3, np.finfo(np.float64).max),
    "float64, squares overflow": np.array([1e200, 2e200, 4e200]),
    "float32, both ends": np.array([np.finfo(np.float32).max, np.finfo(np.float32).min, 0], np.float32),
    "float32, squares overflow": np.array([1e20, 2e20, 4e20], np.float32),
    "float32, subnormal": np.array([1e-45, -1e-45, 3e-45], np.float32),
    "float64, subnormal": np.array([5e-324, -5e-324, 1.5e-323]),
    "float16, both ends": np.array([65504, -65504, 6e-8], np.float16),
    "zeroes of both signs": np.array([0.0, -0.0, 0.0]),
    "uint64, both ends": np.array([0, 2**64 - 1, 1], np.uint64),
    "int64, both ends": np.array([-(2**63), 2**63 - 1, 0], np.int64),
}


@pytest.mark.parametrize("repeats", [1, 12, 400, 30_000], ids=["few", "some", "more", "many"])
@pytest.mark.parametrize("values", EXTREMES.values(), ids=EXTREMES)
def test_extremes(values: Any, repeats: int) -> None:
    found = profile(np.tile(values, repeats))
    mean, variance = exact(values)
    deviation = math.isqrt(int(variance * 10**1400)) / Fraction(10**700)
    assert (found.minimum, found.maximum) == (float(values.min()), float(values.max()))
    assert found.zero == int((values == 0).sum()) * repeats
    tolerance = float(np.abs(values.astype(np.float64)).max()) * 1e-6
    assert found.mean == pytest.approx(float(mean), rel=1e-6, abs=tolerance)
    assert found.standard_deviation is not None
    if np.abs(values.astype(np.float64)).max() > 1e-300:  # squares of subnormal numbers are zero
        assert found.standard_deviation == pytest.approx(float(deviation), rel=1e-6)
    for one in (found.mean, found.standard_deviation, found.minimum, found.quantile_05, found.quantile_95):
        assert one is not None
        assert math.isfinite(one)


@pytest.mark.parametrize("state", ["raise", "warn", "call"])
def test_the_applications_floating_point_settings_are_not_ours(state: Any) -> None:
    """Whatever it wants to happen at an overflow does not happen in our arithmetic, nor is it changed."""
    calls: list[Any] = []
    before = np.seterrcall(lambda *args: calls.append(args))
    try:
        with np.errstate(all=state):
            state_before = np.geterr()
            for values in (*EXTREMES.values(), np.array([np.inf, -np.inf, np.nan])):
                for repeats in (1, 12, 400):
                    profiles(np.tile(values, repeats))
                    profiles(np.tile(values, (repeats, 2)), features={"": [str(i) for i in range(2 * len(values))]})
            assert np.geterr() == state_before
    finally:
        np.seterrcall(before)
    assert not calls


@pytest.mark.parametrize("rows", [1, 5, 40, 3000, 30_000])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("kind", ["contiguous", "by column"])
def test_columns(rows: int, dtype: str, kind: str, rng: np.random.Generator) -> None:
    """Each feature is profiled as an array of its own would be."""
    names = ["plain", "offset", "strange", "nothing", "constant"]
    table = rng.normal(0, 1, (rows, 5)).astype(np.float64)
    table[:, 1] += 1e4
    table[rng.random(rows) < 0.3, 2] = 0
    table[:, 4] = 7
    if dtype.startswith("float"):
        table[rng.random(rows) < 0.3, 2] = np.nan
        table[rng.random(rows) < 0.2, 2] = -np.inf
        table[:, 3] = np.nan
    values = table.astype(dtype)
    if kind == "by column":
        values = np.asfortranarray(values)
    whole, *fields = profiles(values, features={"": names})
    assert whole.count == values.size
    assert [one.name for one in fields] == names
    for index, found in enumerate(fields):
        alone = profile(values[:, index].copy())
        assert (found.type, found.shape) == (values.dtype.name, (rows,))
        assert (found.count, found.missing, found.infinite, found.zero) == (
            alone.count,
            alone.missing,
            alone.infinite,
            alone.zero,
        )
        assert (found.minimum, found.maximum) == (alone.minimum, alone.maximum)
        statistics = [(found.mean, alone.mean), (found.standard_deviation, alone.standard_deviation)]
        if rows <= 1024:  # else each is of a sample
            statistics += [(found.quantile_50, alone.quantile_50), (found.quantile_95, alone.quantile_95)]
        for one, other in statistics:
            assert one == (None if other is None else pytest.approx(other, rel=1e-6, abs=1e-6))


def test_columns_near_the_end_of_the_range() -> None:
    values = np.tile(np.array([[1e308, 1.0], [-1e308, 2.0]]), (2000, 1))
    _, huge, plain = profiles(values, features={"x": ["huge", "plain"]})
    assert (huge.mean, huge.standard_deviation) == (pytest.approx(0, abs=1e300), pytest.approx(1e308))
    assert (plain.mean, plain.standard_deviation) == (pytest.approx(1.5), pytest.approx(0.5))
