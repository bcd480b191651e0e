# SPDX-License-Identifier: Apache-2.0
"""The inferences of one model, counted from its spans and from its duration histogram."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from inferspan.cli._durations import DurationSketch, HistogramPoint, HistogramTotals
from inferspan.cli._summary import ModelKey, ModelSummary, Source

if TYPE_CHECKING:
    from inferspan.cli._reading import DataProfile

#: Seconds that a live rate looks back.
_RATE_SECONDS = 5.0
#: Seconds after which the span of a counted inference must have arrived: its export interval, three times
#: over. Until then a histogram that is ahead of the spans says nothing about sampling.
SETTLING_SECONDS = 1.5
#: Seconds between two points of the curve of a count.
_RESOLUTION = 0.1
#: Seconds without growth after which the curve is taken to have been flat, not slowly rising.
_GAP_SECONDS = 2.0


class GrowingCount:
    """A count that only grows, and the last part of its curve over time."""

    def __init__(self) -> None:
        self.count = 0
        self._curve: deque[tuple[float, int]] = deque(maxlen=256)

    def grow(self, by: int, *, since: float, until: float) -> None:
        """Adds inferences that ended in an interval, in seconds since the epoch."""
        if not self._curve:
            self._curve.append((min(since, until - _RESOLUTION), 0))
        last = self._curve[-1][0]
        if until - last > _GAP_SECONDS:
            self._curve.append((until - 1.0, self.count))
        self.count += by
        if until - last < _RESOLUTION and len(self._curve) > 1:
            # Also what came out of order, from several threads or processes.
            self._curve[-1] = (last, self.count)
        else:
            self._curve.append((until, self.count))

    def at(self, moment: float) -> float:
        """The count as it was at a moment, in seconds since the epoch."""
        later: tuple[float, int] | None = None
        for time, count in reversed(self._curve):
            if time <= moment:
                if later is None:
                    return count
                return count + (later[1] - count) * (moment - time) / (later[0] - time)
            later = (time, count)
        return self._curve[0][1] if self._curve else 0

    def rate(self, now: float) -> float | None:
        """Inferences a second over the last seconds; ``None`` while there are too few seconds to tell."""
        if not self._curve:
            return None
        # What ended just now has not arrived yet: the curve ends at what has.
        end = max(self._curve[-1][0], now - SETTLING_SECONDS)
        start = max(end - _RATE_SECONDS, self._curve[0][0])
        return (self.at(end) - self.at(start)) / (end - start) if end - start >= 0.5 else None


class ModelCounts:
    """What arrived about one model."""

    def __init__(self, key: ModelKey) -> None:
        self.key = key
        self.device = ""
        self.input: DataProfile | None = None
        self.output: DataProfile | None = None
        self.anomalies: tuple[str, ...] = ()
        self.anomalous = 0
        self._first = 0.0
        self._last = 0.0
        # From spans:
        self._spans = GrowingCount()
        self._span_errors = 0
        self._sketch = DurationSketch()
        # From the histogram: delta points, and the streams that were forgotten, are in one sum; the streams
        # of cumulative points each have their last point.
        self._measured = GrowingCount()
        self._settled = HistogramTotals()
        self._streams: OrderedDict[bytes, HistogramPoint] = OrderedDict()

    @property
    def streams(self) -> int:
        """Cumulative streams that are told apart."""
        return len(self._streams)

    def add_span(self, *, start: float, end: float, duration: float, failed: bool) -> None:
        """Adds one span: start and end in seconds since the epoch, duration in seconds."""
        self._sketch.add(duration)
        self._span_errors += failed
        self._spans.grow(1, since=start, until=end)
        self._lasted(start, end)

    def add_delta(self, point: HistogramPoint, *, start: float, end: float) -> None:
        """Adds a data point that counts what came since the one before it."""
        self._settled.add(point)
        self._measure(point.count, start, end)

    def add_cumulative(self, stream: bytes, point: HistogramPoint, *, start: float, end: float) -> None:
        """Adds a data point that counts all since its start.

        Args:
            stream: tells apart processes, sets of attributes, and starts: a worker that was started again, or
                forked, counts from zero, and together they are the sum.
            point: the data point.
            start: when the stream began, in seconds since the epoch.
            end: up to when it counts.
        """
        before = self._streams.get(stream)
        if before is not None and before.count >= point.count:
            # Nothing new; or sent late; or from two processes that a fork left with one identity.
            return
        self._streams[stream] = point
        self._streams.move_to_end(stream)
        self._measure(point.count - (before.count if before else 0), start, end)

    def forget_stream(self) -> None:
        """Keeps the counts of the stream that has been silent the longest, but not whose they are."""
        _, point = self._streams.popitem(last=False)
        self._settled.add(point)

    def summary(self, now: float, *, final: bool) -> ModelSummary:
        """The row of this model; see ``Store.snapshot``."""
        measured = self._measured.count if final else self._measured.at(now - SETTLING_SECONDS)
        source: Source = "histogram" if measured > self._spans.count else "spans"
        if source == "histogram":
            totals = HistogramTotals()
            totals.merge(self._settled)
            for point in self._streams.values():
                totals.add(point)
            counted, errors, latency = self._measured, totals.failed, totals.latency()
        else:
            counted, errors, latency = self._spans, self._span_errors, self._sketch.latency()
        return ModelSummary(
            key=self.key,
            device=self.device,
            count=counted.count,
            errors=errors,
            rate=self._overall_rate(counted.count) if final else counted.rate(now),
            latency=latency,
            source=source,
            sampled=self._spans.count,
            input=self.input,
            output=self.output,
            anomalies=self.anomalies,
            anomalous=self.anomalous,
        )

    def _measure(self, grown: int, start: float, end: float) -> None:
        if grown:
            self._measured.grow(grown, since=start, until=end)
            self._lasted(start, end)

    def _lasted(self, start: float, end: float) -> None:
        self._first = min(self._first or start, start)
        self._last = max(self._last, end)

    def _overall_rate(self, count: int) -> float | None:
        seconds = self._last - self._first
        return count / seconds if count > 1 and seconds > 0 else None
