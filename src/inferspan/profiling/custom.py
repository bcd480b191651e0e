# SPDX-License-Identifier: Apache-2.0
"""What an application's profilers say of a window.

A closed window keeps what a profiler says of its field, and nothing else of it. So that windows can be merged, by
whoever has them, a profiler takes in what another one has said: its state has one form, which everybody can read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.utils import suppress_instrumentation

from inferspan.profiling.profilers import Profiler, Registration, Selection, Value, registered
from inferspan.text import encodable

if TYPE_CHECKING:
    from inferspan.profiling._capture import Capture

#: What the profilers of one field have said, by their names.
Custom = Mapping[str, Mapping[str, Value]]

#: Bounds of a summary: of its items, of the length of a key, and of a text.
MAX_ITEMS = 16
MAX_KEY = 64
MAX_TEXT = 256
_MAX_INTEGER = 2**63


class OpenProfilers:
    """The profilers of a window that is open."""

    __slots__ = ("_fields", "_selection", "_wanted")

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._fields: dict[str, dict[Registration, Profiler | None]] = {}
        # By tensor and number of dimensions: its fields, and who looks at which, by their index.
        self._wanted: dict[tuple[str, int], tuple[Sequence[str], list[tuple[int, Registration]]]] = {}

    def add(self, capture: Capture, fields: Sequence[str]) -> None:
        """Gives a capture to the profilers of its fields.

        Args:
            capture: of a tensor, or of a table.
            fields: name of the tensor, or names of its first columns, under which their summaries are returned. It is
                the same object for captures of a tensor that is read alike: of one type, with the same columns.
        """
        shape = capture.reading.shape or ()
        known = self._wanted.get((capture.name, len(shape)))
        if known is None or known[0] is not fields:
            found = zip(range(len(fields)), self._selection.of_fields(capture), strict=False)
            known = fields, [(index, one) for index, registrations in found for one in registrations]
            self._wanted[capture.name, len(shape)] = known
        if not known[1]:
            return
        # Imported here: numpy is the application's.
        from inferspan.profiling import _given

        values = _given.of_capture(capture)
        if values is None:
            return
        # A model that a profiler runs is no inference of the application; and it would come back here.
        with suppress_instrumentation():
            for index, registration in known[1]:
                if capture.columns:
                    self._update(fields[index], registration, values[:, index], (math.prod(shape[:-1]),))
                else:
                    self._update(fields[index], registration, values, shape)

    def close(self) -> dict[str, Custom]:
        """Returns what they have found, by field."""
        found: dict[str, Custom] = {}
        for name, made in self._fields.items():
            custom: dict[str, Mapping[str, Value]] = {}
            for registration, profiler in made.items():
                if profiler is not None:
                    try:
                        summary = bounded(profiler.summary())
                        if summary:
                            custom[registration.name] = summary
                    except Exception:
                        registration.failed()
            if custom:
                found[name] = custom
        return found

    def _update(self, name: str, registration: Registration, values: Any, shape: tuple[int, ...]) -> None:
        made = self._fields.setdefault(name, {})
        if registration.is_off:
            made[registration] = None
            return
        try:
            if registration not in made:
                made[registration] = registration.factory()
            profiler = made[registration]
            if profiler is not None:
                profiler.update(values, shape)
        except Exception:
            # It may have taken in half of the values: nothing it says of this window is of use any more.
            made[registration] = None
            registration.failed()


def merged(one: Custom, two: Custom) -> Custom:
    """Returns what the profilers of one field have said of two windows, as if it had been one.

    What only one window has, stays. Left out is what cannot be merged: the profiler is not registered here, or fails.
    """
    both: dict[str, Mapping[str, Value]] = {**one, **two}
    for name in one.keys() & two.keys():
        summary: Mapping[str, Value] = {}
        registration = registered.get(name)
        if registration is not None:
            try:
                profiler = registration.factory()
                profiler.merge(one[name])
                profiler.merge(two[name])
                summary = bounded(profiler.summary())
            except Exception:
                registration.failed()
        if summary:
            both[name] = summary
        else:
            del both[name]
    return both


def bounded(summary: Mapping[Any, Any]) -> dict[str, Value]:
    """Returns the items of a summary that may leave: what `Profiler.summary` says."""
    found: dict[str, Value] = {}
    for key, value in islice(summary.items(), MAX_ITEMS):
        if isinstance(key, str) and 0 < len(key) <= MAX_KEY:
            usable = _usable(value)
            if usable is not None:
                found[encodable(key)] = usable
    return found


def _usable(value: Any) -> Value | None:
    if isinstance(value, str):
        return encodable(value[:MAX_TEXT])
    # numpy's numbers too.
    if isinstance(value, Integral):
        number = int(value)
        return number if -_MAX_INTEGER <= number < _MAX_INTEGER else None
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else None
    return None
