# SPDX-License-Identifier: Apache-2.0
"""Columns of frames: arrays of one dimension, whose missing values may stand beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inferspan.values._numpy import read_array
from inferspan.values._reading import SMALL, Lazy, Reading


def of_array(array: Any, type: str | None = None) -> Reading:
    """Reads a column that is an array of numpy's.

    Args:
        array: of one dimension.
        type: of the elements, where it is not the array's.
    """
    reading = read_array(array)
    reading.column = True
    if type is not None:
        reading.type = type
    return reading


def of_doubles(type: str, size: int, read: Callable[[int, int], Any]) -> Reading:
    """Describes a column that has to be turned into doubles, in which what is missing is NaN.

    Args:
        type: of the elements.
        size: how many there are.
        read: returns a private array of doubles with every so manieth element, given start and step.
    """
    if size <= SMALL:
        return Reading(type, (size,), data=read(0, 1).tobytes(), layout="<f8", column=True)
    return Reading(type, (size,), array=Lazy(size, read), layout="<f8", column=True)


def unread(type: str, size: int, missing: int | None = None) -> Reading:
    """Describes a column whose elements are not read, which may be counted."""
    counts = None if missing is None else (size, missing)
    return Reading(type, (size,), note=f"{type} is not profiled", counts=counts, column=True)
