# SPDX-License-Identifier: Apache-2.0
"""What is known of one field over many inferences, in a form that merges exactly."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt

from inferspan.profiling.categories import CategorySummary
from inferspan.profiling.custom import Custom, merged
from inferspan.profiling.histogram import ExponentialHistogram
from inferspan.profiling.profilers import Value

#: The type of a field whose values were of more than one.
MIXED = "mixed"
_NONE = Fraction(0)
_EMPTY = ExponentialHistogram()


class IncompatibleWindows(ValueError):  # noqa: N818 (it says what is wrong, as StopIteration does)
    """What cannot be merged, or was written in a format of another version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSummary:
    """One tensor, feature or column over many inferences.

    Sums are rational numbers, so that merging is exact: associative and commutative, whoever merges what first.

    Attributes:
        name: unique in its window: of the tensor or of its column.
        tensor: the input or output that it is, or is a column of.
        type: element type (``float32``); `MIXED` where it was not always the same.
        count: all values.
        missing: of them NaN, None and null.
        infinite: of either sign.
        unmeasured: values that have no number, as text has none: they are counted.
        zero: of either sign.
        minimum: of the finite values, as all that follows; None where there are none.
        maximum: likewise.
        total: their sum.
        squares: the sum of their squares.
        histogram: how they are distributed: all of them, or a sample of those of large arrays (then its count is less,
            and a large array weighs no more than one of 1 024 values).
        categories: which values of text, whole numbers or truths are frequent; one summary for each kind of them. Which
            errors they state can depend on the order in which they were merged.
        custom: what the application's profilers say, by their names; merged as they merge it.
    """

    name: str
    tensor: str
    type: str
    count: int = 0
    missing: int = 0
    infinite: int = 0
    unmeasured: int = 0
    zero: int = 0
    minimum: float | None = None
    maximum: float | None = None
    total: Fraction = _NONE
    squares: Fraction = _NONE
    histogram: ExponentialHistogram = _EMPTY
    categories: tuple[CategorySummary, ...] = ()
    custom: Custom = field(default_factory=dict[str, Mapping[str, Value]])

    @property
    def finite(self) -> int:
        """Values that statistics are over."""
        return self.count - self.missing - self.infinite - self.unmeasured

    @property
    def mean(self) -> float | None:
        """Mean of the finite values, rounded once; None where there are none."""
        if self.minimum is None or self.maximum is None:
            return None
        return min(max(float(self.total / self.finite), self.minimum), self.maximum)

    @property
    def standard_deviation(self) -> float | None:
        """Standard deviation of the finite values as a population, rounded once; None where there are none."""
        if not self.finite:
            return None
        return _square_root(self.squares / self.finite - (self.total / self.finite) ** 2)

    def quantile(self, probability: float) -> float | None:
        """Estimates a quantile of the finite values from the histogram; None where there are none.

        Args:
            probability: from 0 to 1; `ExponentialHistogram.quantile` says what ranks are and what is between them.
        """
        if self.minimum is None or self.maximum is None:
            return None
        return self.histogram.quantile(probability, minimum=self.minimum, maximum=self.maximum)

    def merge(self, other: FieldSummary) -> FieldSummary:
        """Returns the summary of both's values.

        Raises:
            IncompatibleWindows: they are of different fields.
        """
        if (self.name, self.tensor) != (other.name, other.tensor):
            raise IncompatibleWindows(
                f"field {self.name[:80]!r} of {self.tensor[:80]!r} is not field {other.name[:80]!r} of "
                f"{other.tensor[:80]!r}"
            )
        return FieldSummary(
            name=self.name,
            tensor=self.tensor,
            type=self.type if self.type == other.type else MIXED,
            count=self.count + other.count,
            missing=self.missing + other.missing,
            infinite=self.infinite + other.infinite,
            unmeasured=self.unmeasured + other.unmeasured,
            zero=self.zero + other.zero,
            minimum=_either(min, self.minimum, other.minimum),
            maximum=_either(max, self.maximum, other.maximum),
            total=self.total + other.total,
            squares=self.squares + other.squares,
            histogram=self.histogram.merge(other.histogram),
            categories=_together(self.categories, other.categories),
            custom=merged(self.custom, other.custom),
        )


def _together(one: tuple[CategorySummary, ...], two: tuple[CategorySummary, ...]) -> tuple[CategorySummary, ...]:
    found = {summary.kind: summary for summary in one}
    for summary in two:
        known = found.get(summary.kind)
        found[summary.kind] = summary if known is None else known.merge(summary)
    return tuple(found[kind] for kind in sorted(found))


def double(value: Fraction) -> float:
    """Returns the double next to a fraction; of those beyond a double's range, the largest."""
    try:
        return float(value)
    except OverflowError:
        return sys.float_info.max if value > 0 else -sys.float_info.max


def _either(choose: Callable[[float, float], float], one: float | None, two: float | None) -> float | None:
    if one is None or two is None:
        return two if one is None else one
    return choose(one, two)


def _square_root(value: Fraction) -> float:
    """Returns the square root of a fraction that may be far beyond a double's range."""
    numerator, denominator = value.numerator, value.denominator
    # Enough bits of the quotient for a root of 64.
    shift = (128 - numerator.bit_length() + denominator.bit_length()) // 2 * 2
    scaled = (numerator << shift) // denominator if shift >= 0 else numerator // (denominator << -shift)
    try:
        return math.ldexp(isqrt(scaled), -shift // 2)
    except OverflowError:
        # A deviation is at most half of the range of values: what is beyond a double was rounded there.
        return sys.float_info.max
