# SPDX-License-Identifier: Apache-2.0
"""Field profiles as attributes: parallel arrays, roll-ups to search by, words to read, within a bound of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, takewhile
from operator import attrgetter, itemgetter
from typing import Any

from inferspan.profiling import FieldProfile
from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import FieldAttributes
from inferspan.text import shortened

_MAX_NOTES = 8
_MAX_NOTE = 160
_MAX_ANOMALIES = 5
_MAX_SHAPES = 16
#: Share of the bound that notes may take.
_NOTES_SHARE = 0.25

#: Most bytes that OTLP adds to the key and the text or array of an attribute: tags, and the lengths of what is nested
#: in it, three of which take two bytes up to 16 383, and three from there on.
_ATTRIBUTE = 11
_LARGE_ATTRIBUTE = 14
_LARGE = 16_384
#: Most bytes that are added to the key of an attribute that is a number, and those that elements of arrays take.
_NUMBER = 15
_DOUBLE = 11
_NULL = 2

_MISSING_RATIO: Callable[[FieldProfile], float] = attrgetter("missing_ratio")
_INFINITE_RATIO: Callable[[FieldProfile], float] = attrgetter("infinite_ratio")


class _Direction:
    """The names of the attributes of the input or the output, and how their values are found."""

    def __init__(self, keys: FieldAttributes) -> None:
        self.keys = keys
        counts = {
            keys.counts: "count",
            keys.missing_counts: "missing",
            keys.infinite_counts: "infinite",
            keys.zero_counts: "zero",
        }
        statistics = {
            keys.minimums: "minimum",
            keys.maximums: "maximum",
            keys.means: "mean",
            keys.standard_deviations: "standard_deviation",
            keys.quantiles_05: "quantile_05",
            keys.quantiles_50: "quantile_50",
            keys.quantiles_95: "quantile_95",
        }
        self.numbers = [(key, attrgetter(name)) for key, name in (counts | statistics).items()]
        arrays = (keys.names, keys.types, keys.shapes, *counts, *statistics)
        self.arrays = len(arrays)
        self.size_of_keys = sum(map(len, arrays))
        self.size_of_omitted = len(keys.omitted_field_count) + _NUMBER


_DIRECTIONS = {"input": _Direction(names.INPUT), "output": _Direction(names.OUTPUT)}


class _Bounded:
    """Attributes, and how many bytes there are left for more."""

    def __init__(self, max_bytes: int) -> None:
        self.attributes: dict[str, Any] = {}
        self.left = max_bytes
        self.beside_key = _ATTRIBUTE if max_bytes < _LARGE else _LARGE_ATTRIBUTE

    def take(self, size: int) -> bool:
        """Returns whether there is as much left, and if so takes it."""
        if size > self.left:
            return False
        self.left -= size
        return True

    def add_number(self, key: str, value: float) -> bool:
        fits = self.take(len(key) + _NUMBER)
        if fits:
            self.attributes[key] = value
        return fits

    def add_text(self, key: str, text: str) -> None:
        if self.take(len(key) + self.beside_key + _bytes_of(text)):
            self.attributes[key] = text

    def add_texts(self, key: str, texts: Iterable[str]) -> None:
        """Adds as many texts as fit, of which there are some."""
        if not self.take(len(key) + self.beside_key):
            return
        fitting = list(takewhile(lambda text: self.take(_size_of_element(text)), texts))
        if fitting:
            self.attributes[key] = fitting


def profile_attributes(directions: Mapping[str, Sequence[FieldProfile]], *, max_bytes: int) -> dict[str, Any]:
    """Writes profiles as span or event attributes.

    Args:
        directions: the fields of ``input`` and ``output``.
        max_bytes: bound of all of them together, encoded as OTLP. Roll-ups and words go first, then as many fields as
            fit, those with most missing or infinite values first.

    Returns:
        Attributes that never hold a NaN or an infinity: one in an array blanks all of it in several backends.
    """
    bounded = _Bounded(max_bytes)
    filled = {_DIRECTIONS[name]: fields for name, fields in directions.items() if fields}
    for direction, fields in filled.items():
        bounded.add_number(direction.keys.field_count, len(fields))
        bounded.take(direction.size_of_omitted)
    for direction, fields in filled.items():
        _roll_up(direction.keys, fields, bounded)
    anomalies = anomalies_of(field for fields in filled.values() for field in fields)
    if anomalies:
        bounded.add_texts(names.INFERSPAN_ANOMALIES, anomalies)
    _write_notes(filled, bounded, int(max_bytes * _NOTES_SHARE))
    for direction, kept in _keep(filled, bounded).items():
        _write(direction, kept, len(filled[direction]), bounded.attributes)
    return bounded.attributes


def _roll_up(keys: FieldAttributes, fields: Sequence[FieldProfile], bounded: _Bounded) -> None:
    measured = [field for field in fields if field.count]
    if not measured:
        return
    for ratio, key, field_key in (
        (_MISSING_RATIO, keys.missing_ratio_max, keys.missing_ratio_max_field),
        (_INFINITE_RATIO, keys.infinite_ratio_max, keys.infinite_ratio_max_field),
    ):
        worst = max(measured, key=ratio)
        value = ratio(worst)
        if bounded.add_number(key, value) and value:
            bounded.add_text(field_key, shortened(worst.name))


def anomalies_of(fields: Iterable[FieldProfile]) -> list[str]:
    """Says in words which fields have missing or infinite values, worst first, at most five."""
    found: list[tuple[float, str, str]] = []
    for field in fields:
        if field.missing:
            found.append((field.missing_ratio, field.name, "missing"))
        if field.infinite:
            found.append((field.infinite_ratio, field.name, "infinite"))
    found.sort(key=lambda one: -one[0])
    return [f"{shortened(name)}: {100 * ratio:.3g} % {word}" for ratio, name, word in found[:_MAX_ANOMALIES]]


def _write_notes(filled: Mapping[_Direction, Sequence[FieldProfile]], bounded: _Bounded, max_bytes: int) -> None:
    share = _Bounded(min(max_bytes, bounded.left))
    allowed = share.left
    for direction, fields in filled.items():
        noted = [field for field in fields if field.note]
        if noted:
            notes = [shortened(f"{shortened(field.name)}: {field.note}", _MAX_NOTE) for field in noted[:_MAX_NOTES]]
            if len(noted) > _MAX_NOTES:
                notes[-1] = f"and {len(noted) - _MAX_NOTES + 1} more fields"
            share.add_texts(direction.keys.notes, notes)
    bounded.take(allowed - share.left)
    bounded.attributes.update(share.attributes)


def _keep(
    filled: Mapping[_Direction, Sequence[FieldProfile]], bounded: _Bounded
) -> Mapping[_Direction, Sequence[FieldProfile]]:
    """Chooses the fields that fit: those with most missing or infinite values first, then in their order."""
    sizes = {direction: direction.size_of_keys + direction.arrays * bounded.beside_key for direction in filled}
    total = sum(sizes[direction] + sum(map(_size, fields)) for direction, fields in filled.items())
    if total <= bounded.left + sum(direction.size_of_omitted for direction in filled):
        return filled
    candidates = [
        (-max(field.missing_ratio, field.infinite_ratio), index, direction, field)
        for direction, fields in filled.items()
        for index, field in enumerate(fields)
    ]
    candidates.sort(key=itemgetter(0, 1))
    chosen: dict[_Direction, list[tuple[int, FieldProfile]]] = {direction: [] for direction in filled}
    for _, index, direction, field in candidates:
        arrays = 0 if chosen[direction] else sizes[direction]
        if not bounded.take(_size(field) + arrays):
            break
        chosen[direction].append((index, field))
    return {direction: [field for _, field in sorted(kept, key=itemgetter(0))] for direction, kept in chosen.items()}


def _write(direction: _Direction, kept: Sequence[FieldProfile], count: int, attributes: dict[str, Any]) -> None:
    keys = direction.keys
    if kept:
        attributes[keys.names] = [shortened(field.name) for field in kept]
        attributes[keys.types] = [shortened(field.type) for field in kept]
        attributes[keys.shapes] = [shortened(shape_text(field.shape)) for field in kept]
    for key, read in direction.numbers:
        values = list(map(read, kept))
        if values.count(None) < len(values):
            attributes[key] = values
    if len(kept) < count:
        attributes[keys.omitted_field_count] = count - len(kept)


def _size(field: FieldProfile) -> int:
    """Returns the most bytes that a field's elements take."""
    texts = _size_of_element(shortened(field.name)) + _size_of_element(shortened(field.type))
    counts = 4 * (3 + (field.count.bit_length() + 6) // 7) if field.count is not None else 4 * _NULL
    if field.mean is None:
        statistics = 7 * _NULL
    elif field.minimum is None:
        statistics = 2 * _DOUBLE + 5 * _NULL
    else:
        statistics = 7 * _DOUBLE
    return texts + _size_of_element(shortened(shape_text(field.shape))) + counts + statistics


def _size_of_element(text: str) -> int:
    size = _bytes_of(text)
    return size + (4 if size < 126 else 6)


def shape_text(shape: tuple[int, ...] | None) -> str:
    """Writes a shape as ``1x3x224x224``; a scalar's is empty, an unknown one ``?``."""
    return "?" if shape is None else "x".join(map(str, shape))


def shape_attributes(inputs: Iterable[tuple[str, str, tuple[int, ...] | None]]) -> dict[str, Any]:
    """Writes names, types and shapes of the first inputs, and nothing else of them."""
    first = list(islice(inputs, _MAX_SHAPES))
    if not first:
        return {}
    return {
        names.INPUT.names: [shortened(name) for name, _, _ in first],
        names.INPUT.types: [shortened(kind) for _, kind, _ in first],
        names.INPUT.shapes: [shortened(shape_text(shape)) for _, _, shape in first],
    }


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
