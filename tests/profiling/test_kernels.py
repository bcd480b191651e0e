# SPDX-License-Identifier: Apache-2.0
"""Both kernels, the native one at every instruction level of this processor, against exact arithmetic and the SDK."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from opentelemetry.sdk.metrics._internal.exponential_histogram.mapping.exponent_mapping import ExponentMapping
from opentelemetry.sdk.metrics._internal.exponential_histogram.mapping.logarithm_mapping import LogarithmMapping

# Without the native kernel these tests fail: `./dev test` builds it.
from inferspan.profiling import _compiled, _numpy_kernel
from inferspan.profiling._boundaries import boundary, bucket_index
from inferspan.profiling._moments import Moments
from inferspan.profiling.histogram import MAX_BUCKETS, Buckets, ExponentialHistogram
from inferspan.profiling.states import Accumulated, States

DTYPES = (
    "<f4",
    "<f8",
    "<f2",
    ">f4",
    ">f8",
    "|b1",
    "|i1",
    "|u1",
    "<i2",
    "<u2",
    "<i4",
    "<u4",
    "<i8",
    "<u8",
    ">i4",
    ">u8",
)
COUNTS = ("count", "missing", "infinite", "zero")


@pytest.fixture(params=["numpy", *_compiled.levels()])
def kernel(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    if request.param == "numpy":
        yield _numpy_kernel
        return
    best = _compiled.level()
    _compiled.choose(request.param)
    yield _compiled
    _compiled.choose(best)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240131)


def accumulated(kernel: ModuleType, *parts: Any, layout: str | None = None) -> Accumulated:
    states = States(1)
    for part in parts:
        kernel.accumulate(states, part, layout or part.dtype.str, 0, 0)
    return states.read(0)


def exact_histogram(values: Any) -> ExponentialHistogram:
    """Counts values one by one, at the largest scale that leaves no side more buckets than there may be."""
    numbers = [one for one in np.asarray(values).ravel().tolist() if math.isfinite(one)]
    sides = [[one for one in numbers if one > 0], [-one for one in numbers if one < 0]]
    scale = 20
    while any(side and _buckets(min(side), max(side), scale) > MAX_BUCKETS for side in sides):
        scale -= 1
    counted: list[Buckets] = []
    for side in sides:
        indices = [bucket_index(one, scale) for one in side]
        first = min(indices, default=0)
        counts = [0] * (max(indices, default=-1) - first + 1)
        for index in indices:
            counts[index - first] += 1
        counted.append(Buckets(first, counts))
    return ExponentialHistogram(scale if any(sides) else 20, numbers.count(0.0), *counted)


def _buckets(low: float, high: float, scale: int) -> int:
    return bucket_index(high, scale) - bucket_index(low, scale) + 1


def deviation_of(values: Any) -> tuple[float, float]:
    """Mean and standard deviation, exactly but for the last rounding."""
    numbers = [Fraction(one) for one in values.ravel().tolist() if math.isfinite(one)]
    mean = sum(numbers) / len(numbers)
    variance = sum((one - mean) ** 2 for one in numbers) / len(numbers)
    shift = 10**700  # squares of subnormal doubles are about 10^-648
    return float(mean), float(Fraction(math.isqrt(int(variance * shift**2)), shift))


def check(found: Accumulated | Moments, values: Any, *, tolerance: float = 1e-6) -> None:
    with np.errstate(invalid="ignore"):  # some NaN say so when they are converted
        doubles = np.asarray(values, np.float64)
    finite = doubles[np.isfinite(doubles)]
    assert [getattr(found, name) for name in COUNTS] == [
        doubles.size,
        np.isnan(doubles).sum(),
        np.isinf(doubles).sum(),
        (doubles == 0).sum(),
    ]
    if not finite.size:
        assert (found.minimum, found.maximum, found.mean, found.standard_deviation) == (None,) * 4
        return
    mean, deviation = deviation_of(np.asarray(values))
    assert (found.minimum, found.maximum) == (finite.min(), finite.max())
    assert found.standard_deviation == pytest.approx(deviation, rel=tolerance, abs=0)
    assert found.mean == pytest.approx(mean, rel=1e-12, abs=tolerance * deviation)


SHAPES = {
    "normal": lambda rng, n: rng.normal(0, 1, n),
    "around 100": lambda rng, n: rng.normal(100, 1, n),
    "around 1e4": lambda rng, n: rng.normal(1e4, 1, n),
    "powers of two": lambda rng, n: 2.0 ** rng.integers(-20, 20, n),
    "whole": lambda rng, n: rng.integers(-50, 50, n).astype(float),
    "wide": lambda rng, n: 10 ** rng.uniform(-30, 30, n) * rng.choice([-1, 1], n),
    "as wide as doubles": lambda rng, n: 10.0 ** rng.uniform(-300, 300, n) * rng.choice([-1, 1], n),
    "subnormal floats": lambda rng, n: rng.normal(0, 1, n) * 1e-40,
    "subnormal doubles": lambda rng, n: rng.normal(0, 1, n) * 1e-310,
    "small": lambda rng, n: rng.normal(0, 1, n) * 1e-25,
    "large": lambda rng, n: rng.normal(0, 1, n) * 1e25,
    "narrow": lambda rng, n: 1 + rng.normal(0, 1e-6, n),
    "constant": lambda rng, n: np.full(n, 7.25),
    "zero": lambda rng, n: np.zeros(n),
}


@pytest.mark.parametrize("strange", [False, True], ids=["clean", "strange"])
@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
@pytest.mark.parametrize("shape", SHAPES)
def test_floats(kernel: ModuleType, shape: str, dtype: str, strange: bool, rng: np.random.Generator) -> None:
    for size in (1, 24, 25, 67, 1500):
        with np.errstate(all="ignore"):
            values = SHAPES[shape](rng, size).astype(dtype)
        if strange:
            odd = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0], dtype)
            where = rng.random(size) < 0.3
            values[where] = odd[rng.integers(0, 6, where.sum())]
        found = accumulated(kernel, values)
        check(found, values, tolerance=1e-6 if dtype == "<f4" else 1e-9)
        if np.isfinite(values).any():
            assert found.histogram == exact_histogram(values)
        (moments,) = kernel.moments(values.tobytes(), dtype, 0)
        check(moments, values, tolerance=1e-6 if dtype == "<f4" else 1e-9)
        # Bit for bit what all at once gives, but for the rounding of moments.
        assert accumulated(kernel, *np.array_split(values, 3)).histogram == found.histogram


@pytest.mark.parametrize("place", [0, 16_383, 16_384, 40_000, -1])
@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf, 0.0, 3e38, 1e-45])
def test_one_strange_value_among_many(kernel: ModuleType, strange: float, place: int, rng: np.random.Generator) -> None:
    values = rng.normal(5, 1, 40_961).astype(np.float32)
    values[place] = strange
    found = accumulated(kernel, values)
    finite = values[np.isfinite(values)].astype(np.longdouble)
    assert [getattr(found, name) for name in COUNTS] == [
        values.size,
        np.isnan(values).sum(),
        np.isinf(values).sum(),
        (values == 0).sum(),
    ]
    assert (found.minimum, found.maximum) == (finite.min(), finite.max())
    assert found.standard_deviation == pytest.approx(float(finite.std()), rel=1e-6)
    assert found.histogram is not None
    assert found.histogram.count == finite.size


@pytest.mark.parametrize("first", [None, 0.0, 1e30, -1e4, np.nan])
def test_a_mean_far_above_the_deviation(first: float | None, kernel: ModuleType, rng: np.random.Generator) -> None:
    """Also where what came before was elsewhere, and where it drifts."""
    for values in (rng.normal(1e4, 1, 50_000), np.linspace(-1e4, 1e4, 50_000) + rng.normal(0, 1e-2, 50_000)):
        values = values.astype(np.float32)
        if first is not None:
            values[0] = first
        exact = values[np.isfinite(values)].astype(np.longdouble)
        found = accumulated(kernel, values)
        assert found.standard_deviation == pytest.approx(float(exact.std()), rel=1e-6)
        assert found.mean == pytest.approx(float(exact.mean()), rel=1e-6, abs=1e-6 * float(exact.std()))


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.7e308, -1.7e308, 1.0]),
        np.array([sys.float_info.max, 5e-324, -sys.float_info.max, -5e-324]),
        np.array([1e200, 2e200, 4e200]),
        np.array([5e-324, -5e-324, 1.5e-323]),
        np.array([1e-200, 2e-200, 1e-200]),
        np.array([1e-45, -1e-45, 3e-45], np.float32),
        np.array([3.4e38, -3.4e38, 0], np.float32),
        np.array([65504, -65504, 6e-8], np.float16),
        np.array([0, 2**64 - 1, 1], np.uint64),
        np.array([-(2**63), 2**63 - 1, 0], np.int64),
        np.array([-128, 127, 0], np.int8),
    ],
    ids=str,
)
def test_ends_of_ranges(kernel: ModuleType, values: Any) -> None:
    for repeats in (1, 20, 6000):
        found = accumulated(kernel, np.tile(values, repeats))
        mean, deviation = deviation_of(values)
        assert (found.minimum, found.maximum) == (float(values.min()), float(values.max()))
        assert found.zero == (values == 0).sum() * repeats
        assert found.standard_deviation == pytest.approx(deviation, rel=1e-6)
        assert found.mean == pytest.approx(mean, rel=1e-6, abs=1e-6 * deviation)
        assert found.histogram is not None
        single = exact_histogram(values.astype(np.float64))
        assert found.histogram.positive.counts == tuple(repeats * one for one in single.positive.counts)


@pytest.mark.parametrize("first", [[sys.float_info.max], [-sys.float_info.max, 1.0], [sys.float_info.max, np.inf]])
def test_usual_values_after_the_largest(kernel: ModuleType, first: list[float], rng: np.random.Generator) -> None:
    """Then the last cell of what the native kernel looks buckets up in would have infinity in it."""
    for size in (3, 64, 5000):
        usual = rng.normal(0, 1, size)
        found = accumulated(kernel, np.array(first), usual)
        assert found.histogram == exact_histogram([*first, *usual])


def _elements(dtype: str, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.normal(3, 2, shape).astype(dtype)
    if kind.kind == "b":
        return rng.random(shape) < 0.3
    limits = np.iinfo(kind)
    whole = rng.integers(limits.min, limits.max, shape, dtype=kind.newbyteorder("="), endpoint=True)
    whole.flat[0] = 0
    return whole.astype(dtype)


VIEWS = {
    "whole": lambda x: x,
    "transposed": lambda x: x.T,
    "every other": lambda x: x[:, :, ::2],
    "backwards": lambda x: x[::-1, :, ::-1],
    "cropped": lambda x: x[1:, 2:-1, 3:-2],
    "repeated": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "one number": lambda x: x[1, 2, 3],
    "no dimension": lambda x: x[1, 2, 3:4].reshape(()),
    "empty": lambda x: x[:0],
    "turned": lambda x: np.moveaxis(x, 0, 1),
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_in_every_layout(kernel: ModuleType, dtype: str, rng: np.random.Generator) -> None:
    whole = _elements(dtype, (5, 31, 43), rng)
    for name, view in VIEWS.items():
        values = np.asarray(view(whole))
        layout = values.dtype.str  # numpy's scalars are of native byte order
        (found,) = kernel.moments(values, layout, 0)
        plain = np.ascontiguousarray(values).astype(np.float64).ravel()
        assert found.count == plain.size, name
        if not plain.size:
            continue
        assert (found.zero, found.minimum, found.maximum) == ((plain == 0).sum(), plain.min(), plain.max()), name
        wide = plain.astype(np.longdouble)
        assert found.mean == pytest.approx(float(wide.mean()), rel=1e-6, abs=1e-6 * float(wide.std())), name
        assert found.standard_deviation == pytest.approx(float(wide.std()), rel=1e-6), name
        histogram = accumulated(kernel, values, layout=layout).histogram
        assert histogram == accumulated(_numpy_kernel, plain).histogram, name


def test_bfloat16(kernel: ModuleType, rng: np.random.Generator) -> None:
    bits = rng.integers(0, 1 << 16, 5000, dtype=np.uint16)
    values = (bits.astype(np.uint32) << 16).view(np.float32)
    found = accumulated(kernel, bits, layout="bfloat16")
    check(found, values)
    assert found.histogram == exact_histogram(values)


def test_every_half(kernel: ModuleType) -> None:
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    found = accumulated(kernel, values)
    check(found, values)
    assert found.histogram == exact_histogram(values)


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_any_address(kernel: ModuleType, dtype: str, rng: np.random.Generator) -> None:
    width = np.dtype(dtype).itemsize
    for offset in range(1, width):
        room = bytearray(3001 * width + offset)
        view = np.frombuffer(room, dtype, 3001, offset)
        view[:] = rng.normal(0, 1, 3001)
        check(accumulated(kernel, view), view.copy())


@pytest.mark.parametrize("rows", [1, 64, 2100])
@pytest.mark.parametrize("columns", [1, 2, 7, 8, 9, 20, 300])
def test_columns(kernel: ModuleType, columns: int, rows: int, rng: np.random.Generator) -> None:
    table = rng.normal(0, 1, (rows, columns)) + 10 * np.arange(columns)
    table[rng.random((rows, columns)) < 0.02] = np.nan
    for dtype in ("<f4", "<f8", ">f4", "<i2"):
        with np.errstate(all="ignore"):
            values = table.astype(dtype)
        for shown in (values, np.asfortranarray(values), values.tobytes(), np.repeat(values, 2, axis=1)[:, ::2]):
            states = States(columns + 2)
            kernel.accumulate(states, shown, dtype, 1, columns)
            moments = kernel.moments(shown, dtype, columns)
            assert len(moments) == columns
            for index in {0, columns // 2, columns - 1}:
                alone = accumulated(_compiled, values[:, index].copy(), layout=dtype)
                found = states.read(1 + index)
                assert found.histogram == alone.histogram
                for one in (found, moments[index]):
                    assert [getattr(one, name) for name in COUNTS] == [getattr(alone, name) for name in COUNTS]
                    assert (one.minimum, one.maximum) == (alone.minimum, alone.maximum)
                    if alone.mean is not None and alone.standard_deviation is not None:
                        assert one.mean == pytest.approx(alone.mean, rel=1e-6, abs=1e-6)
                        assert one.standard_deviation == pytest.approx(alone.standard_deviation, rel=1e-6, abs=1e-9)
            assert states.read(0).count == states.read(columns + 1).count == 0


def test_more_columns_than_results_fit_on_the_stack(kernel: ModuleType, rng: np.random.Generator) -> None:
    values = rng.normal(0, 1, (3, 1100)).astype(np.float32)
    found = kernel.moments(values, "<f4", 1100)
    assert [one.maximum for one in found] == values.max(axis=0).tolist()


def test_rows_of_more_axes(kernel: ModuleType, rng: np.random.Generator) -> None:
    values = rng.normal(0, 1, (3, 40, 5)).astype(np.float32).transpose(1, 0, 2)
    for index, one in enumerate(kernel.moments(values, "<f4", 5)):
        check(one, np.ascontiguousarray(values[..., index]))


@pytest.mark.parametrize("scale", [*range(-4, 21)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_beside_boundaries(kernel: ModuleType, dtype: Any, scale: int) -> None:
    """A value that is on a boundary, or as near to it as there is one, is in the bucket where it belongs."""
    middle = 3 << max(scale - 1, 0)
    indices = range(middle, middle + 150) if scale > 0 else range(-60 >> -scale, 60 >> -scale)
    near: list[Any] = []
    for index in indices:
        low = dtype(boundary(index, scale))
        steps = [low]
        for direction in (-np.inf, np.inf):
            value = low
            for _ in range(4):
                value = np.nextafter(value, dtype(direction))
                steps.append(value)
        near += steps
    values = np.array(near, dtype)
    for sign in (1, -1):
        assert accumulated(kernel, sign * values).histogram == exact_histogram(sign * values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_buckets_are_those_of_the_sdk(kernel: ModuleType, dtype: Any, rng: np.random.Generator) -> None:
    for spread in (40.0, 4.0, 0.4, 0.01, 1e-4):
        values = (2.0 ** rng.uniform(-spread, spread, 400)).astype(dtype)
        histogram = accumulated(kernel, values).histogram
        assert histogram is not None
        mapping = LogarithmMapping(histogram.scale) if histogram.scale > 0 else ExponentMapping(histogram.scale)
        counts = list(histogram.positive.counts)
        for value in values.tolist():
            index = mapping.map_to_index(value)
            if index != bucket_index(value, histogram.scale):
                # The SDK takes a logarithm: next to a boundary it may be wrong, and only there.
                assert dtype is np.float64
                edge = boundary(max(index, bucket_index(value, histogram.scale)), histogram.scale)
                assert abs(value - edge) <= 4 * math.ulp(edge)
                index = bucket_index(value, histogram.scale)
            counts[index - histogram.positive.offset] -= 1
        assert not any(counts)


def test_a_sample_adds_to_the_histogram_alone(kernel: ModuleType, rng: np.random.Generator) -> None:
    values = np.append(rng.normal(0, 1, 500), [0.0, np.nan])
    states = States(2)
    kernel.distribute(states, 1, values, "<f8")
    found = states.read(1)
    assert (found.count, found.mean) == (0, None)
    assert found.histogram == exact_histogram(values)
    assert states.read(0).histogram is None


@pytest.mark.parametrize(("first", "columns"), [(-1, 0), (2, 0), (1, 2), (0, 3)])
def test_no_field_is_written_that_does_not_exist(kernel: ModuleType, first: int, columns: int) -> None:
    states = States(2)
    with pytest.raises(IndexError):
        kernel.accumulate(states, np.ones((4, max(columns, 1))), "<f8", first, columns)
    assert not any(states.block)


def test_what_the_native_kernel_refuses() -> None:
    with pytest.raises(ValueError, match="is no layout"):
        _compiled.moments(b"12345678", "<c8", 0)
    with pytest.raises(ValueError, match="not of this layout"):
        _compiled.moments(b"123", "<f4", 0)
    with pytest.raises(ValueError, match="not of this layout"):
        _compiled.moments(np.ones(3), "<f4", 0)
    with pytest.raises(ValueError, match="another length"):
        _compiled.moments(np.ones((3, 4)), "<f8", 3)
    with pytest.raises(ValueError, match="another length"):
        _compiled.moments(np.ones(4), "<f8", -1)
    with pytest.raises(AttributeError):
        _compiled.moments([1.0], "<f8", 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _compiled.moments(b"")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="no level"):
        _compiled.choose("x86-64-v9")
