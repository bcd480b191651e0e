# SPDX-License-Identifier: Apache-2.0
"""Profiles as attributes: what they say, and that they stay within their bound of bytes, whatever the data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from opentelemetry.exporter.otlp.proto.common._internal import _encode_attributes
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from support.profiles import profiles

from inferspan.profiling import FieldProfile
from inferspan.recording.spans import profile_attributes, shape_text
from inferspan.semconv.attributes import INFERSPAN_ANOMALIES, INPUT, OUTPUT

BOUND = 4096


def size_of(attributes: dict[str, Any]) -> int:
    """Bytes of attributes in a span, as OTLP has them; an attribute that it cannot hold is an error."""
    encoded = _encode_attributes(attributes)
    assert len(encoded) == len(attributes)
    return Span(attributes=encoded).ByteSize()


def attributes_of(
    inputs: Sequence[FieldProfile], outputs: Sequence[FieldProfile] = (), max_bytes: int = BOUND
) -> dict[str, Any]:
    return profile_attributes({"input": inputs, "output": outputs}, max_bytes=max_bytes)


def field(name: str, *, count: int = 100, missing: int = 0, infinite: int = 0, note: str | None = None) -> FieldProfile:
    return FieldProfile(
        name, "float32", (count,), count, missing, infinite, 3, -1.5, 1.5, 0.1, 0.7, -1.2, 0.0, 1.2, note
    )


def fields(count: int, **options: Any) -> list[FieldProfile]:
    return [field(f"feature_{index}", **options) for index in range(count)]


# -- what they say -----------------------------------------------------------------------------------------------------


def test_all_of_two_fields() -> None:
    broken = field("income", missing=25, infinite=50)
    opaque = FieldProfile("tokens", "string", (1, 5), note="text is not profiled")
    assert attributes_of([field("age"), broken, opaque]) == {
        INPUT.field_count: 3,
        INPUT.names: ["age", "income", "tokens"],
        INPUT.types: ["float32", "float32", "string"],
        INPUT.shapes: ["100", "100", "1x5"],
        INPUT.counts: [100, 100, None],
        INPUT.missing_counts: [0, 25, None],
        INPUT.infinite_counts: [0, 50, None],
        INPUT.zero_counts: [3, 3, None],
        INPUT.minimums: [-1.5, -1.5, None],
        INPUT.maximums: [1.5, 1.5, None],
        INPUT.means: [0.1, 0.1, None],
        INPUT.standard_deviations: [0.7, 0.7, None],
        INPUT.quantiles_05: [-1.2, -1.2, None],
        INPUT.quantiles_50: [0.0, 0.0, None],
        INPUT.quantiles_95: [1.2, 1.2, None],
        INPUT.missing_ratio_max: 0.25,
        INPUT.missing_ratio_max_field: "income",
        INPUT.infinite_ratio_max: 0.5,
        INPUT.infinite_ratio_max_field: "income",
        INPUT.notes: ["tokens: text is not profiled"],
        INFERSPAN_ANOMALIES: ["income: 50 % infinite", "income: 25 % missing"],
    }


def test_statistics_that_no_field_has_are_left_out() -> None:
    (row,) = profiles(np.ones((1, 20), np.float32), min_count=10)
    found = attributes_of([], [row])
    assert found[OUTPUT.means] == [1.0]
    assert OUTPUT.minimums not in found
    assert OUTPUT.quantiles_50 not in found
    assert found[OUTPUT.missing_ratio_max] == 0.0
    assert OUTPUT.missing_ratio_max_field not in found
    assert not [key for key in found if key in INPUT]


def test_nothing_was_there() -> None:
    assert attributes_of([]) == {}


@pytest.mark.parametrize(
    ("shape", "text"), [((), ""), ((5,), "5"), ((1, 3, 224, 224), "1x3x224x224"), (None, "?"), ((0, 2), "0x2")]
)
def test_shapes(shape: tuple[int, ...] | None, text: str) -> None:
    assert shape_text(shape) == text


def test_anomalies_are_in_words_worst_first_and_few() -> None:
    found = attributes_of([field(f"f{index}", missing=index) for index in range(9)])
    assert found[INFERSPAN_ANOMALIES] == [f"f{index}: {index} % missing" for index in (8, 7, 6, 5, 4)]
    assert attributes_of([field("f", count=300_000, missing=1)])[INFERSPAN_ANOMALIES] == ["f: 0.000333 % missing"]


def test_notes_are_few_and_counted() -> None:
    found = attributes_of(fields(20, note="on cuda:0"))[INPUT.notes]
    assert found[:7] == [f"feature_{index}: on cuda:0" for index in range(7)]
    assert found[7:] == ["and 13 more fields"]


def test_text_that_is_not_utf8_is_made_so() -> None:
    """The exporter would lose the attribute, or the whole batch."""
    strange = field("age\udcff\ud800", missing=7, note="on \udcff")
    found = attributes_of([strange])
    assert found[INPUT.names] == ["age??"]
    assert found[INPUT.notes] == ["age??: on ?"]
    assert found[INFERSPAN_ANOMALIES] == ["age??: 7 % missing"]
    assert size_of(found)


# -- how much they are -------------------------------------------------------------------------------------------------

WIDTHS = (1, 20, 100, 1000)
NAMES: dict[str, Callable[[int], str]] = {
    "short": lambda index: f"f{index}",
    "usual": lambda index: f"customer_feature_{index}",
    "long": lambda index: f"{index}_" + "very_long_name_" * 20,
    "not ASCII": lambda index: f"{index}_Überträge_総額_😀" * 3,
    "long and not ASCII": lambda index: f"{index}" + "😀" * 300,
    "not UTF-8": lambda index: f"{index}" + "\udcff" * 300,
}
DATA: dict[str, dict[str, Any]] = {
    "clean": {},
    "all anomalous": {"missing": 30, "infinite": 20},
    "all with notes": {"note": "memory-mapped: reading it could fault pages in"},
    "long notes": {"note": "ünusual " * 100, "missing": 5},
    "very many values": {"count": 2**62, "missing": 2**61, "infinite": 2**60},
}


def _described(name: str) -> FieldProfile:
    return FieldProfile(name, f"some.module.of.the.application.{name}", None, note=f"{name} is not read")


@pytest.mark.parametrize("bound", [256, 1024, BOUND, 65_536])
@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_within_the_bound(width: int, name: Callable[[int], str], data: dict[str, Any], bound: int) -> None:
    inputs = [field(name(index), **data) for index in range(width)]
    outputs = [field(name(index), **data) for index in range(max(1, width // 10))]
    for one, other in ((inputs, outputs), (inputs, []), ([], inputs), (inputs, inputs)):
        found = attributes_of(one, other, bound)
        assert size_of(found) <= bound
        for keys, given in ((INPUT, one), (OUTPUT, other)):
            kept = len(found.get(keys.names, ()))
            assert found.get(keys.field_count, 0) == len(given)
            assert found.get(keys.omitted_field_count, 0) == len(given) - kept
            arrays = [found[key] for key in (keys.types, keys.shapes, keys.counts, keys.means) if key in found]
            assert all(len(array) == kept for array in arrays)


@pytest.mark.parametrize("width", WIDTHS)
def test_described_values_are_within_the_bound(width: int) -> None:
    inputs = [_described(NAMES["long"](index)) for index in range(width)]
    assert size_of(attributes_of(inputs, inputs)) <= BOUND


def test_deep_shapes_are_within_the_bound() -> None:
    deep = FieldProfile("x", "float32", tuple(range(1000, 1064)), 100)
    found = attributes_of([deep] * 20)
    assert size_of(found) <= BOUND
    assert all(len(text) <= 96 for text in found[INPUT.shapes])


def test_the_bound_is_made_use_of() -> None:
    """What is left of it would not have held two more fields."""
    for inputs, outputs in itertools.product((fields(100), fields(1000)), ([], fields(2), fields(500))):
        found = attributes_of(inputs, outputs)
        assert BOUND - size_of(found) < 2 * 150


def test_all_is_kept_where_there_is_room() -> None:
    found = attributes_of(fields(20), fields(2), 65_536)
    assert len(found[INPUT.names]) == 20
    assert INPUT.omitted_field_count not in found


def test_the_most_anomalous_fields_stay_in_their_order() -> None:
    inputs = fields(1000)
    inputs[700] = field("gone", missing=100)
    inputs[300] = field("endless", infinite=60)
    inputs[900] = field("sparse", missing=50)
    found = attributes_of(inputs, fields(3))
    kept = found[INPUT.names]
    assert [name for name in kept if not name.startswith("feature")] == ["endless", "gone", "sparse"]
    assert kept[0] == "feature_0"
    assert found[INPUT.missing_ratio_max_field] == "gone"
    assert found[INPUT.infinite_ratio_max_field] == "endless"
    assert found[INFERSPAN_ANOMALIES] == ["gone: 100 % missing", "endless: 60 % infinite", "sparse: 50 % missing"]
    assert found[INPUT.missing_counts][kept.index("gone")] == 100


def test_roll_ups_are_of_all_fields_and_not_of_those_kept() -> None:
    inputs = [field(f"f{index}", missing=index % 7) for index in range(1000)]
    found = attributes_of(inputs, max_bytes=600)
    assert found[INPUT.missing_ratio_max] == 0.06
    assert found[INPUT.field_count] == 1000
    assert found[INPUT.omitted_field_count] == 1000 - len(found.get(INPUT.names, ()))


def test_bytes_a_span(record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]) -> None:
    """Prints what a span's profile takes: real rows of features, at the default bound and without one."""
    lines = ["", "features  rows  bytes  without a bound  fields kept"]
    for width, rows in itertools.product(WIDTHS, (1, 32)):
        names = [f"feature_{index}" for index in range(width)]
        values = np.random.default_rng(0).normal(0, 1, (rows, width)).astype(np.float32)
        inputs = profiles(values, "features", min_count=10, features={"": names})
        outputs = profiles(values[:, :2], "scores", min_count=10)
        found = attributes_of(inputs, outputs)
        size, unbounded = size_of(found), size_of(attributes_of(inputs, outputs, 2**31))
        kept = len(found[INPUT.names])
        assert size <= BOUND
        assert all(math.isfinite(value) for value in found.get(INPUT.means, ()) if value is not None)
        record_property(f"bytes of {width} features in {rows} rows", size)
        lines.append(f"{width:8}  {rows:4}  {size:5}  {unbounded:15}  {kept:4} of {len(inputs)}")
    with capsys.disabled():
        print("\n".join(lines))
