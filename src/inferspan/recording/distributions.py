# SPDX-License-Identifier: Apache-2.0
"""The distribution of fields as exponential histograms of OTLP, on the export of the application's own meter provider.

An instrument of the SDK could not do it: it takes one value a call, for 13 microseconds, and refuses negative ones. So
the data points are made here, from what windows have accumulated, and are added to what each reader of the provider
has just collected. Resource, interval, retries and end of the export stay the application's.

Each reader has what it prefers: the histogram of all values since the start, or of those since its last export.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from inferspan import clock, config, faults
from inferspan.profiling.histogram import Buckets, ExponentialHistogram
from inferspan.recording import providers
from inferspan.semconv.metrics import INFERSPAN_FIELD_DISTRIBUTION
from inferspan.semconv.schema import SCHEMA_URL
from inferspan.windows import Distribution, FieldSummary

_log = logging.getLogger("inferspan")

_DESCRIPTION = "The distribution of the finite values of a field."

#: Readers that know no exponential histogram: they would warn of each at each scrape.
_WITHOUT_HISTOGRAMS = "PrometheusMetricReader"

#: For each reader that has been seen, whose distributions it is to have.
_sources: weakref.WeakKeyDictionary[Any, weakref.WeakSet[Distributions]] = weakref.WeakKeyDictionary()
_warned: set[str] = set()


class Distributions:
    """The distributions of the fields of one instrumentation scope.

    Args:
        name: of the scope that they are exported in. It has to be that of no meter: of two scopes that are alike, the
            OTLP exporter loses one.
        version: of the scope.
        read: returns the distributions as of now, each with its attributes.
    """

    def __init__(
        self, name: str, version: str, *, read: Callable[[], Iterable[tuple[dict[str, Any], Distribution]]]
    ) -> None:
        self.name = name
        self._version = version
        self._read = read
        self.forget()

    def reach(self, meter_provider: Any) -> None:
        """Has the readers that a provider has by now export these distributions; costs little where they do."""
        readers = providers.readers(meter_provider)
        if readers is None:
            _warn_once(f"{type(meter_provider).__name__} is not made as the SDK's meter provider")
            return
        for reader in readers:
            sources = _sources.get(reader)
            if sources is None:
                if any(one.__name__ == _WITHOUT_HISTOGRAMS for one in type(reader).__mro__):
                    _warn_once("the Prometheus reader has no native histograms")
                    continue
                if not providers.supplement(reader, _supplemented):
                    continue
                sources = _sources[reader] = weakref.WeakSet()
            sources.add(self)

    def collect(self, reader: Any) -> Any:
        """Returns what a reader is to have now, as the SDK's ``ScopeMetrics``; None where there is nothing."""
        # The SDK is there: the reader is of it.
        from opentelemetry.sdk.metrics import export
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        deltas = providers.wants_deltas(reader)
        # A flush and the interval can collect for one reader at once: what is new is for one of them.
        with self._lock:
            points = self._points(self._exported.setdefault(reader, {}), deltas=deltas)
        if not points:
            return None
        temporality = export.AggregationTemporality.DELTA if deltas else export.AggregationTemporality.CUMULATIVE
        histogram = export.ExponentialHistogram(data_points=points, aggregation_temporality=temporality)
        metric = export.Metric(name=INFERSPAN_FIELD_DISTRIBUTION, description=_DESCRIPTION, unit="1", data=histogram)
        scope = InstrumentationScope(self.name, self._version, SCHEMA_URL)
        return export.ScopeMetrics(scope=scope, metrics=[metric], schema_url=SCHEMA_URL)

    def _points(self, exported: dict[Any, _Exported], *, deltas: bool) -> list[Any]:
        now = clock.wall()
        points: list[Any] = []
        for attributes, distribution in self._read():
            key = tuple(attributes.items())
            before = exported.get(key)
            after = _advance(before, distribution, now)
            if after is None:
                continue
            exported[key] = after
            if not deltas:
                points.append(_cumulative(attributes, after, now))
            elif after is not before:
                points.append(_delta(attributes, after, before))
        return points

    def forget(self) -> None:
        """Starts anew in a forked child."""
        self._lock = threading.Lock()
        self._exported: weakref.WeakKeyDictionary[Any, dict[Any, _Exported]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class _Exported:
    """What one reader has had of one field.

    Attributes:
        summary: as it was at the last step.
        total: the sum of the values in the histogram, which are all finite ones, or a sample of them.
        started: in nanoseconds since the epoch.
        stepped: when the last step was, likewise.
    """

    summary: FieldSummary
    total: Fraction
    started: int
    stepped: int


def _advance(before: _Exported | None, distribution: Distribution, now: int) -> _Exported | None:
    """Returns what a reader is to have by now; the same as before while there is little new.

    What is new can be told from the difference of two exports, so it is held back until there are as many new values
    as a statistic may summarise.
    """
    current = distribution.summary
    if before is None or before.started != distribution.started:
        nothing = FieldSummary(name=current.name, tensor=current.tensor, type=current.type)
        known = _Exported(nothing, Fraction(0), distribution.started, distribution.started)
        before = None
    else:
        known = before
    values = current.finite - known.summary.finite
    counted = current.histogram.count - known.summary.histogram.count
    if values < config.in_force.profile_min_count or counted <= 0:
        return before
    new = current.total - known.summary.total
    try:
        # The mean of a sample is said to be that of all values, which is known: backends divide one by the other.
        total = known.total + (new if counted == values else Fraction(float(new / values) * counted))
        float(total)
    except OverflowError:
        return before
    return _Exported(current, total, known.started, max(now, known.stepped))


def _cumulative(attributes: dict[str, Any], exported: _Exported, now: int) -> Any:
    summary = exported.summary
    return _point(
        attributes,
        summary.histogram,
        exported.total,
        started=exported.started,
        ended=max(now, exported.stepped),
        minimum=summary.minimum,
        maximum=summary.maximum,
    )


def _delta(attributes: dict[str, Any], after: _Exported, before: _Exported | None) -> Any:
    if before is None:
        return _cumulative(attributes, after, after.stepped)
    # Of what came in between, minimum and maximum are not known; OTLP has a way to say so.
    return _point(
        attributes,
        _difference(after.summary.histogram, before.summary.histogram),
        after.total - before.total,
        started=before.stepped,
        ended=after.stepped,
        minimum=None,
        maximum=None,
    )


def _difference(after: ExponentialHistogram, before: ExponentialHistogram) -> ExponentialHistogram:
    """Returns the histogram of what was added; the one before may have finer buckets."""
    before = before.downscale(after.scale)
    return ExponentialHistogram(
        after.scale,
        after.zero_count - before.zero_count,
        _subtracted(after.positive, before.positive),
        _subtracted(after.negative, before.negative),
    )


def _subtracted(after: Buckets, before: Buckets) -> Buckets:
    counts = list(after.counts)
    for index, count in enumerate(before.counts, before.offset - after.offset):
        counts[index] -= count
    return Buckets(after.offset, counts)


def _point(
    attributes: dict[str, Any],
    histogram: ExponentialHistogram,
    total: Fraction,
    *,
    started: int,
    ended: int,
    minimum: float | None,
    maximum: float | None,
) -> Any:
    from opentelemetry.sdk.metrics import export

    unknown: Any = None
    return export.ExponentialHistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=started,
        time_unix_nano=ended,
        count=histogram.count,
        sum=float(total),
        scale=histogram.scale,
        zero_count=histogram.zero_count,
        # Lists: the exporter asks for their truth.
        positive=export.Buckets(histogram.positive.offset, list(histogram.positive.counts)),
        negative=export.Buckets(histogram.negative.offset, list(histogram.negative.counts)),
        flags=0,
        min=unknown if minimum is None else minimum,
        max=unknown if maximum is None else maximum,
    )


def _supplemented(reader: Any, metrics_data: Any) -> Any:
    """Returns what a reader has collected, with the distributions."""
    try:
        sources = sorted(_sources.get(reader) or (), key=lambda source: source.name)
        found = [scope for source in sources if (scope := source.collect(reader)) is not None]
        if not found:
            return metrics_data
        first, *others = metrics_data.resource_metrics
        supplemented = replace(first, scope_metrics=[*first.scope_metrics, *found])
        return replace(metrics_data, resource_metrics=[supplemented, *others])
    except Exception:
        faults.caught("distributions")
        return metrics_data


def _warn_once(reason: str) -> None:
    if reason in _warned:
        return
    _warned.add(reason)
    _log.warning(
        "inferspan.field.distribution is not exported, since %s. The event inferspan.data.profile has quantiles, and "
        "OTEL_PYTHON_INFERSPAN_QUANTILE_FIELDS makes gauges of them; see docs/data-quality.md.",
        reason,
    )


def _after_fork_in_child() -> None:
    for sources in list(_sources.values()):
        for source in list(sources):
            source.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
