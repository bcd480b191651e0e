# SPDX-License-Identifier: Apache-2.0
"""What computes profiles: one native kernel where it was built, else numpy, with the same results.

Imported late: numpy is the application's, and is there as soon as there is an array.
"""

from __future__ import annotations

from typing import Any

from inferspan.profiling import _numpy_kernel
from inferspan.profiling._moments import Moments
from inferspan.profiling.states import States

_kernel: Any = _numpy_kernel


def moments(data: Any, layout: str, *, columns: int = 0) -> list[Moments]:
    """Counts values, and computes extremes, mean and deviation of all of them.

    Args:
        data: private bytes in C order, or a numpy array of any strides, which is read once and not kept.
        layout: of its elements, as `inferspan.values.Reading` says it.
        columns: 0, or the length of the last axis.

    Returns:
        One entry for all elements; where columns are given, one a column of the last axis.
    """
    return _kernel.moments(data, layout, columns)


def accumulate(states: States, data: Any, layout: str, *, first: int = 0, columns: int = 0) -> None:
    """Adds values to fields: to their moments and to their histograms.

    Args:
        states: whose owner lets no other thread use it meanwhile.
        data: as for `moments`.
        layout: likewise.
        first: the field that all values are added to; where columns are given, the field of the first column.
        columns: 0, or the length of the last axis.

    Raises:
        IndexError: there is no such field.
    """
    _kernel.accumulate(states, data, layout, first, columns)


def distribute(states: States, index: int, data: Any, layout: str) -> None:
    """Adds values to a field's histogram alone: a sample of values whose moments are known.

    Args:
        states: as for `accumulate`.
        index: of the field.
        data: as for `moments`.
        layout: likewise.

    Raises:
        IndexError: there is no such field.
    """
    _kernel.distribute(states, index, data, layout)


def name() -> str:
    """Returns which kernel is in use, and the instruction set that it was compiled for."""
    return _kernel.NAME
