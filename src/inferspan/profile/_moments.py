# SPDX-License-Identifier: Apache-2.0
"""Moments and quantiles in numpy: exact counts and moments, quantiles from a bounded sample."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

#: Elements whose double-precision copy stays in a core's second-level cache.
_BLOCK = 65_536
#: Elements from which quantiles are taken: rank error about 1.1/sqrt(1024) = 3.4 % at p95.
_QUANTILE_SAMPLE = 1024
_turn = itertools.count()


class Moments:
    """Of one array or column; statistics are over its finite values and None where it has none."""

    __slots__ = ("count", "infinite", "m2", "maximum", "mean", "minimum", "missing", "sample", "zero")

    def __init__(self) -> None:
        self.count = 0
        self.missing = 0
        self.infinite = 0
        self.zero = 0
        self.minimum: float | None = None
        self.maximum: float | None = None
        self.mean: float | None = None
        #: Sum of squared deviations from the mean.
        self.m2 = 0.0
        #: Finite values, in double precision, unordered.
        self.sample: Any = None

    @property
    def finite(self) -> int:
        return self.count - self.missing - self.infinite

    def add(self, finite: Any) -> None:
        """Merges a block of finite values (Chan, Golub and LeVeque 1983: exact two-pass within, pairwise between)."""
        size = finite.size
        if not size:
            return
        before = self.finite
        low, high = finite.min(), finite.max()
        doubles = finite.astype(np.float64)
        self.zero += size - int(np.count_nonzero(finite))
        mean = float(doubles.mean())
        if not math.isfinite(mean):  # the sum overflowed: only near the end of double's range
            mean = float((doubles / size).sum())
        doubles -= mean
        m2 = float(np.dot(doubles, doubles))
        if self.mean is None:
            self.mean, self.m2 = mean, m2
            self.minimum, self.maximum = float(low), float(high)
        else:
            assert self.minimum is not None
            assert self.maximum is not None
            delta = mean - self.mean
            self.mean += delta * size / (before + size)
            self.m2 += m2 + delta * delta * before * size / (before + size)
            self.minimum = min(self.minimum, float(low))
            self.maximum = max(self.maximum, float(high))
        self.count += size

    @property
    def standard_deviation(self) -> float | None:
        """Population standard deviation; None where there is no finite value or its square overflows."""
        if self.mean is None or not math.isfinite(self.m2):
            return None
        return math.sqrt(self.m2 / self.finite)

    def quantiles(self, *probabilities: float) -> list[float | None]:
        """Quantiles of the sample, interpolated linearly between ranks as ``numpy.quantile`` does by default."""
        if self.sample is None or not self.sample.size:
            return [None] * len(probabilities)
        ordered = np.sort(self.sample)
        last = ordered.size - 1
        found: list[float | None] = []
        for probability in probabilities:
            rank = probability * last
            low = int(rank)
            left, right = float(ordered[low]), float(ordered[min(low + 1, last)])
            fraction = rank - low
            value = left * (1.0 - fraction) + right * fraction
            found.append(value if math.isfinite(value) else left)
        return found


def decode(array: Any, layout: str) -> Any:
    """Returns the array in a type that numpy computes with; bfloat16 arrives as its bits."""
    if layout == "bfloat16":
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    kind = array.dtype
    if kind == np.bool_:
        return array.view(np.uint8)
    # numpy compares half precision one element at a time: 39 ns each, against 0.1 once it is single.
    return array.astype(np.float32) if kind == np.float16 else array


def of_array(array: Any, layout: str) -> Moments:
    """Summarises all elements of an array, block by block."""
    moments = Moments()
    for block in _blocks(_without_repeats(array)):
        _add_block(moments, decode(block, layout))
    repeats = array.size // max(1, moments.count)
    if repeats > 1:  # a broadcast array: each stored value stands for as many
        for name in ("count", "missing", "infinite", "zero"):
            setattr(moments, name, getattr(moments, name) * repeats)
        moments.m2 *= repeats
    drawn = decode(sample(array, _QUANTILE_SAMPLE), layout).astype(np.float64)
    moments.sample = drawn[np.isfinite(drawn)]
    return moments


def of_columns(rows: Any, layout: str) -> list[Moments]:
    """Summarises each column of a two-dimensional array."""
    return [of_array(rows[:, column], layout) for column in range(rows.shape[1])]


def _add_block(moments: Moments, block: Any) -> None:
    if block.dtype.kind != "f":
        moments.add(block)
        return
    # One reduction tells a clean block: any NaN or infinity makes the sum one too.
    with np.errstate(all="ignore"):
        if math.isfinite(float(np.add.reduce(block))):
            moments.add(block)
            return
        finite = np.isfinite(block)
        kept = block[finite]
        missing = int(np.count_nonzero(np.isnan(block)))
        moments.add(kept)
        moments.missing += missing
        moments.infinite += block.size - kept.size - missing
        moments.count += block.size - kept.size


def _without_repeats(array: Any) -> Any:
    """Drops the axes of a broadcast array along which nothing is stored."""
    if 0 in array.strides and array.size:
        return array[tuple(slice(0, 1) if step == 0 else slice(None) for step in array.strides)]
    return array


def _flat(array: Any) -> Any:
    """Returns a flat view where the elements lie densely in some order of the axes, else None."""
    if array.flags.forc:
        return array.reshape(-1, order="A")
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    turned = array.transpose(order)
    return turned.reshape(-1) if turned.flags.c_contiguous else None


def _blocks(array: Any) -> Iterator[Any]:
    flat = _flat(array)
    if flat is not None:
        for start in range(0, flat.size, _BLOCK):
            yield flat[start : start + _BLOCK]
    elif array.size <= _BLOCK or array.ndim == 1:
        if array.ndim == 1:
            for start in range(0, array.size, _BLOCK):
                yield array[start : start + _BLOCK]
        else:
            yield array.ravel()
    else:
        rows = max(1, _BLOCK * array.shape[0] // array.size)
        for start in range(0, array.shape[0], rows):
            part = array[start : start + rows]
            yield from _blocks(part[0] if rows == 1 else part)


def sample(array: Any, size: int) -> Any:
    """Draws about ``size`` elements at a fixed stride, from a start that rotates from call to call.

    The stride shares no factor with any dimension: one that does sees the same columns of every row (on an image
    224 wide with a horizontal gradient, stride 224 has a rank error of 0.94 where 37 has 0.006).
    """
    total = array.size
    if total <= size:
        return array.ravel()
    stride = -(-total // size)
    while any(math.gcd(stride, dimension) > 1 for dimension in array.shape if dimension > 1):
        stride += 1
        if stride > 4 * -(-total // size):  # dimensions rich in small factors
            break
    start = next(_turn) * 47 % stride
    flat = _flat(array)
    if flat is not None:
        return flat[start::stride].copy()
    indices = np.arange(start, total, stride)
    return array[np.unravel_index(indices, array.shape)]
