# SPDX-License-Identifier: Apache-2.0
"""Quantiles of chosen fields as gauges, for backends that have no native histograms."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from inferspan import clock, config
from inferspan.recording.fields import attributes_of, series_key
from inferspan.recording.limits import OTHER
from inferspan.semconv import attributes as names
from inferspan.semconv import metrics as instruments
from inferspan.semconv.attributes import Quantile
from inferspan.text import shortened
from inferspan.windows import Window

#: Most fields that have gauges.
MOST_FIELDS = 100
_PROBABILITIES = {Quantile.P05: 0.05, Quantile.P50: 0.5, Quantile.P95: 0.95}
_NANOSECONDS = 1_000_000_000


class _Last(NamedTuple):
    """What a field's last window has said, and when it was closed."""

    closed: int
    observations: list[Observation]


class Quantiles:
    """The quantiles of the last closed windows.

    Args:
        meter: that the gauge is made with.
    """

    def __init__(self, meter: Meter) -> None:
        self._last: dict[tuple[Any, str], _Last] = {}
        instruments.create_field_quantile(meter, callbacks=[self._observe])

    def forget(self) -> None:
        """Starts anew in a forked child."""
        self._last = {}

    def take(self, window: Window) -> None:
        """Keeps the quantiles of a window that was closed."""
        settings = config.in_force
        key = series_key(window.key)
        if not settings.quantile_fields or OTHER in (key.model, key.entity):
            return
        now = clock.monotonic()
        for field in window.fields.values():
            name = shortened(field.name)
            if not matches(field.name, settings.quantile_fields) or (
                (key, name) not in self._last and len(self._last) >= MOST_FIELDS
            ):
                continue
            attributes = attributes_of(key, name)
            observations: list[Observation] = []
            if field.finite >= settings.profile_min_count:
                for quantile, probability in _PROBABILITIES.items():
                    value = field.quantile(probability)
                    if value is not None:
                        observations.append(Observation(value, {**attributes, names.INFERSPAN_QUANTILE: quantile}))
            self._last[key, name] = _Last(now, observations)

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        # What no window has said for twice its time is not how things are.
        oldest = clock.monotonic() - 2 * config.in_force.window_seconds * _NANOSECONDS
        self._last = {field: last for field, last in self._last.items() if last.closed >= oldest}
        return [observation for last in self._last.values() for observation in last.observations]


def matches(field: str, patterns: Iterable[str]) -> bool:
    """Returns whether a setting names a field."""
    return any(fnmatchcase(field, pattern) for pattern in patterns)
