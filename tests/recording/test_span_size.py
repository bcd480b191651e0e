# SPDX-License-Identifier: Apache-2.0
"""A span's data profile stays within its bound of bytes, as OTLP really encodes it; what is cut is counted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from opentelemetry.exporter.otlp.proto.common._internal import _encode_attributes

from inferspan.profile import FieldProfile, capture, summarise
from inferspan.recording.spans import profile_attributes

BOUND = 4096


def encoded(attributes: dict[str, Any]) -> int:
    """Returns the bytes of attributes in a span: each with the tag and length that a repeated field has."""
    sizes = [one.ByteSize() for one in _encode_attributes(attributes) or []]
    return sum(size + 1 + (1 if size < 128 else 2) for size in sizes)


def table(features: int, *, rows: int = 64, missing: int = 0, name: str = "feature_{}") -> list[FieldProfile]:
    """Profiles a table of so many named features, of which the last few have missing values."""
    values = np.random.default_rng(7).normal(size=(rows, features))
    if missing:
        values[::2, -missing:] = np.nan
    names = [name.format(index) for index in range(features)]
    return summarise(capture({"x": values}, features={"": names}, max_elements=1 << 22), min_count=10)


@pytest.mark.parametrize("features", [1, 20, 100, 1000])
def test_bytes_by_features(features: int, record_property: Any) -> None:
    fields = {"input": table(features), "output": table(1)}
    size = encoded(profile_attributes(fields, max_bytes=BOUND))
    unbound = encoded(profile_attributes(fields, max_bytes=1 << 30))
    record_property("bytes", size)
    print(f"\n{features} features: {size} bytes of profile, {unbound} without the bound")
    assert size <= BOUND
    assert unbound >= size


@pytest.mark.parametrize("bound", [256, 1024, 4096, 16384])
@pytest.mark.parametrize(
    "fields",
    [
        {"input": table(300, name="a" * 500 + "{}"), "output": []},
        {"input": table(300, name="größe_der_höhle_{}"), "output": table(300)},
        {"input": table(50, missing=50), "output": table(50, missing=50)},
        {"input": [FieldProfile(f"f{i}", "object", None, note="ü" * 400) for i in range(40)], "output": []},
        {"input": [FieldProfile("x", "float32", (1,) * 64, count=1, missing=1, infinite=0, zero=0)], "output": []},
    ],
    ids=["long names", "unicode", "all anomalous", "notes", "many dimensions"],
)
def test_bound_holds(fields: dict[str, list[FieldProfile]], bound: int) -> None:
    attributes = profile_attributes(fields, max_bytes=bound)
    # The keys, the counts and the roll-ups are paid whatever is cut; a bound below them cannot hold.
    floor = encoded(profile_attributes(fields, max_bytes=0))
    assert encoded(attributes) <= max(bound, floor)
    assert floor < 3000


def test_the_worst_fields_stay_and_the_cut_are_counted() -> None:
    attributes = profile_attributes({"input": table(1000, missing=3), "output": []}, max_bytes=BOUND)
    names = attributes["inferspan.input.names"]
    assert {"feature_997", "feature_998", "feature_999"} <= set(names)
    assert attributes["inferspan.input.field.count"] == 1001
    assert attributes["inferspan.input.profile.omitted_field_count"] == 1001 - len(names)
    assert attributes["inferspan.input.profile.missing_ratio_max"] == 0.5
    assert attributes["inferspan.input.profile.missing_ratio_max_field"] in {
        "feature_997",
        "feature_998",
        "feature_999",
    }
    assert attributes["inferspan.anomalies"][0].endswith(": 50 % missing")
    # Parallel arrays are parallel.
    lengths = {len(value) for key, value in attributes.items() if isinstance(value, list) and ".input." in key}
    assert lengths == {len(names)}


def test_no_nan_and_no_infinity_ever() -> None:
    values = {
        "nan": np.full(100, np.nan),
        "inf": np.full(100, np.inf),
        "huge": np.full(100, 1e308),
        "mixed": np.array([np.nan, -np.inf, 1e308, -1e308] * 25),
        "none": [None] * 50,
        "empty": np.zeros(0),
    }
    fields = summarise(capture(values, max_elements=1 << 22), min_count=1)
    attributes = profile_attributes({"input": fields, "output": fields}, max_bytes=1 << 20)
    for key, value in attributes.items():
        for item in value if isinstance(value, list) else [value]:
            assert not isinstance(item, float) or math.isfinite(item), key
