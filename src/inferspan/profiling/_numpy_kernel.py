# SPDX-License-Identifier: Apache-2.0
"""The kernel in numpy: what is used where the native one is not built."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy

from inferspan.profiling._arrays import of_array, of_few
from inferspan.profiling._boundaries import boundaries
from inferspan.profiling._columns import of_columns
from inferspan.profiling._layouts import blocks, floating
from inferspan.profiling._moments import Moments
from inferspan.profiling.histogram import MAX_BUCKETS
from inferspan.profiling.states import States
from inferspan.values import SMALL

#: Without its types, which know no array of any element type.
np: Any = numpy


def moments(data: Any, layout: str, columns: int = 0) -> list[Moments]:
    """Is `inferspan.profiling.kernel.moments`."""
    array = _array(data, layout)
    if columns:
        return of_columns(array, columns, layout)
    if array.size <= SMALL:
        with np.errstate(all="ignore"):
            return [of_few(floating(array, layout).ravel().astype(np.float64))]
    return [of_array(array, layout)]


def accumulate(states: States, data: Any, layout: str, first: int = 0, columns: int = 0) -> None:
    """Is `inferspan.profiling.kernel.accumulate`."""
    array = _array(data, layout)
    states.check(first + max(columns, 1) - 1)
    if columns:
        array = array.reshape(-1, columns)
        if isinstance(data, bytes):  # not large: columns that are read several times are better copied once
            array = np.asfortranarray(array)
    for index, one in enumerate(moments(array, layout, columns), first):
        states.add_moments(index, one)
        distribute(states, index, array[:, index - first] if columns else array, layout)


def distribute(states: States, index: int, data: Any, layout: str) -> None:
    """Is `inferspan.profiling.kernel.distribute`."""
    with np.errstate(all="ignore"):
        for block in blocks(_array(data, layout)):
            values = floating(block, layout)
            values = values[np.isfinite(values)]
            # In order: it is much faster to look boundaries up in values than each value among the boundaries.
            values.sort()
            below, above = values.searchsorted(0, "left"), values.searchsorted(0, "right")
            states.add_zeroes(index, int(above - below))
            _count(states, index, values[above:].astype(np.float64), -values[:below][::-1].astype(np.float64))


def _count(states: States, index: int, *sides: Any) -> None:
    """Counts magnitudes above and below zero, both in order, in their buckets."""
    ends = [(side.item(0), side.item(-1)) if side.size else None for side in sides]
    scale = states.make_room(index, ends[0], ends[1])
    for number, side in enumerate(sides):
        if side.size:
            edges = _edges(states.offset(index, number), scale)
            ends_of_buckets = side.searchsorted(edges, "right").astype(np.uint32)
            counts = np.frombuffer(states.counts(index, number), np.uint32)
            counts[:-1] += ends_of_buckets
            counts[1:] -= ends_of_buckets
            counts[-1] += side.size


@lru_cache(maxsize=256)
def _edges(offset: int, scale: int) -> Any:
    """Returns the upper boundary of each bucket but the last, rounded down, which no value tells from the boundary."""
    return np.array(boundaries(offset + 1, MAX_BUCKETS - 1, scale))


def _array(data: Any, layout: str) -> Any:
    if isinstance(data, bytes):
        return np.frombuffer(data, np.uint16 if layout == "bfloat16" else layout)
    return data
