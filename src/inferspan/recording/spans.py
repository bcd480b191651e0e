# SPDX-License-Identifier: Apache-2.0
"""Field profiles as attributes: parallel arrays, roll-ups to search by, words to read, within a bound of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from inferspan.profile import FieldProfile
from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import FieldAttributes

_MAX_NAME = 96
_MAX_NOTES = 8
_MAX_NOTE = 160
_MAX_ANOMALIES = 5

#: Bytes of an attribute beside its key and its value, in OTLP: two tags and two lengths, and those of an array.
_ATTRIBUTE = 10
_ELEMENT = 4
_DOUBLE = 11
_INT = 7

_COUNTS: tuple[tuple[str, Callable[[FieldProfile], int | None]], ...] = (
    ("counts", lambda field: field.count),
    ("missing_counts", lambda field: field.missing),
    ("infinite_counts", lambda field: field.infinite),
    ("zero_counts", lambda field: field.zero),
)
_STATISTICS: tuple[tuple[str, Callable[[FieldProfile], float | None]], ...] = (
    ("minimums", lambda field: field.minimum),
    ("maximums", lambda field: field.maximum),
    ("means", lambda field: field.mean),
    ("standard_deviations", lambda field: field.standard_deviation),
    ("quantiles_05", lambda field: field.quantile_05),
    ("quantiles_50", lambda field: field.quantile_50),
    ("quantiles_95", lambda field: field.quantile_95),
)


def profile_attributes(
    directions: Mapping[str, Sequence[FieldProfile]], *, max_bytes: int
) -> dict[str, Any]:
    """Writes profiles as span or event attributes.

    Args:
        directions: the fields of ``input`` and ``output``.
        max_bytes: bound of all of them together, encoded; names, types and shapes count too.

    Returns:
        Attributes that never hold a NaN or an infinity: one in an array blanks all of it in several backends.
    """
    kept = _within(directions, max_bytes)
    attributes: dict[str, Any] = {}
    for direction, fields in directions.items():
        if fields:
            keys = names.INPUT if direction == "input" else names.OUTPUT
            _write(keys, fields, kept[direction], attributes)
    anomalies = anomalies_of(field for fields in directions.values() for field in fields)
    if anomalies:
        attributes[names.INFERSPAN_ANOMALIES] = anomalies
    return attributes


def _write(
    keys: FieldAttributes, fields: Sequence[FieldProfile], kept: Sequence[FieldProfile], attributes: dict[str, Any]
) -> None:
    attributes[keys.field_count] = len(fields)
    if kept:
        attributes[keys.names] = [_short(field.name) for field in kept]
        attributes[keys.types] = [field.type for field in kept]
        attributes[keys.shapes] = [shape_text(field.shape) for field in kept]
    if any(field.count is not None for field in kept):
        for name, read in _COUNTS:
            attributes[getattr(keys, name)] = [read(field) for field in kept]
        for name, read_statistic in _STATISTICS:
            values = [read_statistic(field) for field in kept]
            if any(value is not None for value in values):
                attributes[getattr(keys, name)] = values
    measured = [field for field in fields if field.count]
    if measured:
        _roll_up(measured, _missing, keys.missing_ratio_max, keys.missing_ratio_max_field, attributes)
        _roll_up(measured, _infinite, keys.infinite_ratio_max, keys.infinite_ratio_max_field, attributes)
    if len(kept) < len(fields):
        attributes[keys.omitted_field_count] = len(fields) - len(kept)
    notes = [f"{_short(field.name)}: {field.note}"[:_MAX_NOTE] for field in fields if field.note]
    if notes:
        if len(notes) > _MAX_NOTES:
            notes[_MAX_NOTES - 1 :] = [f"and {len(notes) - _MAX_NOTES + 1} more fields"]
        attributes[keys.notes] = notes


def _roll_up(
    fields: Sequence[FieldProfile],
    ratio: Callable[[FieldProfile], float],
    key: str,
    field_key: str,
    attributes: dict[str, Any],
) -> None:
    worst = max(fields, key=ratio)
    attributes[key] = ratio(worst)
    if attributes[key]:
        attributes[field_key] = _short(worst.name)


def _missing(field: FieldProfile) -> float:
    return field.missing_ratio


def _infinite(field: FieldProfile) -> float:
    return field.infinite_ratio


def anomalies_of(fields: Iterable[FieldProfile]) -> list[str]:
    """Says in words which fields have missing or infinite values, worst first, at most five."""
    found: list[tuple[float, str]] = []
    for field in fields:
        for ratio, word in ((field.missing_ratio, "missing"), (field.infinite_ratio, "infinite")):
            if ratio:
                found.append((ratio, f"{_short(field.name)}: {100 * ratio:.3g} % {word}"))
    found.sort(key=lambda one: -one[0])
    return [text for _, text in found[:_MAX_ANOMALIES]]


def _within(directions: Mapping[str, Sequence[FieldProfile]], max_bytes: int) -> dict[str, list[FieldProfile]]:
    """Chooses the fields that fit: those with most missing or infinite values first, then in their order."""
    left = max_bytes
    candidates: list[tuple[float, int, str, FieldProfile]] = []
    for direction, fields in directions.items():
        if not fields:
            continue
        keys = names.INPUT if direction == "input" else names.OUTPUT
        # Keys, the counts and roll-ups, notes and words are paid for whatever is cut.
        left -= sum(len(key) + _ATTRIBUTE for key in keys) + 2 * _MAX_NAME
        notes = [field for field in fields if field.note]
        left -= sum(
            _ELEMENT + min(_MAX_NOTE, len(field.name) + len(field.note or "") + 2) for field in notes[:_MAX_NOTES]
        )
        for index, field in enumerate(fields):
            candidates.append((-max(field.missing_ratio, field.infinite_ratio), index, direction, field))
    left -= _MAX_ANOMALIES * 40 if any(candidate[0] for candidate in candidates) else 0
    candidates.sort(key=lambda one: one[:2])
    chosen: dict[str, list[tuple[int, FieldProfile]]] = {direction: [] for direction in directions}
    for _, index, direction, field in candidates:
        left -= _size(field)
        if left < 0:
            break
        chosen[direction].append((index, field))
    return {
        direction: [field for _, field in sorted(fields, key=lambda one: one[0])]
        for direction, fields in chosen.items()
    }


def _size(field: FieldProfile) -> int:
    text = 3 * _ELEMENT + min(_MAX_NAME, len(field.name.encode())) + len(field.type) + len(shape_text(field.shape))
    statistics = sum(_DOUBLE if read(field) is not None else 2 for _, read in _STATISTICS)
    return text + len(_COUNTS) * _INT + statistics


def shape_text(shape: tuple[int, ...] | None) -> str:
    """Writes a shape as ``1x3x224x224``; a scalar's is empty, an unknown one ``?``."""
    return "?" if shape is None else "x".join(map(str, shape))


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"
