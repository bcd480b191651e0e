# SPDX-License-Identifier: Apache-2.0
"""Large arrays, summarised on the calling thread: in full where the budget pays for it, else from a sample."""

from __future__ import annotations

from typing import Any

from inferspan.profiling import _layouts, _strides, kernel
from inferspan.profiling._capture import Capture
from inferspan.profiling.budget import Allowance, Stopwatch, budget, rates
from inferspan.values import Lazy

#: Elements of a sample: of an array that is too large, and where the budget has no more to give.
SAMPLE_OF_HUGE = 16_384
SCREEN = 1024
#: Most that is expected of the values of one call before they are read from samples, in nanoseconds.
_MOST_NATIVE = 2_000_000
_MOST_NUMPY = 10_000_000


def most_for_a_call() -> int:
    """Returns the most CPU time that the values of one call may take in full, in nanoseconds."""
    return _MOST_NATIVE if kernel.is_native() else _MOST_NUMPY


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
    array = one.reading.array
    total = array.size
    watch = Stopwatch()
    expected = rates.expected(total, one.reading.layout, columns=bool(one.columns))
    size = _size_of_sample(total, max_elements, expected, most, allowance)
    note = one.reading.note
    _look(one, array, size)
    cost = watch.elapsed()
    if size is None:
        rates.learn(total, one.reading.layout, cost, columns=bool(one.columns))
    elif expected > most:
        rates.doubt(one.reading.layout, columns=bool(one.columns))
    if allowance is None:
        return cost
    budget.charge(allowance, cost)
    whole = one.moments[0]
    has_findings = one.sampled and (whole.missing or whole.infinite)
    if has_findings and total <= max_elements and expected <= most and budget.findings.affords(expected):
        # What a sample has shown not to be in order is looked at in full.
        watch = Stopwatch()
        one.reading.note = note
        _look(one, array, None)
        in_full = watch.elapsed()
        budget.charge(budget.findings, in_full)
        cost += in_full
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


def _look(one: Capture, array: Any, size: int | None) -> None:
    """Takes the moments of all elements, or of as many as ``size`` says."""
    reading = one.reading
    values = _some(one, array, size)
    one.sampled = values.size < array.size
    if one.sampled:
        note = f"sampled {values.size} of {array.size}"
        reading.note = note if reading.note is None else f"{reading.note}; {note}"
    moments = kernel.moments(values, reading.layout)
    moments[0].sample = _layouts.finite_sample(values, reading.layout)
    if one.columns:
        samples = _layouts.finite_samples(values, one.columns, reading.layout)
        for column, sample in zip(kernel.moments(values, reading.layout, columns=one.columns), samples, strict=True):
            column.sample = sample
            moments.append(column)
    one.moments = moments


def _some(one: Capture, array: Any, size: int | None) -> Any:
    """Returns all elements, or about as many as ``size`` says: of a table whole rows, so that its columns stay."""
    if isinstance(array, Lazy):
        step = 1 if size is None else max(1, array.size // size)
        return array.array(_strides.start(step), step)
    if size is None:
        return array
    if one.columns:
        return _layouts.sample_rows(array.reshape(-1, one.columns), max(1, size // one.columns))
    return _layouts.sample(array, size)
