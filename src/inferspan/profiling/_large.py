# SPDX-License-Identifier: Apache-2.0
"""Large arrays, summarised on the calling thread: in full where the budget pays for it, else from a sample."""

from __future__ import annotations

from typing import Any

from inferspan.profiling import _arrays, _columns, _layouts
from inferspan.profiling._capture import Capture
from inferspan.profiling._moments import Moments
from inferspan.profiling.budget import Allowance, Stopwatch, budget, rates

#: Elements of a sample: of an array that is too large, and where the budget has no more to give.
SAMPLE_OF_HUGE = 16_384
SCREEN = 1024
#: Expected cost of an element before any was measured, in nanoseconds.
_AT_FIRST = 2.0


def summarise(one: Capture, *, max_elements: int, allowance: Allowance | None, most: float) -> int:
    """Summarises one array into the capture's moments, and says on it where that was from a sample.

    Args:
        one: whose reading has the array.
        max_elements: most that are read.
        allowance: pays; None for whatever it costs.
        most: CPU time that it may take in full, in nanoseconds.

    Returns:
        The CPU time that it took, in nanoseconds.
    """
    reading = one.reading
    array = reading.array
    watch = Stopwatch()
    expected = rates.expected(array.size, reading.layout, columns=one.features is not None, at_first=_AT_FIRST)
    size = _size_of_sample(array.size, max_elements, expected, most, allowance)
    if size is None:
        one.moments = _moments(one, array)
        cost = watch.elapsed()
        rates.learn(array.size, reading.layout, cost, columns=one.features is not None)
    else:
        drawn = _sample(one, array, size)
        reading.note = f"sampled {drawn.size} of {array.size}"
        one.sampled = True
        one.moments = _moments(one, drawn)
        cost = watch.elapsed()
    if allowance is None:
        return cost
    budget.charge(allowance, cost)
    if size is not None and _has_findings(one.moments[0]) and array.size <= max_elements:
        cost += _in_full_after_all(one, array, expected, most)
    return cost


def _in_full_after_all(one: Capture, array: Any, expected: float, most: float) -> int:
    """Reads what a sample has shown not to be in order, if the second allowance pays for it."""
    if expected > most or not budget.findings.affords(expected):
        return 0
    watch = Stopwatch()
    one.moments = _moments(one, array)
    one.reading.note = None
    one.sampled = False
    cost = watch.elapsed()
    budget.charge(budget.findings, cost)
    return cost


def _size_of_sample(
    elements: int, max_elements: int, expected: float, most: float, allowance: Allowance | None
) -> int | None:
    """Returns how many elements are to be read, or None for all."""
    if elements <= max_elements and (allowance is None or (expected <= most and allowance.affords(expected))):
        return None
    if allowance is None or allowance.affords(expected * SAMPLE_OF_HUGE / elements):
        return SAMPLE_OF_HUGE
    return SCREEN


def _sample(one: Capture, array: Any, size: int) -> Any:
    """Draws elements; of a table rows, so that its columns stay what they are."""
    if one.features is None:
        return _layouts.sample(array, size)
    width = len(one.features)
    return _layouts.sample_rows(array.reshape(-1, width), max(1, size // width))


def _moments(one: Capture, array: Any) -> list[Moments]:
    whole = _arrays.of_array(array, one.reading.layout)
    if one.features is None:
        return [whole]
    return [whole, *_columns.of_columns(array, len(one.features), one.reading.layout, ordered=False)]


def _has_findings(moments: Moments) -> bool:
    return bool(moments.missing or moments.infinite)
