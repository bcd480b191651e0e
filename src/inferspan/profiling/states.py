# SPDX-License-Identifier: Apache-2.0
"""What is gathered of many values of many fields: one block of memory, which the kernel writes.

A field is the C structure ``struct state`` of ``_native/state.h``; a block of zeros is as many fields that have seen
nothing. Nothing here locks: whoever owns the block guards it, so that only one thread at a time writes or reads it.
"""

from __future__ import annotations

import math
import struct
from array import array
from dataclasses import dataclass
from fractions import Fraction

from inferspan.profiling._moments import Moments
from inferspan.profiling.histogram import MAX_BUCKETS, MAX_SCALE, Buckets, ExponentialHistogram, bucket_index

#: count, missing, infinite, zero; minimum, maximum, mean, squares; and of the histogram: zeroes, scale, and of both
#: sides, the positive one first: offset, used buckets. The counts of both sides follow.
_HEAD = struct.Struct("=4Q4dQ3i2H")
_COUNTS = struct.Struct(f"={MAX_BUCKETS}I")
SIZE = _HEAD.size + 2 * _COUNTS.size

#: Squares of deviations are kept in a unit in which neither they nor their sum leave a double's range.
_LARGE, _SMALL = 2.0**500, 2.0**-480
_SHIFT = 600


def unit_of(minimum: float, maximum: float) -> int:
    """Returns the exponent of the power of two that deviations between such values are measured in: 0 nearly always.

    Squares of doubles beyond 1e154 overflow, and those of doubles below 1e-154 vanish.
    """
    spread = maximum - minimum
    if _SMALL <= spread <= _LARGE or not spread:
        return 0
    return _SHIFT if spread > _LARGE else -_SHIFT


@dataclass(frozen=True, slots=True)
class Accumulated:
    """What a field has seen; statistics are over the finite values, and None where there are none.

    Attributes:
        count: all values; ``missing`` are NaN, ``infinite`` of either sign, ``zero`` of either sign.
        minimum: the lowest finite value.
        maximum: the highest one.
        mean: of them, within minimum and maximum.
        squares: the sum of squared deviations from the mean, which may be beyond a double's range.
        histogram: None where none was gathered. It may be of fewer values than were counted: of a sample.
    """

    count: int
    missing: int
    infinite: int
    zero: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    squares: Fraction
    histogram: ExponentialHistogram | None

    @property
    def finite(self) -> int:
        return self.count - self.missing - self.infinite

    @property
    def standard_deviation(self) -> float | None:
        """Of the population: the square root of the mean squared deviation."""
        if self.minimum is None or self.maximum is None:
            return None
        unit = unit_of(self.minimum, self.maximum)
        return math.ldexp(math.sqrt(self.squares / Fraction(4) ** unit / self.finite), unit)


class States:
    """A block of fields.

    Args:
        fields: how many.

    Attributes:
        block: their memory, of a fixed size.
    """

    __slots__ = ("block", "fields")

    def __init__(self, fields: int) -> None:
        self.fields = fields
        self.block = bytearray(fields * SIZE)

    @property
    def nbytes(self) -> int:
        """Bytes that the block takes."""
        return len(self.block)

    def clear(self) -> None:
        """Forgets what all fields have seen."""
        self.block[:] = bytes(len(self.block))

    def read(self, index: int, *, histogram: bool = True) -> Accumulated:
        """Returns what a field has seen.

        Args:
            index: of the field.
            histogram: whether its histogram is wanted, which takes ten times as long as the rest.

        Raises:
            IndexError: there is no such field.
        """
        head = _HEAD.unpack_from(self.block, self._start(index))
        count, missing, infinite, zero, minimum, maximum, mean, squares, *_ = head
        found = self._histogram(index) if histogram else None
        if count == missing + infinite:
            return Accumulated(count, missing, infinite, zero, None, None, None, Fraction(0), found)
        unit = unit_of(minimum, maximum)
        exact = Fraction(squares) * Fraction(4) ** unit if unit else Fraction(squares)
        return Accumulated(count, missing, infinite, zero, minimum, maximum, mean, exact, found)

    def add_moments(self, index: int, moments: Moments) -> None:
        """Adds values that were summarised elsewhere; their distribution is not known.

        Raises:
            IndexError: there is no such field.
        """
        start = self._start(index)
        count, missing, infinite, zero, minimum, maximum, mean, squares, *rest = _HEAD.unpack_from(self.block, start)
        size, added = count - missing - infinite, moments.finite
        low, high, middle, deviation = moments.minimum, moments.maximum, moments.mean, moments.standard_deviation
        if added and low is not None and high is not None and middle is not None and deviation is not None:
            own = math.ldexp(deviation, -unit_of(low, high))
            pieces = (size, minimum, maximum, mean, squares), (added, low, high, middle, own * own * added)
            minimum, maximum, mean, squares = _together(*pieces) if size else pieces[1][1:]
        counts = (count + moments.count, missing + moments.missing, infinite + moments.infinite, zero + moments.zero)
        _HEAD.pack_into(self.block, start, *counts, minimum, maximum, mean, squares, *rest)

    def make_room(self, index: int, positive: tuple[float, float] | None, negative: tuple[float, float] | None) -> int:
        """Makes a field's histogram one that has buckets for values of these magnitudes.

        Args:
            index: of the field.
            positive: the least and the largest value above zero that are to be counted, if there are any.
            negative: the same, by magnitude, of those below zero.

        Returns:
            The scale, which is the one that the SDK arrives at: the largest at which either side fits.

        Raises:
            IndexError: there is no such field.
        """
        start = self._start(index)
        *rest, scale, positive_offset, negative_offset, positive_used, negative_used = _HEAD.unpack_from(
            self.block, start
        )
        offsets, used = [positive_offset, negative_offset], [positive_used, negative_used]
        if not any(used):
            scale = MAX_SCALE
        needed = (positive, negative)
        ends = [_ends(scale, needed[side], offsets[side], used[side]) for side in (0, 1)]
        steps = 0
        while any(end and (end[1] >> steps) - (end[0] >> steps) >= MAX_BUCKETS for end in ends):
            steps += 1
        for side, end in enumerate(ends):
            if end is None:
                continue
            first, last = end[0] >> steps, end[1] >> steps
            if not steps and first == offsets[side]:  # nothing has to be moved
                used[side] = last - first + 1
                continue
            counts = array("I", bytes(_COUNTS.size))
            for at, number in enumerate(self.counts(index, side)[: used[side]], offsets[side]):
                counts[(at >> steps) - first] += number
            self.counts(index, side)[:] = memoryview(counts)
            offsets[side], used[side] = first, last - first + 1
        _HEAD.pack_into(self.block, start, *rest, scale - steps, *offsets, *used)
        return scale - steps

    def counts(self, index: int, side: int) -> memoryview:
        """Returns the counts of a field's buckets, of values above zero (side 0) or below (side 1), to be written."""
        start = self._start(index) + _HEAD.size + side * _COUNTS.size
        return memoryview(self.block)[start : start + _COUNTS.size].cast("I")

    def offset(self, index: int, side: int) -> int:
        """Returns the bucket that the first count of a side is of."""
        return _HEAD.unpack_from(self.block, self._start(index))[10 + side]

    def add_zeroes(self, index: int, number: int) -> None:
        """Counts so many zeroes in a field's histogram."""
        start = self._start(index)
        head = list(_HEAD.unpack_from(self.block, start))
        head[8] += number
        _HEAD.pack_into(self.block, start, *head)

    def _histogram(self, index: int) -> ExponentialHistogram | None:
        zeroes, scale, *offsets_and_used = _HEAD.unpack_from(self.block, self._start(index))[8:]
        sides: list[Buckets] = []
        for side in (0, 1):
            offset, used = offsets_and_used[side], offsets_and_used[2 + side]
            sides.append(Buckets(offset, array("I", self.counts(index, side)[:used].tobytes())))
        positive, negative = sides
        if not positive and not negative:
            return ExponentialHistogram(MAX_SCALE, zeroes) if zeroes else None
        return ExponentialHistogram(scale, zeroes, positive, negative)

    def check(self, index: int) -> None:
        """Raises an error where there is no such field.

        Raises:
            IndexError: there is none.
        """
        if not 0 <= index < self.fields:
            raise IndexError(f"there are {self.fields} fields, and no field {index}")

    def _start(self, index: int) -> int:
        self.check(index)
        return index * SIZE


_Piece = tuple[int, float, float, float, float]


def _together(one: _Piece, two: _Piece) -> tuple[float, float, float, float]:
    """Returns minimum, maximum, mean and squares of the values of both, by the formula of Chan, Golub and LeVeque."""
    (size, *first), (added, *second) = one, two
    minimum, maximum = min(first[0], second[0]), max(first[1], second[1])
    unit = unit_of(minimum, maximum)
    squares = sum(math.ldexp(piece[3], 2 * (unit_of(piece[0], piece[1]) - unit)) for piece in (first, second))
    share = added / (size + added)
    distance = math.ldexp(second[2], -unit) - math.ldexp(first[2], -unit)
    mean = math.ldexp(math.ldexp(first[2], -unit) + distance * share, unit) if unit else first[2] + distance * share
    return minimum, maximum, min(max(mean, minimum), maximum), squares + distance * distance * size * share


def _ends(scale: int, side: tuple[float, float] | None, offset: int, used: int) -> tuple[int, int] | None:
    """Returns the first and the last bucket of those in use and of those that are needed."""
    needed = [bucket_index(value, scale) for value in side or ()]
    if used:
        needed += [offset, offset + used - 1]
    return (min(needed), max(needed)) if needed else None
