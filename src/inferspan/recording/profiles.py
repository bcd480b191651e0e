# SPDX-License-Identifier: Apache-2.0
"""The windows of the process, and their ways out: counters, distributions, quantiles and events.

There is one set of windows for all instrumentors on the same providers, and so one bound of what they take.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, metrics

from inferspan import config, faults
from inferspan.profiling import Capture
from inferspan.recording import collecting, data_profiles, drops, gate, providers, worker
from inferspan.recording.distributions import Distributions
from inferspan.recording.fields import FieldCounters, attributes_of, series_key
from inferspan.recording.limits import OTHER
from inferspan.recording.quantiles import Quantiles, matches
from inferspan.semconv.attributes import SelfDropReason
from inferspan.semconv.schema import SCHEMA_URL
from inferspan.text import shortened
from inferspan.windows import Distribution, FieldTotals, Window, WindowKey, Windows

if TYPE_CHECKING:
    from inferspan.recording.series import Series

#: Name of the scope of what windows say; their distributions need one of their own.
SCOPE = "inferspan.windows"
DISTRIBUTIONS_SCOPE = "inferspan.distributions"

#: Most fields of a model whose distribution is exported.
_MOST_DISTRIBUTIONS = 100

_all: weakref.WeakSet[Profiles] = weakref.WeakSet()
_lock = threading.Lock()
_by_providers: weakref.WeakValueDictionary[tuple[int, int], Profiles] = weakref.WeakValueDictionary()


class Profiles:
    """The windows of what is recorded on the same providers.

    Args:
        version: of inferspan.
        meter_provider: None for the global one, whenever the application sets it; likewise the other.
        logger_provider: that events go to.
    """

    def __init__(self, version: str, *, meter_provider: Any, logger_provider: Any) -> None:
        # Kept alive: `of` tells the providers apart by their identity.
        self._meter_provider = meter_provider
        self._logger_provider = logger_provider
        self._kept: Counter[WindowKey] = Counter()
        self._overflowed = 0
        self._windows = Windows(keeps=self._keeps)
        self._logger = _logs.get_logger(SCOPE, version, logger_provider, SCHEMA_URL)
        meter = metrics.get_meter(SCOPE, version, meter_provider, SCHEMA_URL)
        self._counters = FieldCounters(meter, self._totals)
        self._quantiles = Quantiles(meter)
        self._distributions = Distributions(DISTRIBUTIONS_SCOPE, version, read=self._read_distributions)
        self._windows.on_close(self._emit)
        self._windows.on_close(self._quantiles.take)
        _all.add(self)

    def add(self, series: Series, direction: str, captures: Sequence[Capture]) -> None:
        """Adds the inputs or the outputs of an inference.

        Args:
            series: of the inference.
            direction: one of ``semconv.attributes.IoDirection``.
            captures: of all its inputs, or of all its outputs.
        """
        self._add(series.windows[direction], captures)

    def add_entity(self, entity: str, captures: Sequence[Capture]) -> None:
        """Adds data that belongs to no inference.

        Args:
            entity: the name that the application gives it.
            captures: of the data.
        """
        key = WindowKey(entity=shortened(entity))
        if captures and series_key(key).entity == OTHER:
            drops.count(SelfDropReason.MODEL_LIMIT)
        self._add(key, captures)

    def _add(self, key: WindowKey, captures: Sequence[Capture]) -> None:
        if not captures:
            return
        try:
            self._windows.add(key, captures)
            self._windows.close_due()
        except Exception:
            faults.caught("windows")

    def close_due(self) -> None:
        """Closes the windows whose time is over."""
        _inside_gate(self._windows.close_due)

    def close_all(self) -> None:
        """Closes all windows."""
        _inside_gate(self._windows.close_all)

    def next_due(self) -> int | None:
        """Returns when the next window has to be closed, on `clock.monotonic`; None while none is open."""
        return self._windows.next_due()

    def forget(self) -> None:
        """Starts anew in a forked child: what was added so far, the parent reports."""
        self._kept.clear()
        self._overflowed = 0
        self._windows.clear()
        self._counters.forget()
        self._quantiles.forget()

    def _emit(self, window: Window) -> None:
        data_profiles.emit(window, self._logger)

    def _count_overflow(self) -> None:
        with _lock:
            overflowed = self._windows.overflowed
            new, self._overflowed = overflowed - self._overflowed, overflowed
        if new:
            drops.count(SelfDropReason.FIELD_LIMIT, new)

    def _totals(self) -> Mapping[tuple[WindowKey, str], FieldTotals]:
        """Returns what has been counted, when metrics are collected; the first of what is done for a collection."""
        collecting.drain()
        self.close_due()
        self._count_overflow()
        meter_provider = self._meter_provider or providers.current()[1]
        if meter_provider is not None:
            self._distributions.reach(meter_provider)
        return self._windows.totals()

    def _read_distributions(self) -> Iterator[tuple[dict[str, Any], Distribution]]:
        told: set[tuple[WindowKey, str]] = set()
        for (key, name), distribution in self._windows.distributions().items():
            field = key, shortened(name)
            # Of two long names that leave as the same, the first.
            if field not in told:
                told.add(field)
                yield attributes_of(*field), distribution

    def _keeps(self, key: WindowKey, field: str) -> bool:
        """Returns whether the distribution of a field is exported: asked once, when it is first seen."""
        settings = config.in_force
        reported = series_key(key)
        if OTHER in (reported.model, reported.entity):
            return False
        limit = settings.field_distributions
        if matches(field, settings.distribution_fields):
            limit = _MOST_DISTRIBUTIONS
        kept = self._kept[key] < limit
        self._kept[key] += kept
        return kept


def _inside_gate(close: Callable[[], None]) -> None:
    # The events go through the SDK, inside which no fork may find anybody.
    gate.enter()
    try:
        close()
    finally:
        gate.leave()


def of(version: str, *, meter_provider: Any, logger_provider: Any) -> Profiles:
    """Returns the windows of these providers; the same each time, for instruments are for good."""
    key = (id(meter_provider), id(logger_provider))
    with _lock:
        found = _by_providers.get(key)
        if found is None:
            found = Profiles(version, meter_provider=meter_provider, logger_provider=logger_provider)
            _by_providers[key] = found
        return found


def close_all() -> None:
    """Closes all windows, so that what they have gathered leaves before the process ends."""
    for one in list(_all):
        one.close_all()


def close_due() -> None:
    """Closes the windows whose time is over."""
    for one in list(_all):
        one.close_due()


def next_due() -> int | None:
    """Returns when the next window has to be closed, on `clock.monotonic`; None while none is open."""
    return min((due for one in list(_all) if (due := one.next_due()) is not None), default=None)


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()
    for one in list(_all):
        one.forget()


worker.when_idle(next_due, close_due)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
