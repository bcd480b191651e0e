# SPDX-License-Identifier: Apache-2.0
"""Closed windows as events: one for each field, for scalars are what every backend of logs can search."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from datetime import datetime, timezone
from operator import itemgetter
from typing import Any

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, set_span_in_context

from inferspan import config
from inferspan.recording import drops
from inferspan.recording.fields import attributes_of
from inferspan.semconv import attributes as names
from inferspan.semconv import events
from inferspan.semconv.attributes import SelfDropReason
from inferspan.text import shortened
from inferspan.windows import FieldSummary, Window

#: Whichever inference was the last has no more to do with a window than the others. An empty context would be taken for
#: none, and so for the current one.
_NO_TRACE = set_span_in_context(INVALID_SPAN, Context())

#: Most values of a field that an event names.
_MOST_CATEGORIES = 10


def emit(window: Window, logger: Logger) -> None:
    """Emits the profiles of a window's fields, those with most missing or infinite values first.

    Args:
        window: that was closed.
        logger: of the scope that it belongs to.
    """
    settings = config.in_force
    fields = sorted(window.fields.values(), key=_badness, reverse=True)
    told = fields[: settings.window_events]
    common: dict[str, Any] = {
        names.INFERSPAN_WINDOW_START: _written(window.started),
        names.INFERSPAN_WINDOW_END: _written(window.ended),
        names.INFERSPAN_WINDOW_INFERENCE_COUNT: window.inferences,
    }
    omitted = len(fields) - len(told)
    if omitted:
        drops.count(SelfDropReason.PROFILE_EVENT_LIMIT, omitted)
        common[names.INFERSPAN_WINDOW_OMITTED_FIELD_COUNT] = omitted
    for field in told:
        logger.emit(
            event_name=events.INFERSPAN_DATA_PROFILE,
            severity_number=SeverityNumber.INFO,
            timestamp=window.ended,
            context=_NO_TRACE,
            attributes={
                **attributes_of(window.key, shortened(field.name)),
                names.INFERSPAN_FIELD_TYPE: shortened(field.type),
                **common,
                **dict(_profile(field, settings.profile_min_count)),
            },
        )


def _badness(field: FieldSummary) -> float:
    return max(field.missing, field.infinite) / field.count if field.count else 0.0


def _profile(field: FieldSummary, min_count: int) -> Iterator[tuple[str, Any]]:
    count = field.count
    yield names.INFERSPAN_FIELD_PROFILE_COUNT, count
    yield names.INFERSPAN_FIELD_PROFILE_MISSING_COUNT, field.missing
    yield names.INFERSPAN_FIELD_PROFILE_INFINITE_COUNT, field.infinite
    yield names.INFERSPAN_FIELD_PROFILE_ZERO_COUNT, field.zero
    yield names.INFERSPAN_FIELD_PROFILE_MISSING_RATIO, field.missing / count if count else 0.0
    yield names.INFERSPAN_FIELD_PROFILE_INFINITE_RATIO, field.infinite / count if count else 0.0
    if field.finite >= min_count:
        yield from _statistics(field)
    if field.categories:
        yield from _categories(field, min_count)
    if count >= min_count:
        for profiler, figures in field.custom.items():
            for figure, value in figures.items():
                if not isinstance(value, str):
                    yield f"{names.INFERSPAN_FIELD_PROFILE_CUSTOM}.{profiler}.{figure}", float(value)


def _statistics(field: FieldSummary) -> Iterator[tuple[str, Any]]:
    for name, value in (
        (names.INFERSPAN_FIELD_PROFILE_MINIMUM, field.minimum),
        (names.INFERSPAN_FIELD_PROFILE_MAXIMUM, field.maximum),
        (names.INFERSPAN_FIELD_PROFILE_MEAN, field.mean),
        (names.INFERSPAN_FIELD_PROFILE_STANDARD_DEVIATION, field.standard_deviation),
        (names.INFERSPAN_FIELD_PROFILE_QUANTILE_05, field.quantile(0.05)),
        (names.INFERSPAN_FIELD_PROFILE_QUANTILE_50, field.quantile(0.5)),
        (names.INFERSPAN_FIELD_PROFILE_QUANTILE_95, field.quantile(0.95)),
    ):
        # The deviation of values at both ends of a double's range is beyond it.
        if value is not None and math.isfinite(value):
            yield name, float(value)
    if 0 < field.histogram.count < field.finite:
        yield names.INFERSPAN_FIELD_PROFILE_SAMPLED, True


def _categories(field: FieldSummary, min_count: int) -> Iterator[tuple[str, Any]]:
    """Yields how many different values there were, and those that were seen often enough to be no single ones."""
    yield names.INFERSPAN_FIELD_PROFILE_DISTINCT_COUNT, sum(one.distinct for one in field.categories)
    found = [
        (one.count - one.error, str(one.value) if type(one.value) is not bool else str(one.value).lower())
        for summary in field.categories
        for one in summary.categories
        if one.count - one.error >= min_count
    ]
    found = heapq.nlargest(_MOST_CATEGORIES, found, key=itemgetter(0))
    if found:
        yield names.INFERSPAN_FIELD_PROFILE_CATEGORIES, [value for _, value in found]
        yield names.INFERSPAN_FIELD_PROFILE_CATEGORY_COUNTS, [count for count, _ in found]


def _written(nanoseconds: int) -> str:
    moment = datetime.fromtimestamp(nanoseconds // 1_000_000 / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
