# SPDX-License-Identifier: Apache-2.0
"""Lists of records, of texts and of times: one array or column each, within bounds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from support.profiles import described, profile, profiles
from values import hostile

from inferspan import pipeline
from inferspan.values import walk

TEXT = "text is not profiled"


@pytest.fixture(autouse=True)
def armed() -> Iterator[None]:
    hostile.seen.clear()
    hostile.Meta.armed = True
    yield
    hostile.Meta.armed = False


def found(value: Any) -> dict[str, tuple[Any, ...]]:
    return {one.name: (one.type, one.shape, one.count, one.missing, one.mean) for one in profiles(value)}


# -- records -----------------------------------------------------------------------------------------------------------

RECORDS = [
    {"age": 41, "city": "secret", "score": 0.5, "vip": True},
    {"age": None, "city": None, "score": 1.5, "vip": False},
    {"score": 2.5, "age": 43, "city": "b", "more": 7},
]
COLUMNS = {
    "age": ("int64", (3,), 3, 1, 42.0),
    "city": ("string", (3,), 3, 1, None),
    "score": ("float64", (3,), 3, 0, 1.5),
    "vip": ("bool", (3,), 3, 1, 0.5),
    "more": ("int64", (3,), 3, 2, 7.0),
}


@pytest.mark.parametrize("wrapper", [None, "instances", "inputs"])
def test_records_are_columns(wrapper: str | None) -> None:
    prefix = "" if wrapper is None else f"{wrapper}."
    assert found(RECORDS if wrapper is None else {wrapper: RECORDS}) == {
        f"{prefix}{name}": column for name, column in COLUMNS.items()
    }
    assert found(tuple(RECORDS)) == COLUMNS


def test_one_record_is_numbers() -> None:
    assert found(RECORDS[0])["age"] == ("int64", (), 1, 0, 41.0)


def test_values_of_several_types_are_said() -> None:
    fields = described([{"age": 41, "when": date(2026, 1, 1)}, {"age": "41", "when": 7}, {"age": None}])
    assert fields == [
        ("age", "object", (3,), "values of several types are not profiled: int, str"),
        ("when", "object", (3,), "values of several types are not profiled: datetime.date, int"),
    ]


#: A request of the open inference protocol, whose items are tensors and no rows.
TENSORS = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 3.0]}]}

NO_RECORDS: dict[str, tuple[Any, set[str]]] = {
    "tensors": (TENSORS, {"inputs.0.name", "inputs.0.shape", "inputs.0.datatype", "inputs.0.data"}),
    "not all dicts": ([{"a": 1}, 2], {"x.0.a", "x.1"}),
    "keys of numbers": ([{1: 1}, {1: 2}], {"x.0.1", "x.1.1"}),
    "a strange key": ([{hostile.VALUES["class itself"]: 1}], {"x.0.Meta"}),
    "a strange value": ([{"a": 1, "b": hostile.VALUES["float"]}], {"x.0.a", "x.0.b"}),
    "dicts of the application's": ([hostile.VALUES["dict"]], {"x.0"}),
    "nothing in them": ([{}, {}], {"x.0", "x.1"}),
}


@pytest.mark.parametrize(("value", "names"), NO_RECORDS.values(), ids=NO_RECORDS)
def test_what_is_no_table_of_records(value: Any, names: set[str]) -> None:
    hostile.seen.clear()
    assert {one[0] for one in described(value)} == names
    assert not hostile.seen


def test_many_records_are_read_in_part_and_say_so() -> None:
    fields = profiles([{"a": 1.0, "b": "x"}] * 100_000)
    assert [(one.name, one.count, one.note) for one in fields] == [
        ("a", 1024, "first 1024 of 100000"),
        ("b", 1024, f"first 1024 of 100000; {TEXT}"),
    ]
    (one, *_) = profiles([{f"f{index}": 1.0 for index in range(100)}] * 1000)
    assert (one.shape, one.count, one.note) == ((1000,), 40, "first 40 of 1000")


def test_wide_records() -> None:
    fields = profiles([{f"f{index}": 1.0 for index in range(10_000)}] * 3)
    assert len(fields) == 1025
    assert fields[-1].note == "more than 1024 columns"
    assert len(profiles([{f"f{index}": 1.0 for index in range(row, row + 40)} for row in range(0, 40_000, 40)])) <= 1025


def test_few_records_show_nothing_of_a_person() -> None:
    for rows, shown in ((9, False), (10, True)):
        (one,) = profiles([{"age": float(row)} for row in range(rows)], min_count=10)
        assert (one.mean is not None, one.maximum is not None) == (shown, shown)


# -- text --------------------------------------------------------------------------------------------------------------

TEXTS: dict[str, tuple[Callable[[], Any], tuple[int, int]]] = {
    "one": (lambda: "secret", (1, 0)),
    "list": (lambda: ["secret", "b"], (2, 0)),
    "tuple with gaps": (lambda: ("secret", None, float("nan")), (3, 2)),
    "array": (lambda: np.array([["secret", "b"]]), (2, 0)),
    "array of bytes": (lambda: np.array([b"secret", b"b"]), (2, 0)),
    "array of objects": (lambda: np.array(["secret", None, np.nan], dtype=object), (3, 2)),
    "records": (lambda: [{"x": "secret"}, {"x": None}], (2, 1)),
}


@pytest.mark.parametrize(("make", "counts"), TEXTS.values(), ids=TEXTS)
def test_text_is_counted_and_no_more(make: Callable[[], Any], counts: tuple[int, int]) -> None:
    ((_, reading),) = walk(make(), "x")
    one = profile(make())
    assert (one.count, one.missing) == counts
    assert (one.note, one.mean, one.zero) == (TEXT, None, None)
    assert (reading.texts, reading.data, reading.array) == (None, None, None)
    assert reading.lengths
    assert reading.lengths[0] == len("secret")


@pytest.mark.parametrize(("make", "counts"), TEXTS.values(), ids=TEXTS)
def test_text_is_kept_where_that_is_allowed(make: Callable[[], Any], counts: tuple[int, int]) -> None:
    pipeline.configure(profile_text=True)
    ((_, reading),) = walk(make(), "x")
    assert (reading.counts, reading.note) == (counts, None)
    assert reading.texts
    assert "secret" in reading.texts
    assert set(reading.texts) <= {"secret", "b"}


def test_few_texts_are_kept_and_of_long_ones_the_beginning() -> None:
    pipeline.configure(profile_text=True)
    for value in ([f"{index}" * 50 for index in range(1000)], np.array([f"{index}" * 50 for index in range(5000)])):
        ((_, reading),) = walk(value, "x")
        assert reading.texts
        assert 100 <= len(reading.texts) <= 256
        assert all(len(text.encode()) <= 64 for text in reading.texts)


@pytest.mark.skipif(not hasattr(np, "dtypes") or not hasattr(np.dtypes, "StringDType"), reason="since numpy 2.0")
def test_text_of_any_length() -> None:
    dtypes: Any = np.dtypes
    assert found(np.array(["a", "bc"], dtype=dtypes.StringDType()))["x"] == ("string", (2,), 2, 0, None)
    kind = dtypes.StringDType(na_object=None)
    assert found(np.array(["a", None], dtype=kind))["x"] == ("string", (2,), 2, 1, None)


# -- Python objects ----------------------------------------------------------------------------------------------------


def test_numbers_as_objects() -> None:
    assert found(np.array([1, None, 3], dtype=object))["x"] == ("int64", (3,), 3, 1, 2.0)
    assert found(np.array([[1.5, 2], [True, 10**400]], dtype=object))["x"][:4] == ("float64", (2, 2), 4, 0)
    large = profile(np.arange(5000).astype(object))
    assert (large.type, large.note) == ("int64", f"sampled {large.count} of 5000")
    assert 400 <= (large.count or 0) <= 1024
    rows = profile(np.ones((500, 7)).astype(object))
    assert (rows.type, rows.count, rows.note) == ("float64", 1022, "first 1022 of 3500")


def test_a_sample_of_objects_meets_what_recurs() -> None:
    for size in range(1025, 40_000, 1777):
        for period in (2, 4, 10):
            column = np.array([f"{index}" if index % period else None for index in range(size)], dtype=object)
            one = profile(column)
            assert one.type == "string"
            assert (one.missing or 0) / (one.count or 1) == pytest.approx(1 / period, abs=0.05)


@pytest.mark.parametrize("strange", ["opaque", "opaque class", "float", "int", "str", "list", "array"])
@pytest.mark.parametrize("beside", [1.0, "text", None])
def test_objects_are_not_asked(strange: str, beside: Any) -> None:
    column = np.empty(3, dtype=object)
    column[:] = [beside, None, None]
    column[1] = hostile.VALUES[strange]
    hostile.seen.clear()
    (one,) = profiles(column)
    assert (one.type, one.count) == ("object", 3)
    assert one.missing == (2 if beside is None else 1)
    assert "not" in (one.note or "")
    assert not hostile.seen


def test_what_is_in_an_array_of_objects_lives_no_longer() -> None:
    thing = hostile.Opaque()
    before = sys.getrefcount(thing)
    column = np.empty(2, dtype=object)
    column[0] = thing
    column[1] = "text"
    profiles(column)
    del column
    assert sys.getrefcount(thing) == before


# -- times -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["W", "D", "h", "m", "s", "ms", "us", "ns", "Y", "M"])
@pytest.mark.parametrize("size", [3, 3000])
def test_times_are_seconds(unit: str, size: int) -> None:
    times = np.tile(np.array(["1970-01-01", "NaT", "1971-01-01"], f"M8[{unit}]"), size // 3)
    one = profile(times)
    assert (one.type, one.count, one.missing) == (f"datetime64[{unit}]", size, size // 3)
    last = times[2].astype("M8[s]").astype(float)
    assert (one.minimum, one.maximum, one.mean) == (
        times[0].astype("M8[s]").astype(float),
        last,
        pytest.approx(last / 2),
    )


def test_times_of_other_layouts() -> None:
    times = np.arange(0, 60, 10).astype("m8[ms]")
    expected = ("timedelta64[ms]", (3,), 3, 0, pytest.approx(0.02))
    assert found(times[::2])["x"] == expected
    assert found(times.astype(">m8[ms]")[::2])["x"] == expected
    assert found(np.array([10**12], "m8[ps]"))["x"] == ("timedelta64[ps]", (1,), 1, 0, 1.0)
    assert found(np.array([1, 3], "m8[7s]"))["x"] == ("timedelta64[7s]", (2,), 2, 0, 14.0)


class Zone(tzinfo):
    def utcoffset(self, _: Any) -> timedelta:
        hostile.seen.append("utcoffset")
        return timedelta()


WHEN = datetime(2026, 1, 1, 12)
SECONDS = WHEN.replace(tzinfo=timezone.utc).timestamp()


def test_times_of_python() -> None:
    times = [WHEN, WHEN.replace(tzinfo=timezone.utc), WHEN.replace(hour=21, tzinfo=ZoneInfo("Asia/Tokyo")), None]
    assert found(times)["x"] == ("datetime64[us]", (4,), 4, 1, SECONDS)
    assert found(WHEN)["x"] == ("datetime64[us]", (), 1, 0, SECONDS)
    assert found(date(1970, 1, 2))["x"] == ("datetime64[D]", (), 1, 0, 86400.0)
    assert found({"when": [datetime.min, datetime.max]})["when"][2:4] == (2, 0)


def test_a_zone_of_the_applications_is_not_asked() -> None:
    for value in (WHEN.replace(tzinfo=Zone()), [WHEN.replace(tzinfo=Zone())]):
        (one,) = profiles(value)
        assert one.mean is None
        assert one.note
    assert not hostile.seen


def test_few_times_show_nothing_of_a_person() -> None:
    one = profile(np.arange(9).astype("M8[s]").reshape(9, 1), min_count=10)
    assert (one.count, one.mean, one.minimum) == (9, None, None)
