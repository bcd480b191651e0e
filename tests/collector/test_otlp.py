# SPDX-License-Identifier: Apache-2.0
"""The decoder alone: what no SDK sends but OTLP allows."""

from __future__ import annotations

import math

import pytest
from support import otlp


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        ({}, None),
        ({"stringValue": ""}, ""),
        ({"boolValue": False}, False),
        ({"intValue": "9223372036854775807"}, 2**63 - 1),
        ({"intValue": 7}, 7),
        ({"doubleValue": 0.1}, 0.1),
        ({"doubleValue": "-Infinity"}, -math.inf),
        ({"bytesValue": "AP8="}, b"\x00\xff"),
        ({"arrayValue": {}}, []),
        ({"arrayValue": {"values": [{"doubleValue": 1.5}, {}, {"stringValue": "a"}]}}, [1.5, None, "a"]),
        (
            {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}, {"key": "b"}]}},
            {"a": 1, "b": None},
        ),
    ],
)
def test_values_of_every_kind(encoded: otlp.Json, decoded: object) -> None:
    assert otlp.value(encoded) == decoded
    assert type(otlp.value(encoded)) is type(decoded)


def test_a_value_of_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="dateValue"):
        otlp.value({"dateValue": "2026-01-01"})


def test_a_request_with_nothing_but_what_is_required() -> None:
    request: otlp.Json = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "0a" * 16, "spanId": "0b" * 8}]}]}]}

    (span,) = otlp.spans(request)

    assert span == otlp.Span(
        name="",
        kind="unspecified",
        trace_id="0a" * 16,
        span_id="0b" * 8,
        parent_span_id=None,
        start_ns=0,
        end_ns=0,
        attributes={},
        events=(),
        links=(),
        status="unset",
        status_message="",
        resource={},
        scope=otlp.Scope(name="", version="", schema_url="", attributes={}),
    )
    assert list(otlp.points(request)) == []
    assert list(otlp.log_records(request)) == []


def test_a_summary() -> None:
    point: otlp.Json = {
        "count": "4",
        "sum": 10,
        "quantileValues": [{"value": 1}, {"quantile": 0.5, "value": 2.5}],
    }
    metric: otlp.Json = {"name": "latency", "summary": {"dataPoints": [point]}}

    (decoded,) = otlp.points({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})

    assert (decoded.type, decoded.count, decoded.sum) == ("summary", 4, 10.0)
    assert decoded.quantiles == {0.0: 1.0, 0.5: 2.5}
    assert decoded.value is None
    assert decoded.bounds is None
