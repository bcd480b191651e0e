# SPDX-License-Identifier: Apache-2.0
"""Windows as what JSON has, and back: exactly, and nothing that cannot be."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from fractions import Fraction
from typing import Any

from inferspan.profiling.categories import CategorySummary
from inferspan.profiling.custom import Custom, bounded
from inferspan.profiling.histogram import MAX_BUCKETS, MAX_SCALE, MIN_SCALE, Buckets, ExponentialHistogram
from inferspan.windows._checked import Checked
from inferspan.windows.summary import FieldSummary
from inferspan.windows.window import Window, WindowKey

_NANOSECONDS = 1_000_000_000
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", re.ASCII)
#: Buckets of doubles have indices of 32 bits at any scale.
_INDEX = 2**31


def encode(window: Window) -> dict[str, Any]:
    """Returns a window as what JSON has; its fields in the order of their names, in which equal windows are equal."""
    return {
        **window.key._asdict(),
        "started": _time(window.started),
        "ended": _time(window.ended),
        "inferences": window.inferences,
        "omitted": window.omitted,
        "fields": [_field(window.fields[name]) for name in sorted(window.fields)],
    }


def decode(found: Checked) -> Window:
    """Returns the window that was encoded.

    Raises:
        WindowFileError: it cannot be one.
    """
    key = WindowKey(*(found.member(name).optional(Checked.text) for name in WindowKey._fields))
    started, ended = _nanoseconds(found.member("started")), _nanoseconds(found.member("ended"))
    if started > ended:
        raise found.member("ended").fault("a time that is not before the start")
    fields: dict[str, FieldSummary] = {}
    for item in found.member("fields").items():
        field = _field_of(item)
        if field.name in fields:
            raise item.member("name").fault("a name that no field before has")
        fields[field.name] = field
    return Window(
        key=key,
        started=started,
        ended=ended,
        inferences=found.member("inferences").whole(),
        fields=fields,
        omitted=found.member("omitted").whole(),
    )


def _field(field: FieldSummary) -> dict[str, Any]:
    histogram = field.histogram
    return {
        "name": field.name,
        "tensor": field.tensor,
        "type": field.type,
        "count": field.count,
        "missing": field.missing,
        "infinite": field.infinite,
        "unmeasured": field.unmeasured,
        "zero": field.zero,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "total": _fraction(field.total),
        "squares": _fraction(field.squares),
        # For whoever reads the file without arithmetic of fractions.
        "mean": field.mean,
        "standard_deviation": field.standard_deviation,
        "histogram": {
            "scale": histogram.scale,
            "zero_count": histogram.zero_count,
            "positive": {"offset": histogram.positive.offset, "counts": histogram.positive.counts},
            "negative": {"offset": histogram.negative.offset, "counts": histogram.negative.counts},
        },
        "categories": [one.as_dict() for one in field.categories],
        "custom": {name: dict(summary) for name, summary in field.custom.items()},
    }


def _field_of(found: Checked) -> FieldSummary:
    field = FieldSummary(
        name=found.member("name").text(),
        tensor=found.member("tensor").text(),
        type=found.member("type").text(),
        count=found.member("count").whole(),
        missing=found.member("missing").whole(),
        infinite=found.member("infinite").whole(),
        unmeasured=found.member("unmeasured").whole(),
        zero=found.member("zero").whole(),
        minimum=found.member("minimum").optional(Checked.number),
        maximum=found.member("maximum").optional(Checked.number),
        total=found.member("total").fraction(),
        squares=found.member("squares").fraction(),
        histogram=_histogram_of(found.member("histogram")),
        categories=tuple(_categories_of(item) for item in found.member("categories").items()),
        custom=_custom_of(found.member("custom")),
    )
    if not 0 <= field.zero <= field.finite:
        raise found.fault("parts that are not more than the count")
    if (field.minimum is None) != (not field.finite) or (field.maximum is None) != (not field.finite):
        raise found.fault("a minimum and a maximum exactly if there are finite values")
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
        raise found.member("minimum").fault("a minimum that is not above the maximum")
    if field.squares * field.finite < field.total**2 or (not field.finite and field.total):
        raise found.member("squares").fault("a sum of squares of numbers that have this total")
    if field.histogram.count > field.finite:
        raise found.member("histogram").fault("no more values than are finite")
    if len({one.kind for one in field.categories}) < len(field.categories):
        raise found.member("categories").fault("one summary of each kind")
    return field


def _histogram_of(found: Checked) -> ExponentialHistogram:
    return ExponentialHistogram(
        scale=found.member("scale").whole(MIN_SCALE, MAX_SCALE + 1),
        zero_count=found.member("zero_count").whole(),
        positive=_buckets_of(found.member("positive")),
        negative=_buckets_of(found.member("negative")),
    )


def _buckets_of(found: Checked) -> Buckets:
    counts = [item.whole() for item in found.member("counts").items()]
    if len(counts) > MAX_BUCKETS:
        raise found.member("counts").fault(f"at most {MAX_BUCKETS} counts")
    return Buckets(found.member("offset").whole(-_INDEX, _INDEX), counts)


def _categories_of(found: Checked) -> CategorySummary:
    try:
        return CategorySummary.from_dict(found.mapping())
    except ValueError:
        raise found.fault("a summary of categories") from None


def _custom_of(found: Checked) -> Custom:
    return {name: bounded(found.member(name).mapping()) for name in found.mapping()}


def _fraction(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _time(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, _NANOSECONDS)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


def _nanoseconds(found: Checked) -> int:
    parts = _TIME.fullmatch(found.text())
    if parts is None:
        raise found.fault("a time in UTC with nanoseconds")
    try:
        seconds = datetime.fromisoformat(f"{parts[1]}+00:00")
    except ValueError:
        raise found.fault("a time in UTC with nanoseconds") from None
    return int(seconds.timestamp()) * _NANOSECONDS + int(parts[2])
