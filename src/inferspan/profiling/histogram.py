# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's base-2 exponential histogram as a value: what is known of a distribution, and can be merged.

The scale is the one that the SDK arrives at: the largest up to 20 at which either side fits in 160 buckets. It depends
on the values alone and not on their order, so merging histograms gives what one histogram of all values would be.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from inferspan.profiling._boundaries import MAX_SCALE, MIN_SCALE, boundary, bucket_index

__all__ = ["MAX_BUCKETS", "MAX_SCALE", "MIN_SCALE", "Buckets", "ExponentialHistogram", "boundary", "bucket_index"]

#: Most buckets of a side, as in the SDK.
MAX_BUCKETS = 160


class Buckets:
    """Counts of consecutive buckets, without empty ones at the ends; equal if they count the same.

    Args:
        offset: index of the first bucket. As in OTLP, count ``i`` is of the bucket ``offset + i``, which covers
            (base^(offset+i), base^(offset+i+1)].
        counts: of each bucket; empty ones at the ends are dropped. An array of unsigned numbers is fastest.

    Raises:
        OverflowError: a count is negative, or does not fit in 64 bits.
        TypeError: a count is no whole number.
    """

    __slots__ = ("_counts", "offset")

    offset: int

    def __init__(self, offset: int = 0, counts: Iterable[int] = ()) -> None:
        found = counts if isinstance(counts, array) else array("Q", counts)
        if found and not (found[0] and found[-1]):
            size, data = found.itemsize, found.tobytes()
            # Bytes are stripped in C; a count that is not zero keeps all of its own.
            first = (len(data) - len(data.lstrip(b"\0"))) // size
            found = found[first : -(-len(data.rstrip(b"\0")) // size)]
            offset += first
        self.offset = offset if found else 0
        largest = max(found, default=0)
        # Ten thousand features keep their histograms: few counts need eight bytes.
        code = "B" if largest < 1 << 8 else "H" if largest < 1 << 16 else "I" if largest < 1 << 32 else "Q"
        self._counts = found if found.typecode == code else array(code, found)

    @property
    def counts(self) -> tuple[int, ...]:
        """The count of each bucket, lowest first."""
        return tuple(self._counts)

    @property
    def total(self) -> int:
        """The count of all buckets."""
        return sum(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Buckets):
            return NotImplemented
        return self.offset == other.offset and self._counts == other._counts

    def __hash__(self) -> int:
        return hash((self.offset, self.counts))

    def __repr__(self) -> str:
        return f"Buckets({self.offset}, {list(self._counts)})"

    def coarser(self, steps: int) -> Buckets:
        """Returns the same at a scale that is lower by so many steps."""
        if not steps or not self._counts:
            return self
        first = self.offset >> steps
        counts = [0] * (((self.offset + len(self) - 1) >> steps) - first + 1)
        for index, count in enumerate(self._counts, self.offset):
            counts[(index >> steps) - first] += count
        return Buckets(first, counts)

    def __add__(self, other: Buckets) -> Buckets:
        """Returns the sum of two at the same scale."""
        if not self._counts:
            return other
        if not other._counts:
            return self
        first = min(self.offset, other.offset)
        counts = [0] * (max(self.offset + len(self), other.offset + len(other)) - first)
        start = self.offset - first
        counts[start : start + len(self)] = self._counts
        for index, count in enumerate(other._counts, other.offset - first):
            counts[index] += count
        return Buckets(first, counts)


NOTHING = Buckets()


@dataclass(frozen=True, slots=True)
class ExponentialHistogram:
    """How finite values are distributed.

    Attributes:
        scale: of the buckets: their boundaries are powers of 2^(2^-scale).
        zero_count: values that are zero, of either sign.
        positive: counts of the values above zero.
        negative: counts of the values below zero, by their magnitude.
    """

    scale: int = MAX_SCALE
    zero_count: int = 0
    positive: Buckets = NOTHING
    negative: Buckets = NOTHING

    @property
    def count(self) -> int:
        """All values that were counted."""
        return self.zero_count + self.positive.total + self.negative.total

    def downscale(self, scale: int) -> ExponentialHistogram:
        """Returns the same at a scale that is not higher.

        Raises:
            ValueError: it is higher: what buckets have joined cannot be told apart.
        """
        steps = self.scale - scale
        if steps < 0:
            raise ValueError(f"a histogram of scale {self.scale} has no scale {scale}")
        return ExponentialHistogram(scale, self.zero_count, self.positive.coarser(steps), self.negative.coarser(steps))

    def merge(self, other: ExponentialHistogram) -> ExponentialHistogram:
        """Returns the histogram of both's values, in whatever order histograms are merged."""
        scale = min(self.scale, other.scale)
        for one, two in ((self.positive, other.positive), (self.negative, other.negative)):
            scale = min(scale, _fitting(one, self.scale, two, other.scale, scale))
        one, two = self.downscale(scale), other.downscale(scale)
        return ExponentialHistogram(
            scale, one.zero_count + two.zero_count, one.positive + two.positive, one.negative + two.negative
        )

    def quantile(self, probability: float, *, minimum: float, maximum: float) -> float | None:
        """Estimates a quantile.

        Ranks are those of ``numpy.quantile``: of n values in order, numbered from 0, the quantile p is at rank
        p (n-1), between two values on the straight line between them. The values of one bucket are taken to be spread
        evenly over what of it lies within minimum and maximum, each in the middle of its part; the first and the last
        of all are the minimum and the maximum.

        Args:
            probability: from 0 to 1.
            minimum: the smallest value, exactly.
            maximum: the largest value, exactly.

        Returns:
            The estimate, within minimum and maximum; None where nothing was counted.
        """
        count = self.count
        if not count:
            return None
        rank = probability * (count - 1)
        low = int(rank)
        fraction = rank - low
        left = self._value_at(low, count, minimum, maximum)
        if not fraction:
            return left
        right = self._value_at(low + 1, count, minimum, maximum)
        return min(max(left * (1.0 - fraction) + right * fraction, left), right)

    def _value_at(self, rank: int, count: int, minimum: float, maximum: float) -> float:
        """Estimates the value at a rank."""
        if rank <= 0:
            return minimum
        if rank >= count - 1:
            return maximum
        seen = self.negative.total
        if rank < seen:
            lower, upper, part = self._place(self.negative, seen - 1 - rank)
            lower, upper, part = -upper, -lower, 1.0 - part
        elif rank < seen + self.zero_count:
            lower, upper, part = 0.0, 0.0, 0.5
        else:
            lower, upper, part = self._place(self.positive, rank - seen - self.zero_count)
        lower, upper = max(lower, minimum), min(upper, maximum)
        return min(max(lower + (upper - lower) * part, minimum), maximum)

    def _place(self, buckets: Buckets, rank: int) -> tuple[float, float, float]:
        """Returns the bucket that a value is in, by the rank of its magnitude, and its place in there, from 0 to 1."""
        for index, count in enumerate(buckets.counts, buckets.offset):
            if rank < count:
                return boundary(index, self.scale), boundary(index + 1, self.scale), (rank + 0.5) / count
            rank -= count
        raise IndexError(rank)


def _fitting(one: Buckets, its_scale: int, two: Buckets, scale_of_two: int, scale: int) -> int:
    """Returns the largest scale, up to a given one, at which two sides together fit."""
    ends: list[tuple[int, int]] = []
    for buckets, own in ((one, its_scale), (two, scale_of_two)):
        if len(buckets):
            ends.append((buckets.offset >> own - scale, (buckets.offset + len(buckets) - 1) >> own - scale))
    if not ends:
        return scale
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    while high - low >= MAX_BUCKETS:
        low, high, scale = low >> 1, high >> 1, scale - 1
    return scale
