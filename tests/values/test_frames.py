# SPDX-License-Identifier: Apache-2.0
"""Frames and their columns: read as they lie there, by their names, each for itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support.profiles import described, profile, profiles
from values import hostile

from inferspan import values

EPOCH = datetime(1970, 1, 1)
TEXT = "text is not profiled"


@pytest.fixture(autouse=True)
def armed() -> Iterator[None]:
    hostile.seen.clear()
    hostile.Meta.armed = True
    yield
    hostile.Meta.armed = False


def found(value: Any, **options: Any) -> dict[str, tuple[Any, ...]]:
    """Returns type, shape, count, missing values and mean of each field."""
    return {one.name: (one.type, one.shape, one.count, one.missing, one.mean) for one in profiles(value, **options)}


# -- the same data in each library -------------------------------------------------------------------------------------

COLUMNS = {
    "plain": [0.5, 1.5, 2.5, 3.5],
    "gaps": [1.0, None, 3.0, None],
    "whole": [1, 2, 3, 6],
    "whole_gaps": [1, None, None, 3],
    "truth": [True, False, True, True],
    "truth_gaps": [True, None, None, False],
    "text": ["secret", None, "b", "c"],
    "when": [EPOCH.replace(second=1), None, EPOCH.replace(second=2), EPOCH.replace(second=3)],
    "class": ["a", None, "b", "a"],
}
EXPECTED = {
    "plain": ("float64", 0, 2.0),
    "gaps": ("float64", 2, 2.0),
    "whole": ("int64", 0, 3.0),
    "whole_gaps": ("int64", 2, 2.0),
    "truth": ("bool", 0, 0.75),
    "truth_gaps": ("bool", 2, 0.5),
    "text": ("string", 1, None),
    "when": ("datetime64[us]", 1, 2.0),
    "class": ("category", 1, None),
}


def _pandas(columns: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **columns,
            "gaps": pd.Series(columns["gaps"], dtype=float),
            "whole_gaps": pd.array(columns["whole_gaps"], dtype="Int64"),
            "truth_gaps": pd.array(columns["truth_gaps"], dtype="boolean"),
            "when": pd.Series(columns["when"], dtype="datetime64[us]"),
            "class": pd.Categorical(columns["class"]),
        }
    )


def _pandas_arrow(columns: dict[str, list[Any]]) -> pd.DataFrame:
    types = {"class": None, "when": pd.ArrowDtype(pa.timestamp("us", "UTC"))}
    of = {"plain": "float64", "gaps": "float64", "text": "string", "truth": "bool", "truth_gaps": "bool"}
    frame = {
        name: pd.Series(items, dtype=types.get(name, f"{of.get(name, 'int64')}[pyarrow]"))
        for name, items in columns.items()
        if name != "class"
    }
    return pd.DataFrame({**frame, "class": pd.Categorical(columns["class"])})


def _pandas_objects(columns: dict[str, list[Any]]) -> pd.DataFrame:
    frame = {name: pd.Series(items, dtype=object) for name, items in columns.items() if name != "class"}
    return pd.DataFrame({**frame, "class": pd.Categorical(columns["class"])})


def _polars(columns: dict[str, list[Any]]) -> pl.DataFrame:
    return pl.DataFrame(columns).with_columns(pl.col("class").cast(pl.Categorical))


def _arrow(columns: dict[str, list[Any]]) -> pa.Table:
    arrays = {name: pa.array(items) for name, items in columns.items()}
    arrays["class"] = arrays["class"].dictionary_encode()
    return pa.table(arrays)


MAKERS: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "pandas": _pandas,
    "pandas on arrow": _pandas_arrow,
    "pandas of objects": _pandas_objects,
    "polars": _polars,
    "polars, in parts": lambda columns: pl.concat([_polars(columns)[:3], _polars(columns)[3:]], rechunk=False),
    "polars, a part": lambda columns: _polars({name: items[-1:] + items for name, items in columns.items()})[1:],
    "arrow": _arrow,
    "arrow, in parts": lambda columns: pa.concat_tables([_arrow(columns)[:3], _arrow(columns)[3:]]),
    "arrow, a part": lambda columns: _arrow({name: items[-1:] + items for name, items in columns.items()})[1:],
    "record batch": lambda columns: _arrow(columns).combine_chunks().to_batches()[0],
}


@pytest.mark.parametrize("times", [1, 250, 500], ids=["small", "just small", "large"])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_each_column_is_a_field(make: Callable[[dict[str, list[Any]]], Any], times: int) -> None:
    rows = 4 * times
    frame = make({name: items * times for name, items in COLUMNS.items()})
    fields = found(frame)
    if make is _pandas_objects and times == 500:  # of Python objects a sample is looked at
        assert all(count in (666, 667) for name, (_, _, count, _, _) in fields.items() if name != "class")
        return
    assert fields == {
        name: (type_name, (rows,), rows, missing * times, None if mean is None else pytest.approx(mean))
        for name, (type_name, missing, mean) in EXPECTED.items()
    }
    assert {name: note for name, _, _, note in described(frame) if note} == {"text": TEXT, "class": TEXT}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_huge_column_is_sampled_and_says_so(make: Callable[[dict[str, list[Any]]], Any]) -> None:
    frame = make({name: items * 12_500 for name, items in COLUMNS.items()})
    for one in profiles(frame, max_elements=2048):
        type_name, missing, mean = EXPECTED[one.name]
        assert one.type == type_name
        if mean is not None:
            assert one.note == f"sampled {one.count} of 50000"
            assert one.missing == pytest.approx(missing * (one.count or 0) / 4, abs=0.05 * (one.count or 0))
            assert one.mean == pytest.approx(mean, rel=0.1)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_no_rows(make: Callable[[dict[str, list[Any]]], Any]) -> None:
    for name, (_, shape, count, missing, mean) in found(make(COLUMNS)[:0]).items():
        assert (name, shape, count, missing, mean) == (name, (0,), 0, 0, None)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([1.0, None, 3.0]), ("float64", (3,), 3, 1, 2.0)),
        (pd.Series([1, None], dtype="Int8"), ("int8", (2,), 2, 1, 1.0)),
        (pd.Series(["a", None], dtype="string[python]"), ("string", (2,), 2, 1, None)),
        (pd.Series([True, False]), ("bool", (2,), 2, 0, 0.5)),
        (pl.Series([1.0, None, 3.0]), ("float64", (3,), 3, 1, 2.0)),
        (pa.array([1.0, None, 3.0]), ("float64", (3,), 3, 1, 2.0)),
        (pa.chunked_array([[1.0, None], [3.0]]), ("float64", (3,), 3, 1, 2.0)),
        (pa.array([True, None, False, True])[1:], ("bool", (3,), 3, 1, 0.5)),
        (pa.array([1, 2], pa.uint8()), ("uint8", (2,), 2, 0, 1.5)),
        (pa.array([0.5, 1.5], pa.float16()), ("float16", (2,), 2, 0, 1.0)),
        (pa.array([1, None], pa.date32()), ("datetime64[D]", (2,), 2, 1, 86400.0)),
        (pa.array([86_400_000], pa.date64()), ("datetime64[D]", (1,), 1, 0, 86400.0)),
        (pa.array([1, 3], pa.duration("ms")), ("timedelta64[ms]", (2,), 2, 0, 0.002)),
        (pa.nulls(2), ("null", (2,), 2, 2, None)),
        (pl.Series([1, 3], dtype=pl.Duration("ms")), ("timedelta64[ms]", (2,), 2, 0, 0.002)),
        (pl.Series([1, None], dtype=pl.Date), ("datetime64[D]", (2,), 2, 1, 86400.0)),
        (pl.Series([None, None]), ("null", (2,), 2, 2, None)),
        (pd.Series(pd.to_timedelta([1, None], unit="s")), ("timedelta64[ns]", (2,), 2, 1, 1.0)),
    ],
    ids=str,
)
def test_one_column(column: Any, expected: tuple[Any, ...]) -> None:
    ((name, fields),) = found(column).items()
    assert name == "x"
    assert (fields[0].replace("64[us]", "64[ns]"), *fields[1:4]) == (
        expected[0].replace("64[us]", "64[ns]").replace("64[s]", "64[ns]"),
        *expected[1:4],
    )
    assert fields[4] == (None if expected[4] is None else pytest.approx(expected[4]))


def test_times_are_told_in_utc() -> None:
    moments = pd.date_range("2026-01-01", periods=3, freq="h", tz="Asia/Tokyo")
    one = profile(pd.Series(moments))
    assert (one.minimum, one.maximum) == (moments[0].timestamp(), moments[-1].timestamp())


# -- what is not read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "note"),
    [
        (pd.Series(pd.period_range("2026", periods=2)), "PeriodArray is not profiled"),
        (pd.Series(pd.arrays.SparseArray([0, 1])), "SparseArray is not profiled"),
        (pd.Series(pd.Categorical([1, 2])), TEXT),
        (
            pd.Series([1, "a", EPOCH], dtype=object),
            "values of several types are not profiled: datetime.datetime, int, str",
        ),
        (pa.array([[1], [2]]), "pyarrow.lib.ListArray is not read"),
        (pa.chunked_array([[[1]]]), "pyarrow.lib.ListType is not profiled"),
        (pa.chunked_array([pa.array([1, 2]).cast(pa.decimal128(20))]), "pyarrow.lib.Decimal128Type is not profiled"),
        (pa.chunked_array([[b"secret"]]), "binary is not profiled"),
        (pl.Series([[1], [2]]), "list is not profiled"),
        (pl.Series([b"secret"]), "binary is not profiled"),
    ],
    ids=str,
)
def test_not_read(column: Any, note: str) -> None:
    assert [one[-1] for one in described(column)] == [note]


FRAMES: dict[str, Any] = {
    "DataFrame of pandas": (pd.DataFrame, {"a": [1.0]}),
    "Series of pandas": (pd.Series, [1.0]),
    "DataFrame of polars": (pl.DataFrame, {"a": [1.0]}),
    "Series of polars": (pl.Series, [1.0]),
}


@pytest.mark.parametrize(("kind", "content"), FRAMES.values(), ids=FRAMES)
def test_subclasses_are_opaque(kind: Any, content: Any) -> None:
    made = type(f"My{kind.__name__}", (kind,), {})(content)
    type(made).__getattribute__ = lambda _, name: hostile.seen.append(name)
    (one,) = described(made)
    assert one == ("x", f"{__name__}.My{kind.__name__}", None, f"{__name__}.My{kind.__name__} is not read")
    assert not hostile.seen


def test_what_is_in_a_column_of_objects_is_not_asked() -> None:
    for strange in (hostile.VALUES["opaque"], hostile.VALUES["float"], hostile.VALUES["str"], hostile.VALUES["int"]):
        frame = pd.DataFrame({"a": pd.Series([1.0, strange], dtype=object), "b": [1, 2]})
        fields = profiles(frame)
        assert not hostile.seen
        assert [(one.name, one.type, one.count, one.missing) for one in fields] == [
            ("a", "object", 2, 0),
            ("b", "int64", 2, 0),
        ]
        assert (fields[0].note or "").startswith("values of several types are not profiled: ")


def test_what_stands_for_nothing_in_a_column_of_objects() -> None:
    column = pd.Series([None, np.nan, pd.NaT, pd.NA, "secret"], dtype=object)
    assert found(column)["x"] == ("string", (5,), 5, 4, None)


class Point(pd.api.extensions.ExtensionDtype):
    name = "point"
    type = object

    @classmethod
    def construct_array_type(cls) -> Any:
        return Points


class Points(pd.api.extensions.ExtensionArray):
    """An array of the application's, in a frame of pandas' own."""

    asked = False
    dtype = Point()

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> Any:
        return cls()

    def __len__(self) -> int:
        if Points.asked:
            hostile.seen.append("__len__")
        return 2

    def __getitem__(self, item: Any) -> Any:
        hostile.seen.append("__getitem__")
        return self

    def copy(self) -> Any:
        return self


def test_an_array_of_the_applications_is_opaque() -> None:
    frame = pd.DataFrame({"a": pd.Series(Points()), "b": [1.0, 3.0]})
    hostile.seen.clear()
    Points.asked = True
    try:
        assert described(frame) == [
            ("a", f"{__name__}.Points", None, f"{__name__}.Points is not read"),
            ("b", "float64", (2,), None),
        ]
        assert not hostile.seen
    finally:
        Points.asked = False


class Uuids(pa.ExtensionArray):
    def __len__(self) -> int:
        hostile.seen.append("__len__")
        return 0


class Uuid(pa.ExtensionType):
    """A type of the application's, whose arrays are of a class of its own."""

    def __init__(self) -> None:
        super().__init__(pa.int64(), "test.uuid")

    def __arrow_ext_serialize__(self) -> bytes:
        hostile.seen.append("__arrow_ext_serialize__")
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> Any:
        return cls()

    def __arrow_ext_class__(self) -> Any:
        hostile.seen.append("__arrow_ext_class__")
        return Uuids

    def __str__(self) -> str:
        hostile.seen.append("__str__")
        return "int64"


def test_an_extension_of_arrow_is_opaque() -> None:
    kind = Uuid()
    column = pa.ExtensionArray.from_storage(kind, pa.array([1, 2]))
    table = pa.table({"a": pa.chunked_array([column]), "b": [1.0, 3.0]})
    batch = table.to_batches()[0]
    for value in (table, batch):
        hostile.seen.clear()
        assert described(value) == [
            ("a", f"{__name__}.Uuid", (2,), f"{__name__}.Uuid is not profiled"),
            ("b", "float64", (2,), None),
        ]
        assert not hostile.seen


class Copied:
    """Something kept beside a frame."""

    def __deepcopy__(self, memo: Any) -> Any:
        hostile.seen.append("__deepcopy__")
        return self


def test_what_is_kept_beside_a_frame_is_not_copied() -> None:
    frame = pd.DataFrame({"a": [1.0, 3.0]})
    frame.attrs["thing"] = Copied()
    assert found(frame)["a"][-1] == 2.0
    assert not hostile.seen


# -- names -------------------------------------------------------------------------------------------------------------


def _named(labels: Any) -> list[str]:
    return [one.name for one in profiles(pd.DataFrame(np.ones((2, len(labels))), columns=labels))]


def test_names_that_repeat() -> None:
    assert _named(["age", "age", "city", "age"]) == ["age", "x.age", "city", "x.age.3"]
    assert len(set(_named(["age"] * 1000))) == 1000


def test_names_that_are_no_text() -> None:
    assert _named([7, "a", None, 2.5, b"secret"]) == ["7", "a", "NoneType", "float", "bytes"]
    assert _named([True, "a"]) == ["bool", "a"]
    assert _named(pd.MultiIndex.from_tuples([("a", 1), ("b", "c")])) == ["a.1", "b.c"]
    assert _named(pd.Index([10, 20])) == ["10", "20"]
    assert _named(pd.date_range("2026", periods=2)) == ["0", "1"]
    assert _named(pd.Index(["a\udcff"], dtype=object)) == ["a?"]


def test_a_name_of_the_applications_class() -> None:
    hostile.Meta.armed = False
    frame = pd.DataFrame(np.ones((2, 1)), columns=pd.Index([hostile.VALUES["class itself"]], dtype=object))
    hostile.Meta.armed = True
    hostile.seen.clear()
    assert [one.type for one in profiles(frame)] == ["float64"]
    assert not hostile.seen


def test_frames_in_a_dict_and_beside_others() -> None:
    value = {"left": pd.DataFrame({"a": [1.0]}), "right": pl.DataFrame({"a": [1.0]}), "z": 1}
    assert [one.name for one in profiles(value)] == ["left.a", "right.a", "z"]


# -- bounds ------------------------------------------------------------------------------------------------------------

WIDE: dict[str, Callable[[int], Any]] = {
    "pandas": lambda width: pd.DataFrame(np.ones((3, width))),
    "pandas of kinds": lambda width: pd.DataFrame({str(i): [1, None] if i % 2 else ["a", "b"] for i in range(width)}),
    "polars": lambda width: pl.DataFrame({str(i): [1.0, None] for i in range(width)}),
    "arrow": lambda width: pa.table({str(i): [1.0, None] for i in range(width)}),
}


@pytest.mark.parametrize("make", WIDE.values(), ids=WIDE)
def test_ten_thousand_columns(make: Callable[[int], Any]) -> None:
    fields = profiles(make(10_000))
    assert [one.name for one in fields] == [*map(str, range(1024)), "x"]
    assert fields[-1].note == "more than 1024 columns"
    assert len(profiles(make(1024))) == 1024


@pytest.mark.parametrize("frame", [pd.DataFrame(), pl.DataFrame(), pa.table({})], ids=["pandas", "polars", "arrow"])
def test_no_columns(frame: Any) -> None:
    (one,) = described(frame)
    assert one[-1] == "no columns"


def test_columns_of_an_array_that_is_not_contiguous() -> None:
    values_ = np.arange(40_000.0).reshape(2000, 20)
    for part in (values_[:, ::2], values_[::-1], np.asfortranarray(values_), values_[::3, ::-1]):
        fields = profiles(pd.DataFrame(part))
        assert [one.mean for one in fields] == [pytest.approx(mean) for mean in part.mean(axis=0)]


@pytest.mark.parametrize("make", [_pandas, _polars, _arrow], ids=["pandas", "polars", "arrow"])
def test_large_columns_without_gaps_are_not_copied(make: Callable[[Any], Any]) -> None:
    frame = make({name: items * 1000 for name, items in COLUMNS.items()})
    arrays = {name: reading.array for name, reading in values.walk(frame, "x")}
    again = {name: reading.array for name, reading in values.walk(frame, "x")}
    for name in ("plain", "whole"):
        assert np.shares_memory(arrays[name], again[name])


def test_a_column_that_changes_its_type() -> None:
    """Each call says what it was then."""
    for items, type_name in (([1, 2], "int64"), ([1.5, 2], "float64"), (["a", "b"], "string"), ([True, False], "bool")):
        assert found(pd.DataFrame({"a": items}))["a"][0] == type_name
        assert found(pl.DataFrame({"a": items}))["a"][0] == type_name


def test_few_rows_show_nothing_of_a_person() -> None:
    few, enough = pd.DataFrame({"age": np.arange(9.0)}), pd.DataFrame({"age": np.arange(10.0)})
    (one,) = profiles(few, min_count=10)
    assert (one.count, one.mean, one.minimum, one.quantile_50) == (9, None, None, None)
    (one,) = profiles(enough, min_count=10)
    assert (one.count, one.mean, one.minimum, one.quantile_50) == (10, 4.5, 0.0, 4.5)


# -- what is imported --------------------------------------------------------------------------------------------------

ARROW = """
import pyarrow as pa
bits, numbers = pa.py_buffer(bytes([5])), pa.py_buffer(bytes(24))
columns = [pa.Array.from_buffers(pa.int64(), 3, [bits, numbers]), pa.Array.from_buffers(pa.bool_(), 3, [bits, bits])]
value = pa.Table.from_arrays(columns, ["a", "b"])
"""
POLARS = """
import polars as pl
value = pl.DataFrame({"a": [1, None, 3], "b": [True, None, False], "c": ["x", None, "y"], "d": [1.0, 2.0, 3.0]})
"""
PROGRAMS = {"pyarrow": (ARROW, ("pandas", "pyarrow.compute", "polars")), "polars": (POLARS, ("pandas", "pyarrow"))}


@pytest.mark.parametrize(("make", "others"), PROGRAMS.values(), ids=PROGRAMS)
def test_no_other_library_is_imported(make: str, others: tuple[str, ...]) -> None:
    program = (
        f"import sys\n{make}"
        f"before = {{name for name in {others!r} if name in sys.modules}}\n"
        "from inferspan.profiling import capture, summarise\n"
        "fields = summarise(capture({'x': value}, max_elements=4096), min_count=1)\n"
        "assert fields[0].missing == 1 and all(one.count == 3 for one in fields), fields\n"
        f"assert before == {{name for name in {others!r} if name in sys.modules}}\n"
        f"assert not before, before\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
