# SPDX-License-Identifier: Apache-2.0
"""Profilers that an application adds: what they are, which fields they look at, and how their faults end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

from inferspan import config, faults
from inferspan.profiling.budget import Allowance, Stopwatch, budget

if TYPE_CHECKING:
    from inferspan.profiling._capture import Capture

_log = logging.getLogger("inferspan")

Value = float | int | str

_GROUP = "inferspan_profilers"
_HOME = "inferspan.profiling._included"
_INCLUDED = {
    "embedding_norm": "EmbeddingNorm",
    "image_brightness": "ImageBrightness",
    "text_length": "TextLength",
}
#: Most elements that a profiler is given at once.
MAX_ELEMENTS = 8192
#: Faults after which a profiler is not called any more.
MAX_FAULTS = 10
_MAX_REMEMBERED = 4096


class Profiler(Protocol):
    """Computes something of the values of one field, over one window.

    It is used by one thread at a time. What it raises is counted and ends there; that field has no summary of it then,
    and after ``MAX_FAULTS`` faults it is switched off, with one warning. Its time counts as profiling.
    """

    def update(self, values: Any, shape: tuple[int, ...]) -> None:
        """Takes in the values of one call.

        Args:
            values: a private, read-only ``numpy.ndarray``, of the field's type and number of dimensions: half precision
                arrives as float32, a list as float64 with NaN for None. Of texts they are the numbers of characters, of
                some of them, in one dimension. Up to 8 192 elements are complete. Of more, some are left out at even
                distances, at other places in each call: of images along height and width, down to 16 pixels, and then
                whole images; of everything else along the first axes first, so that rows of up to 8 192 are complete.
            shape: of all values: an axis along which there are fewer ``values`` is not complete.
        """
        ...

    def merge(self, summary: Mapping[str, Value]) -> None:
        """Takes in what another profiler of its kind has said, of other values of the same field."""
        ...

    def summary(self) -> Mapping[str, Value]:
        """Says what it has found; with enough beside it (how many values, say) for `merge`.

        Of it leave numbers that are finite and fit in 64 bits, and text: the first 16 items, keys of up to 64 and text
        of up to 256 characters. The rest is left out. Nothing, where it is empty.
        """
        ...


@dataclass(slots=True, eq=False)
class Registration:
    """A profiler, what it looks at, and how often it has failed."""

    name: str
    factory: Callable[[], Profiler]
    models: Sequence[str]
    fields: Sequence[str]
    types: Sequence[str]
    dimensions: Sequence[int]
    faults: int = field(default=0, init=False)

    @property
    def is_off(self) -> bool:
        """Whether it has failed too often."""
        return self.faults >= MAX_FAULTS

    def takes(self, name: str, type: str, dimensions: int) -> bool:
        """Returns whether it looks at a field."""
        return (
            (not self.dimensions or dimensions in self.dimensions)
            and _matches(type, self.types)
            and _matches(name, self.fields)
        )

    def failed(self) -> None:
        """Ends the exception being handled."""
        self.faults += 1
        if self.faults == MAX_FAULTS:
            _log.warning("profiler %s is switched off after %d faults", self.name, MAX_FAULTS)
        faults.caught("profilers")


#: By name.
registered: dict[str, Registration] = {}
#: Names in the setting that no profiler was found by: each instrumentor asks for all of them.
_ignored: set[str] = set()
#: What `of_model` has found. Replaced and not emptied: a thread that is still looking has the one of before.
_found: dict[str, Selection | None] = {}


def register_profiler(
    name: str,
    factory: Callable[[], Profiler] | None = None,
    *,
    models: str | Sequence[str] | None = None,
    fields: str | Sequence[str] | None = None,
    types: str | Sequence[str] | None = None,
    dimensions: int | Sequence[int] | None = None,
) -> None:
    """Has a profiler look at fields: tensors, and the columns of tables, each of one dimension.

    ::

        inferspan.register_profiler("image_brightness", fields="pixel_values")
        inferspan.register_profiler("loudness", Loudness, models="speech-*", types="float*", dimensions=(1, 2))

    A pattern is as in a shell, and several are a sequence. What is not given, the factory can say in an attribute of
    the same name; otherwise it does not matter. A profiler that has the name already is replaced.

    Args:
        name: what its summaries are found under.
        factory: makes a `inferspan.profiling.profilers.Profiler` for each field and window: a class, as a rule. None
            for one that is included (``image_brightness``, ``embedding_norm``, ``text_length``) or installed, as an
            entry point of the group ``inferspan_profilers``.
        models: patterns of the names of models, or of entities.
        fields: patterns of names.
        types: patterns of element types: ``float32``, ``int64``, ``string``.
        dimensions: numbers of dimensions.

    Raises:
        LookupError: none is included or installed under the name.
        TypeError: the factory cannot be called.
    """
    global _found
    made = _callable(_find(name) if factory is None else factory, name)
    registered[name] = Registration(
        name,
        made,
        _several(models, made, "models"),
        _several(fields, made, "fields"),
        _several(types, made, "types"),
        _several(dimensions, made, "dimensions"),
    )
    _found = {}


def register_named(names: Iterable[str]) -> None:
    """Registers included and installed profilers, for the fields that they say; where it cannot, it is one warning.

    Args:
        names: the setting ``profilers``.
    """
    for number, name in enumerate(names, 1):
        if name not in registered and name not in _ignored:
            try:
                register_profiler(name)
            except Exception as error:
                _ignored.add(name)
                # Neither the name nor a message: a setting may be anything, a secret pasted on the wrong line included.
                reason = "of no profiler that is there" if type(error) is LookupError else type(error).__name__
                _log.warning("%sPROFILERS: name %d is ignored: %s", config.PREFIX, number, reason)


def of_model(name: str) -> Selection | None:
    """Returns the profilers of a model, or of an entity; None where there are none."""
    if not registered:
        return None
    remembered = _found
    try:
        return remembered[name]
    except KeyError:
        pass
    if len(remembered) >= _MAX_REMEMBERED:
        remembered.clear()
    those = [one for one in tuple(registered.values()) if _matches(name, one.models)]
    selection = remembered[name] = Selection(those) if those else None
    return selection


def _find(name: str) -> Any:
    """Returns the factory of a profiler that is included or installed."""
    if name in _INCLUDED:
        return getattr(import_module(_HOME), _INCLUDED[name])
    for entry in entry_points(group=_GROUP, name=name):
        return entry.load()
    raise LookupError(f"no profiler {name!r} is included or installed")


def _callable(made: object, name: str) -> Any:
    if not callable(made):
        raise TypeError(f"what makes the profiler {name!r} cannot be called")
    return made


def _several(said: Any, factory: object, name: str) -> Sequence[Any]:
    found = getattr(factory, name, ()) if said is None else said
    return (found,) if isinstance(found, (str, int)) else tuple(found)


def _matches(text: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)


class Selection:
    """The profilers of one model."""

    __slots__ = ("_found", "_registrations")

    def __init__(self, registrations: Sequence[Registration]) -> None:
        self._registrations = registrations
        self._found: dict[tuple[str, str, int], tuple[Registration, ...]] = {}

    def of_field(self, name: str, type: str, dimensions: int) -> tuple[Registration, ...]:
        """Returns those that look at a field."""
        key = (name, type, dimensions)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MAX_REMEMBERED:
                self._found.clear()
            found = tuple(one for one in self._registrations if one.takes(*key))
            self._found[key] = found
        return found

    def keep(self, capture: Capture, allowance: Allowance | None = None) -> Any:
        """Returns what a large array's profilers will be given: a bounded private copy, or None where it has none.

        It is called on the application's thread, which is why no profiler is.

        Args:
            capture: whose reading has the array.
            allowance: pays for it, if there is one.
        """
        try:
            if not any(self.of_fields(capture)):
                return None
            # Imported here: numpy is the application's, and is there as soon as an array is.
            from inferspan.profiling import _given

            watch = Stopwatch()
            kept = _given.of_large(capture.reading)
            if allowance is not None:
                budget.charge(allowance, watch.elapsed())
            return kept
        except Exception:
            faults.caught("profilers")
            return None

    def of_fields(self, capture: Capture) -> Iterable[tuple[Registration, ...]]:
        """Returns those of each field of a capture: of its columns, or of itself."""
        reading = capture.reading
        if capture.columns:
            return [self.of_field(capture.name_of(index), reading.type, 1) for index in range(capture.columns)]
        return (self.of_field(capture.name, reading.type, len(reading.shape or ())),)
