# SPDX-License-Identifier: Apache-2.0
"""Points in time and durations as numbers: seconds, for points in time since 1970 in UTC."""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta, timezone
from typing import Any

from inferspan.values._reading import SMALL, Lazy, Reading
from inferspan.values._types import class_of

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST_DAY = _EPOCH.toordinal()
_DAY = 86_400
#: Seconds of a unit, and of the smaller ones how many make a second: a quotient is rounded once.
_SECONDS = {"W": 7 * _DAY, "D": _DAY, "h": 3600, "m": 60, "s": 1}
_PARTS = {"ms": 10**3, "us": 10**6, "ns": 10**9, "ps": 10**12, "fs": 10**15, "as": 10**18}
_CALENDAR = ("Y", "M")


def read_times(array: Any) -> Reading:
    """Reads an array of ``datetime64`` or ``timedelta64``."""
    numpy = sys.modules["numpy"]
    dtype = array.dtype
    unit, multiple = numpy.datetime_data(dtype)
    if unit in _CALENDAR and dtype.kind == "M":  # months differ in length
        unit, multiple = "s", 1
        array = array.astype("M8[s]")
    return of_integers(array, dtype.name, unit, multiple)


def of_integers(array: Any, type: str, unit: str, multiple: int = 1) -> Reading:
    """Describes an array whose 64-bit contents are whole numbers of some unit, the least of them a missing one.

    Args:
        array: of ``datetime64``, ``timedelta64`` or their integers.
        type: how the elements are called.
        unit: numpy's name of the unit.
        multiple: of the unit.
    """
    shape = array.shape
    if unit not in _SECONDS and unit not in _PARTS:
        return Reading(type, shape, note=f"{type} is not profiled: it has no unit in seconds")
    flat = array.reshape(-1)
    if array.size <= SMALL:
        return Reading(type, shape, data=_seconds(flat, unit, multiple).tobytes(), layout="<f8")
    lazy = Lazy(array.size, lambda start, step: _seconds(flat[start::step], unit, multiple))
    return Reading(type, shape, array=lazy, layout="<f8")


def _seconds(flat: Any, unit: str, multiple: int) -> Any:
    numpy: Any = sys.modules["numpy"]
    whole = flat.astype(flat.dtype.newbyteorder("="), copy=False).view(numpy.int64)
    seconds = in_seconds(whole.astype(numpy.float64), unit, multiple)
    seconds[whole == numpy.iinfo(numpy.int64).min] = numpy.nan
    return seconds


def in_seconds(numbers: Any, unit: str, multiple: int = 1) -> Any:
    """Returns an array of doubles, or a double, in seconds."""
    numbers = numbers * (multiple * _SECONDS.get(unit, 1))
    return numbers / _PARTS[unit] if unit in _PARTS else numbers


def second_of(value: date) -> float | None:
    """Returns a point in time of exactly Python's classes; a time zone of another class is the application's code.

    Without a zone it is taken for UTC, as numpy does.
    """
    if class_of(value) is date:
        return float((value.toordinal() - _FIRST_DAY) * _DAY)
    assert isinstance(value, datetime)
    zone = value.tzinfo
    if zone is None:
        value = value.replace(tzinfo=timezone.utc)
    elif class_of(zone) is not timezone and class_of(zone) is not getattr(
        sys.modules.get("zoneinfo"), "ZoneInfo", None
    ):
        return None
    return (value - _EPOCH) / timedelta(seconds=1)
