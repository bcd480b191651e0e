# SPDX-License-Identifier: Apache-2.0
"""Profilers of an application's own: what they are given, which fields they look at, and how their faults end."""

from __future__ import annotations

import gc
import math
import re
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

import inferspan
from inferspan import faults
from inferspan.profiling import capture, profilers
from inferspan.profiling.budget import Allowance, rates
from inferspan.profiling.custom import MAX_ITEMS, MAX_KEY, MAX_TEXT, OpenProfilers, merged
from inferspan.profiling.profilers import MAX_ELEMENTS, MAX_FAULTS, register_profiler
from inferspan.windows import Window, WindowKey, Windows

MODEL = "speech-7"


@pytest.fixture(autouse=True)
def nothing_else_is_registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(profilers, "_found", {})
    monkeypatch.setattr(profilers, "_ignored", set())
    before = profilers.registered.copy()
    profilers.registered.clear()
    yield
    profilers.registered.clear()
    profilers.registered.update(before)


@pytest.fixture
def faults_are_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    monkeypatch.setattr(faults, "strict", False)
    yield lambda: faults.counts.get("profilers", 0)
    faults.counts.clear()


class Given:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, tuple[int, ...]]] = []
        made.append(self)

    def update(self, values: Any, shape: tuple[int, ...]) -> None:
        self.seen.append((values, shape))

    def merge(self, summary: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def summary(self) -> dict[str, Any]:
        return {"calls": len(self.seen)}


made: list[Given] = []


@pytest.fixture
def given() -> Iterator[list[Given]]:
    made.clear()
    yield made
    made.clear()


def window(*calls: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Returns what the profilers of the model say of a window of such calls, by field."""
    selection = profilers.of_model(MODEL)
    if selection is None:
        return {}
    opened = OpenProfilers(selection)
    for values in calls:
        for one in capture(values, max_elements=10**9, profilers=selection, **options):
            names = [one.name_of(index) for index in range(one.columns)] if one.columns else [one.name]
            opened.add(one, names)
    return opened.close()


def what_is_given(value: Any, given: list[Given], **options: Any) -> tuple[Any, tuple[int, ...]]:
    register_profiler("given", Given)
    assert window({"x": value}, **options) == {"x": {"given": {"calls": 1}}}
    (one,) = given
    ((values, shape),) = one.seen
    given.clear()
    return values, shape


# -- what they are given -----------------------------------------------------------------------------------------------

TYPES = ("float64", "float32", "int64", "int8", "uint8", "uint64", "bool")
SMALL = [(), (1,), (20,), (4, 20), (0, 3), (2, 3, 4), (1, 3, 8, 8), (1024,), (64, 128), (8192,)]


@pytest.mark.parametrize("shape", SMALL, ids=str)
@pytest.mark.parametrize("dtype", TYPES)
def test_few_elements_are_complete(dtype: str, shape: tuple[int, ...], given: list[Given]) -> None:
    value = np.random.default_rng(1).integers(0, 100, shape).astype(dtype)
    for one in (value, np.array(value, order="F"), value.astype(value.dtype.newbyteorder(">"))):
        values, its_shape = what_is_given(one, given)
        assert its_shape == shape
        assert (values.dtype, values.shape) == (np.dtype(dtype), shape)
        assert np.array_equal(values, value)
        assert not np.shares_memory(values, one)
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 0


@pytest.mark.parametrize("shape", [(7,), (40, 50), (500, 500)], ids=str)
def test_half_precision_comes_as_single(shape: tuple[int, ...], given: list[Given]) -> None:
    value = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    for half in (value.half(), value.bfloat16(), value.half().numpy()):
        expected = half.float().numpy() if isinstance(half, torch.Tensor) else half.astype(np.float32)
        values, _ = what_is_given(half, given)
        assert values.dtype == np.float32
        assert np.isin(values, expected).all()
        assert values.size == min(expected.size, MAX_ELEMENTS) or values.size > 0.9 * MAX_ELEMENTS


def places(values: Any, shape: tuple[int, ...]) -> list[Any]:
    """Returns the places along each axis that values were taken from, each of which says where it was."""
    found = np.stack(np.unravel_index(values, shape))
    axes: list[Any] = []
    for axis in range(len(shape)):
        along = np.unique(found[axis])
        assert len(along) == values.shape[axis]
        assert len(set(np.diff(along))) <= 1, "even distances"
        axes.append(along)
    # A grid: each of these places along one axis with each along the others.
    assert np.array_equal(values, np.ravel_multi_index(np.meshgrid(*axes, indexing="ij"), shape))
    return axes


#: Shape -> what is left of it.
LARGE = {
    (100_000,): (8192,),
    (100_000, 20): (409, 20),
    (32, 50_257): (1, 8192),
    (2, 8192): (1, 8192),
    (8, 128, 768): (1, 10, 768),
    (1, 3, 224, 224): (1, 3, 52, 52),
    (3, 480, 640): (3, 45, 60),
    (480, 640, 3): (45, 60, 3),
    (64, 3, 224, 224): (10, 3, 16, 16),
    (64, 224, 224, 1): (32, 16, 16, 1),
    (1, 3, 8, 4000): (1, 3, 8, 341),
}


@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_of_many_elements_a_grid_is_left(shape: tuple[int, ...], given: list[Given]) -> None:
    value = np.arange(math.prod(shape)).reshape(shape)
    seen: list[set[int]] = [set() for _ in shape]
    for _ in range(20):
        values, its_shape = what_is_given(value, given, table={"x": False})
        assert its_shape == shape
        assert values.shape == LARGE[shape]
        for axis, along in enumerate(places(values, shape)):
            seen[axis].update(along.tolist())
    for axis, size in enumerate(shape):  # from elsewhere each time
        assert len(seen[axis]) > LARGE[shape][axis] or LARGE[shape][axis] == size


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_of_many_elements_in_any_layout(kind: str, given: list[Given]) -> None:
    shape = (3, 400, 600)
    value = np.arange(math.prod(shape)).reshape(shape)
    for turned in (value.transpose(2, 0, 1), value[:, ::2], np.asfortranarray(value), value[1:, 5:-7]):
        whole = torch.from_numpy(turned) if kind == "torch" else turned
        values, its_shape = what_is_given(whole, given)
        assert its_shape == turned.shape
        assert MAX_ELEMENTS * 0.6 < values.size <= MAX_ELEMENTS
        flat = np.searchsorted(np.sort(turned.ravel()), values)
        assert np.array_equal(np.sort(turned.ravel())[flat], values)


def test_lists(given: list[Given]) -> None:
    values, shape = what_is_given([1, None, 2.5], given)
    assert shape == (3,)
    assert np.array_equal(values, [1, math.nan, 2.5], equal_nan=True)
    values, shape = what_is_given([[[1, 2], [3, 4]]], given)
    assert (values.tolist(), shape) == ([[[1, 2], [3, 4]]], (1, 2, 2))
    assert what_is_given(7, given)[0].shape == ()
    values, shape = what_is_given([[float(row), 1, 2] for row in range(5000)], given, table={"x": False})
    assert shape == (5000, 3)
    assert values[:, 0].tolist() == list(range(len(values)))
    assert 1000 < len(values) < 5000


@pytest.mark.parametrize("rows", [1, 7, 5000])
@pytest.mark.parametrize("named", [True, False])
def test_each_column_of_a_table(rows: int, named: bool, given: list[Given]) -> None:
    table = np.arange(rows * 4, dtype=np.float32).reshape(rows, 4)
    names = ["a", "b", "c", "d"] if named else ["x.0", "x.1", "x.2", "x.3"]
    register_profiler("given", Given, fields=names[1:], dimensions=1)
    options: dict[str, Any] = {"features": {"x": names}} if named else {}
    found = window({"x": table}, inputs=True, **options)
    assert found == {name: {"given": {"calls": 1}} for name in names[1:]}
    for index, one in enumerate(given, 1):
        ((values, shape),) = one.seen
        assert shape == (rows,)
        assert values.ndim == 1
        assert set(values.tolist()) <= set(table[:, index].tolist())
        assert len(values) == min(rows, MAX_ELEMENTS // 4)


def test_nothing_is_kept_that_no_profiler_wants() -> None:
    value = np.zeros((300, 300), np.float32)
    assert profilers.of_model(MODEL) is None
    register_profiler("other model", Given, models="vision-*")
    assert profilers.of_model(MODEL) is None
    register_profiler("other field", Given, fields="y")
    register_profiler("other type", Given, types="int*")
    selection = profilers.of_model(MODEL)
    assert selection is not None
    (one,) = capture({"x": value}, max_elements=10**9, profilers=selection)
    assert one.kept is None
    (one,) = capture({"y": value}, max_elements=10**9, profilers=selection)
    assert one.kept.nbytes <= MAX_ELEMENTS * 4
    value[:] = 1
    assert not one.kept.any()


def test_what_is_kept_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profilers.Stopwatch, "elapsed", lambda _: 1_000_000_007)
    monkeypatch.setattr(type(rates), "learn", lambda *_, **__: None)
    register_profiler("given", Given, fields="x")
    selection, allowance = profilers.of_model(MODEL), Allowance()
    value = np.zeros((300, 300), np.float32)
    capture({"y": value}, max_elements=10**9, profilers=selection, allowance=allowance)
    without = allowance.spent
    capture({"x": value}, max_elements=10**9, profilers=selection, allowance=allowance)
    assert allowance.spent - without == without + 1_000_000_007


def test_nothing_of_the_applications_memory_is_kept(given: list[Given]) -> None:
    register_profiler("given", Given)

    class Watched(np.ndarray):
        pass

    owner = np.zeros((300, 300), np.float32).view(Watched)
    value = np.asarray(owner)
    gone = weakref.ref(owner)
    window({"x": value})
    del value, owner
    gc.collect()
    assert gone() is None
    assert given[0].seen[0][0].size


# -- which fields ------------------------------------------------------------------------------------------------------


class Choosy(Given):
    models = "speech-*"
    fields = ("wave*", "audio")
    types = "float*"
    dimensions = (1, 2)


DATA = {
    "waveform": np.zeros(20, np.float32),
    "audio": np.zeros((1, 20)),
    "audio2": np.zeros(20),
    "wave.3d": np.zeros((1, 2, 20)),
    "wave.int": np.zeros(20, np.int16),
}


@pytest.mark.parametrize(
    ("factory", "said", "fields"),
    [
        (Given, {}, set(DATA)),
        (Given, {"models": "vision-*"}, set()),
        (Given, {"models": ["vision-*", "speech-?"]}, set(DATA)),
        (Given, {"fields": "wave*"}, {"waveform", "wave.3d", "wave.int"}),
        (Given, {"fields": ("AUDIO", "audio")}, {"audio"}),
        (Given, {"types": "int16"}, {"wave.int"}),
        (Given, {"types": ["float64", "int*"]}, set(DATA) - {"waveform"}),
        (Given, {"dimensions": 3}, {"wave.3d"}),
        (Given, {"dimensions": [2, 3]}, {"wave.3d", "audio"}),
        (Choosy, {}, {"waveform", "audio"}),
        (Choosy, {"dimensions": 3}, {"wave.3d"}),
        (Choosy, {"types": "*", "fields": "*"}, set(DATA) - {"wave.3d"}),
        (Choosy, {"models": "vision-*"}, set()),
    ],
)
def test_the_fields_that_a_profiler_looks_at(
    factory: type[Given], said: dict[str, Any], fields: set[str], given: list[Given]
) -> None:
    register_profiler("given", factory, **said)
    assert set(window(DATA)) == fields
    assert len(given) == len(fields)


def test_one_is_made_for_each_field_and_window(given: list[Given]) -> None:
    register_profiler("given", Given)
    first = window(*[{"a": [1.0, 2.0], "b": 2}] * 3)
    assert first == {"a": {"given": {"calls": 3}}, "b": {"given": {"calls": 3}}}
    window({"a": [1.0, 2.0]})
    assert [len(one.seen) for one in given] == [3, 3, 1]


def test_a_name_that_is_registered_again_is_replaced(given: list[Given]) -> None:
    register_profiler("given", Given, fields="a")
    assert set(window({"a": 1, "b": 2})) == {"a"}
    register_profiler("given", Given, fields="b")
    assert set(window({"a": 1, "b": 2})) == {"b"}


def test_what_is_no_profiler_is_an_error() -> None:
    with pytest.raises(LookupError, match="no profiler 'nothing of the kind'"):
        inferspan.register_profiler("nothing of the kind")
    with pytest.raises(TypeError, match="cannot be called"):
        inferspan.register_profiler("text", "inferspan")  # type: ignore[arg-type]
    assert not profilers.registered


# -- found by name -----------------------------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with entry points of two profilers, one of which cannot be imported."""
    (tmp_path / "their_profilers.py").write_text(
        "class Largest:\n"
        "    fields = 'score'\n"
        "    def __init__(self): self.value = 0.0\n"
        "    def update(self, values, shape): self.value = max(self.value, float(values.max()))\n"
        "    def merge(self, summary): self.value = max(self.value, summary['value'])\n"
        "    def summary(self): return {'value': self.value}\n"
    )
    info = tmp_path / "their_profilers-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-profilers\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[inferspan_profilers]\nlargest = their_profilers:Largest\nbroken = their_profilers:Nothing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("their_profilers", None)


def test_an_installed_profiler_is_used_once_it_is_named(installed: None) -> None:
    data = {"score": [0.5, 0.75], "other": [0.5, 0.75]}
    assert window(data) == {}
    inferspan.register_profiler("largest")
    assert window(data) == {"score": {"largest": {"value": 0.75}}}
    inferspan.register_profiler("largest", fields="other")
    assert window(data) == {"other": {"largest": {"value": 0.75}}}


def test_the_setting_names_profilers(installed: None, caplog: pytest.LogCaptureFixture) -> None:
    inferspan.configure(profilers=("largest", "embedding_norm"))
    assert set(profilers.registered) == {"largest", "embedding_norm"}
    assert set(window({"score": [0.5], "text_embeds": [[3.0, 4.0]]})) == {"score", "text_embeds"}
    assert not caplog.records
    inferspan.register_profiler("largest", fields="other")
    inferspan.configure(profilers=("largest",))  # what code has said stays
    assert set(window({"score": [0.5], "other": [0.5]})) == {"other"}


def test_a_name_in_the_setting_that_is_none_is_one_warning(installed: None, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):  # by each instrumentor
        inferspan.configure(profilers=("hunter2", "largest", "broken"))
    assert set(profilers.registered) == {"largest"}
    assert [record.getMessage() for record in caplog.records] == [
        "OTEL_PYTHON_INFERSPAN_PROFILERS: name 1 is ignored: of no profiler that is there",
        "OTEL_PYTHON_INFERSPAN_PROFILERS: name 3 is ignored: AttributeError",
    ]


# -- faults ------------------------------------------------------------------------------------------------------------


class Failing(Given):
    """Fails where it is told to."""

    where = ""

    def __init__(self) -> None:
        super().__init__()
        self._fail("__init__")

    def _fail(self, name: str) -> None:
        if name == self.where:
            raise RuntimeError(name)

    def update(self, values: Any, shape: tuple[int, ...]) -> None:
        super().update(values, shape)
        self._fail("update")

    def merge(self, summary: Mapping[str, Any]) -> None:
        self._fail("merge")

    def summary(self) -> dict[str, Any]:
        self._fail("summary")
        return super().summary()


@pytest.mark.parametrize("where", ["__init__", "update", "summary"])
def test_a_fault_costs_one_summary_and_ten_the_profiler(
    where: str, monkeypatch: pytest.MonkeyPatch, faults_are_counted: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Failing, "where", where)
    register_profiler("failing", Failing)
    register_profiler("given", Given)
    for number in range(1, MAX_FAULTS + 5):
        assert window({"x": 1}, {"x": 2}) == {"x": {"given": {"calls": 2}}}
        assert faults_are_counted() == min(number, MAX_FAULTS)
    told = [record.getMessage() for record in caplog.records if "switched off" in record.getMessage()]
    assert told == ["profiler failing is switched off after 10 faults"]
    monkeypatch.setattr(Failing, "where", "")
    assert window({"x": 1}) == {"x": {"given": {"calls": 1}}}
    register_profiler("failing", Failing)  # repaired
    assert window({"x": 1}) == {"x": {"given": {"calls": 1}, "failing": {"calls": 1}}}


def test_a_fault_in_one_call_of_a_window_leaves_no_half_summary(
    monkeypatch: pytest.MonkeyPatch, faults_are_counted: Callable[[], int]
) -> None:
    class Picky(Given):
        def update(self, values: Any, shape: tuple[int, ...]) -> None:
            super().update(values, shape)
            assert values >= 0

    register_profiler("picky", Picky)
    assert window({"x": 1, "y": 1}, {"x": -1, "y": 1}, {"x": 1, "y": 1}) == {"y": {"picky": {"calls": 3}}}
    assert faults_are_counted() == 1


def test_a_merge_that_fails_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, faults_are_counted: Callable[[], int]
) -> None:
    monkeypatch.setattr(Failing, "where", "merge")
    register_profiler("failing", Failing)
    assert merged({"failing": {"calls": 1}}, {"failing": {"calls": 2}}) == {}
    assert faults_are_counted() == 1


# -- what they say -----------------------------------------------------------------------------------------------------


class Saying(Given):
    says: Any = None

    def summary(self) -> Any:
        return self.says


@pytest.mark.parametrize(
    ("said", "leaves"),
    [
        ({}, {}),
        ({"a": 1, "b": 0.5, "c": "text", "": 1, "e" * MAX_KEY: 2}, {"a": 1, "b": 0.5, "c": "text", "e" * MAX_KEY: 2}),
        ({"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "huge": 2**63, "least": -(2**63)}, {"least": -(2**63)}),
        ({"none": None, "list": [1], "complex": 1j, 3: 4, "bytes": b"x", "dict": {}}, {}),
        ({"a": np.float32(0.5), "b": np.int16(3), "c": np.bool_(True), "d": np.float64("nan")}, {"a": 0.5, "b": 3}),
        ({"a": True}, {"a": 1}),
        ({"a": "x" * 1000, "k" * (MAX_KEY + 1): 1}, {"a": "x" * MAX_TEXT}),
        ({"a\ud800": "b\ud800"}, {"a?": "b?"}),
        ({str(number): number for number in range(50)}, {str(number): number for number in range(MAX_ITEMS)}),
    ],
    ids=range(9),
)
def test_what_leaves_is_bounded_and_finite(said: Any, leaves: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Saying, "says", said)
    register_profiler("saying", Saying)
    found = window({"x": 1})
    assert found == ({"x": {"saying": leaves}} if leaves else {})
    for value in found.get("x", {}).get("saying", {}).values():
        assert type(value) in (int, float, str)


# -- merging -----------------------------------------------------------------------------------------------------------


class Total:
    def __init__(self) -> None:
        self.total = 0.0

    def update(self, values: Any, shape: tuple[int, ...]) -> None:
        self.total += float(values.sum())

    def merge(self, summary: Mapping[str, Any]) -> None:
        self.total += summary["total"]

    def summary(self) -> dict[str, Any]:
        return {"total": self.total}


def test_windows_are_merged_by_a_profiler_of_the_kind() -> None:
    register_profiler("total", Total)
    one, two = window({"x": [1, 2]})["x"], window({"x": [3, 4]})["x"]
    assert merged(one, two) == merged(two, one) == {"total": {"total": 10.0}}
    assert merged(merged(one, two), one) == {"total": {"total": 13.0}}
    assert merged(one, {}) == merged({}, one) == one
    assert merged({}, {}) == {}
    assert one == {"total": {"total": 3.0}}


def test_what_no_profiler_is_registered_for_is_left_out_of_a_merge() -> None:
    register_profiler("total", Total)
    one = {"total": {"total": 1.0}, "theirs": {"count": 2}}
    two = {"total": {"total": 2.0}, "theirs": {"count": 3}, "another": {"count": 1}}
    assert merged(one, two) == {"total": {"total": 3.0}, "another": {"count": 1}}


def closed(*calls: Mapping[str, Any], entity: str | None = None, **options: Any) -> Window:
    """Returns a window of such calls."""
    windows, found = Windows(), list[Window]()
    windows.on_close(found.append)
    key = WindowKey(entity=entity) if entity else WindowKey("onnxruntime", MODEL, "1", None, "input")
    for values in calls:
        selection = profilers.of_model(entity or MODEL)
        windows.add(key, capture(values, max_elements=10**9, inputs=True, profilers=selection, **options))
    windows.close_all()
    (window,) = found
    return window


def test_in_windows() -> None:
    register_profiler("total", Total)
    register_profiler("embedding_norm", fields="*", dimensions=3)
    large = np.ones((2, 100, 100), np.float32)
    first = closed({"x": [1.0, 2.0], "y": large}, {"x": [3.0], "y": large})
    second = closed({"x": [4.0]})
    assert first.fields["x"].custom == {"total": {"total": 6.0}}
    assert set(first.fields["y"].custom) == {"total", "embedding_norm"}
    assert first.fields["y"].custom["embedding_norm"]["mean"] == 10.0
    together = first.merge(second)
    assert together == second.merge(first)
    assert together.fields["x"].custom == {"total": {"total": 10.0}}
    assert together.fields["y"].custom == first.fields["y"].custom


def test_in_windows_of_tables() -> None:
    register_profiler("total", Total, fields=["age", "x.2"])
    table = np.arange(12.0).reshape(4, 3)
    named = closed({"x": table}, {"x": table}, features={"x": ["age", "income", "debt"]})
    assert {name: field.custom for name, field in named.fields.items()} == {
        "age": {"total": {"total": 36.0}},
        "income": {},
        "debt": {},
    }
    assert closed({"x": table}).fields["x.2"].custom == {"total": {"total": 26.0}}


def test_in_windows_of_data_that_belongs_to_no_inference() -> None:
    register_profiler("total", Total, models="features.*")
    assert closed({"x": [1.0, 2.0]}).fields["x"].custom == {}
    assert closed({"x": [1.0, 2.0]}, entity="features.v2").fields["x"].custom == {"total": {"total": 3.0}}


# -- those that are included -------------------------------------------------------------------------------------------


def statistics(numbers: Any) -> dict[str, Any]:
    numbers = np.asarray(numbers, np.float64).ravel()
    return {
        "count": numbers.size,
        "mean": pytest.approx(numbers.mean(), rel=1e-5),
        "standard_deviation": pytest.approx(numbers.std(), rel=1e-4, abs=1e-12),
        "minimum": pytest.approx(numbers.min(), rel=1e-5),
        "maximum": pytest.approx(numbers.max(), rel=1e-5),
    }


def said(name: str, field: str, *values: Any, **options: Any) -> Any:
    register_profiler(name, **options)
    return window(*({field: value} for value in values)).get(field, {}).get(name)


LUMA = np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "float16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_brightness(channels: int, dtype: str) -> None:
    rng = np.random.default_rng(3)
    images = (rng.random((9, channels, 17, 16)) * 200).astype(dtype)
    luma = images.astype(np.float64).mean(axis=(2, 3)) @ (LUMA if channels == 3 else np.ones(1))
    last = np.moveaxis(images, 1, 3)
    for batch in (images, np.ascontiguousarray(last), last, torch.from_numpy(images)):
        assert said("image_brightness", "x", batch[:4], batch[4:]) == statistics(luma)
    if channels == 3:
        assert said("image_brightness", "x", images[0], last[1]) == statistics(luma[:2])
    else:
        assert said("image_brightness", "x", images[0]) is None  # or one sequence of 17 tokens


def test_brightness_of_large_images_is_near() -> None:
    gradient = np.linspace(0, 1, 500)[:, None] * np.linspace(0.5, 1, 400)
    images = np.stack([gradient * 0.5, gradient, np.sqrt(gradient)])[None].repeat(2, axis=0)
    found = said("image_brightness", "x", *[images] * 20)
    assert found["mean"] == pytest.approx(float(images[0].mean(axis=(1, 2)) @ LUMA), rel=0.02)


@pytest.mark.parametrize(
    "shape", [(3, 224), (4, 5, 6), (9, 20, 130), (2, 3, 7, 7), (5, 128, 768), (2, 3, 224, 224, 1), (1, 3, 2000)]
)
def test_what_is_no_image_has_no_brightness(shape: tuple[int, ...]) -> None:
    assert said("image_brightness", "x", np.ones(shape, np.float32), dimensions=()) is None


@pytest.mark.parametrize("shape", [(40,), (7, 384), (3, 5, 20), (2, 3, 8, 64), (2, 8192), (4, 4096)])
def test_norms(shape: tuple[int, ...]) -> None:
    one, two = np.random.default_rng(4).normal(0, 3, (2, *shape)).astype(np.float32)
    if one.size > MAX_ELEMENTS:
        one[:], two[:] = one[:1], two[:1]  # whichever row is taken
    norms = np.linalg.norm(np.stack([one, two]).astype(np.float64), axis=-1)
    found = said("embedding_norm", "image_embeds", one, two, dimensions=())
    if one.size > MAX_ELEMENTS:
        norms = norms[:, : MAX_ELEMENTS // shape[-1]]
    assert found == statistics(norms)


def test_norms_of_vectors_that_are_not_complete_are_not_told() -> None:
    assert said("embedding_norm", "embedding", np.ones((2, 8193), np.float32)) is None
    # Rows are thinned where a tensor may be an image.
    assert said("embedding_norm", "embedding", np.ones((3, 200, 700), np.float32)) is None


def test_norms_are_of_embeddings_unless_something_else_is_said() -> None:
    register_profiler("embedding_norm")
    vector = np.array([3.0, 4.0])
    names = ("embeddings", "text_embeds", "sentence_embedding", "pooler_output", "logits", "x")
    assert set(window(dict.fromkeys(names, vector))) == set(names[:4])
    assert said("embedding_norm", "x", vector, fields="x")["mean"] == 5.0


def test_values_that_are_missing_or_infinite_spoil_nothing() -> None:
    strange = np.ones((3, 2), np.float32)
    strange[0, 0], strange[1, 1] = np.nan, np.inf
    assert said("embedding_norm", "embedding", strange) == statistics([math.sqrt(2)])
    assert said("embedding_norm", "embedding", np.full((2, 2), np.nan)) is None
    assert said("embedding_norm", "embedding", np.full((2, 2), 1e200)) is None


def test_lengths_of_texts() -> None:
    assert said("text_length", "x", "hello", "größe 🙂", "") == statistics([5, 7, 0])
    assert said("text_length", "x", "hello" * 1000) == statistics([5000])  # of the text, not of what is kept of it
    assert said("text_length", "x", ["a", "bb", None, "cccc"], ["dd"]) == statistics([1, 2, 4, 2])
    assert said("text_length", "x", np.array(["a", "bbb"])) == statistics([1, 3])
    assert said("text_length", "x", 5) is None


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table, lambda columns: columns])
def test_lengths_of_texts_in_frames(frame: Callable[[Any], Any]) -> None:
    register_profiler("text_length")
    columns = {"text": ["a", "größe", None], "number": [1, 2, 3]}
    assert window({"x": frame(columns)}, inputs=True) == {"text": {"text_length": statistics([1, 5])}}


@pytest.mark.parametrize("name", ["image_brightness", "embedding_norm"])
def test_merged_as_if_it_had_been_one_window(name: str) -> None:
    calls = np.random.default_rng(5).random((12, 2, 3, 16, 16))
    register_profiler(name, fields="*", dimensions=())
    parts = [window(*({"x": call} for call in calls[start : start + 3]))["x"] for start in range(0, 12, 3)]
    together = merged(merged(parts[3], parts[0]), merged(parts[1], parts[2]))
    whole = window(*({"x": call} for call in calls))["x"]
    assert together[name] == {key: pytest.approx(value, rel=1e-12) for key, value in whole[name].items()}


# -- the document ------------------------------------------------------------------------------------------------------


def examples() -> Sequence[str]:
    text = (Path(__file__).parents[2] / "docs" / "profilers.md").read_text()
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_example_in_the_document() -> None:
    short, long = examples()
    exec(short, {"inferspan": inferspan})
    exec(long, {})
    wave = np.concatenate([np.zeros(300), np.ones(100)])
    first, second = window({"waveform": wave}, {"waveform": wave})["waveform"], window({"waveform": wave})["waveform"]
    assert first == {"silence": {"samples": 800, "silent": 600, "share": 0.75}}
    assert merged(first, second) == {"silence": {"samples": 1200, "silent": 900, "share": 0.75}}
    assert window({"other": wave}) == {}
