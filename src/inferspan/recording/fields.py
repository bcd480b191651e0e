# SPDX-License-Identifier: Apache-2.0
"""What has been counted of fields, as metrics: counters that never go down, of a bounded number of series.

A model with few fields has series for each. Of one with more, a field has them from its first fault on; what it counted
until then stays in ``_OTHER``, or that would go down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from inferspan import config
from inferspan.recording.limits import OTHER, series_model
from inferspan.semconv import attributes as names
from inferspan.semconv import metrics as instruments
from inferspan.text import shortened
from inferspan.windows import FieldTotals, WindowKey

#: Fields of a model with few that have a series of infinite values; those of others are in one ``_OTHER`` for inputs
#: and outputs: of the 60 series that a process with 20 features may have, 44 are taken, and these are rarely needed.
_FEW_INFINITE = 1


def attributes_of(key: WindowKey, field: str) -> dict[str, Any]:
    """Returns the attributes that say which field it is, by a name that can leave."""
    attributes = {
        names.INFERSPAN_SYSTEM_NAME: key.system,
        names.INFERSPAN_MODEL_NAME: key.model,
        names.INFERSPAN_MODEL_VERSION: key.version,
        names.INFERSPAN_IO_DIRECTION: key.direction,
        names.INFERSPAN_ENTITY_NAME: key.entity,
        names.INFERSPAN_FIELD_NAME: field,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def series_key(key: WindowKey) -> WindowKey:
    """Returns the key under which metrics report a window's fields: that of ``_OTHER`` beyond the limit of models."""
    if key.entity is not None:
        entity, _ = series_model(key.entity, None)
        return key._replace(entity=entity)
    model, version = series_model(key.model or OTHER, key.version)
    return key._replace(model=model, version=version)


class FieldCounters:
    """The counters of fields, as observable instruments.

    Args:
        meter: that they are made with.
        totals: returns what has been counted of each field, as of now.
    """

    def __init__(self, meter: Meter, totals: Callable[[], Mapping[tuple[WindowKey, str], FieldTotals]]) -> None:
        self._totals = totals
        self.forget()
        # The SDK calls back in this order, and all of them for one collection: the first brings the counts up to date.
        instruments.create_field_values(meter, callbacks=[self._observe_values])
        instruments.create_field_missing(meter, callbacks=[self._observe_missing])
        instruments.create_field_infinite(meter, callbacks=[self._observe_infinite])

    def forget(self) -> None:
        """Starts anew in a forked child."""
        self._seen: Mapping[tuple[WindowKey, str], FieldTotals] = {}
        self._models: dict[WindowKey, _Model] = {}

    def _observe_values(self, _options: CallbackOptions) -> Iterable[Observation]:
        self._update()
        return [Observation(counts.values, attributes) for attributes, counts in self._counts() if counts.is_whole]

    def _observe_missing(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(counts.missing, attributes) for attributes, counts in self._counts() if counts.is_whole]

    def _observe_infinite(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(counts.infinite, attributes) for attributes, counts in self._counts() if counts.infinite]

    def _counts(self) -> Iterator[tuple[dict[str, Any], _Counts]]:
        for model in self._models.values():
            for one in (*model.own.values(), *model.others.values()):
                yield one.attributes, one

    def _update(self) -> None:
        """Adds what was counted since the last collection, whichever reader's."""
        totals = self._totals()
        reported = {key: series_key(key) for key in {key for key, _ in totals}}
        sizes: Counter[WindowKey] = Counter()
        for key, number in Counter(key for key, _ in totals).items():
            sizes[_whole(reported[key])] += number
        # A model that is forgotten has no series any more, as that of a process that has ended.
        self._models = {whole: self._models.get(whole) or _Model() for whole in sizes}
        for whole, model in self._models.items():
            model.is_small = sizes[whole] <= config.in_force.field_series
        models = {key: self._models[_whole(one)] for key, one in reported.items()}
        for field, now in totals.items():
            before = self._seen.get(field, _NOTHING)
            if now.count < before.count:  # forgotten in between, and met again
                before = _NOTHING
            key, name = field
            new = _New(now.count - before.count, now.missing - before.missing, now.infinite - before.infinite)
            models[key].add(reported[key], shortened(name), new)
        self._seen = totals


class _New(NamedTuple):
    """What was counted of a field since the last collection."""

    values: int
    missing: int
    infinite: int


_NOTHING = FieldTotals()


class _Counts:
    """What one series of each metric reports.

    Attributes:
        is_whole: whether it has series of all values; otherwise, of infinite ones alone.
    """

    __slots__ = ("attributes", "infinite", "is_whole", "missing", "values")

    def __init__(self, attributes: dict[str, Any], *, is_whole: bool) -> None:
        self.attributes = attributes
        self.is_whole = is_whole
        self.values = self.missing = self.infinite = 0


class _Model:
    """The series of a model's fields, or of an entity's.

    Attributes:
        is_small: whether it has few fields.
        own: by direction and name of field.
        others: all other fields of a direction, summed up.
    """

    def __init__(self) -> None:
        self.is_small = True
        self.own: dict[tuple[str | None, str], _Counts] = {}
        self.others: dict[str | None, _Counts] = {}
        self._faulty = 0
        self._infinite = 0

    def add(self, key: WindowKey, field: str, new: _New) -> None:
        """Adds what was counted of a field, by the name that leaves: two long ones can be the same by that."""
        own = self.own.get((key.direction, field))
        if own is None and OTHER not in (key.model, key.entity, field) and self._admits(new):
            own = self.own[key.direction, field] = _Counts(attributes_of(key, field), is_whole=True)
        counts = own or self._other(key, is_whole=True)
        counts.values += new.values
        counts.missing += new.missing
        if not new.infinite:
            return
        if own is not None and not own.infinite:
            if self._infinite >= (_FEW_INFINITE if self.is_small else config.in_force.faulty_field_series):
                rest = key._replace(direction=None) if self.is_small else key
                self._other(rest, is_whole=False).infinite += new.infinite
                return
            self._infinite += 1
        counts.infinite += new.infinite

    def _admits(self, new: _New) -> bool:
        """Returns whether a field gets series of its own now."""
        if self.is_small:
            return True
        admitted = bool(new.missing or new.infinite) and self._faulty < config.in_force.faulty_field_series
        self._faulty += admitted
        return admitted

    def _other(self, key: WindowKey, *, is_whole: bool) -> _Counts:
        counts = self.others.get(key.direction)
        if counts is None:
            counts = self.others[key.direction] = _Counts(attributes_of(key, OTHER), is_whole=is_whole)
        counts.is_whole = counts.is_whole or is_whole
        return counts


def _whole(key: WindowKey) -> WindowKey:
    """Returns the key of a model or entity, whose fields share a limit of series."""
    return key._replace(direction=None)
