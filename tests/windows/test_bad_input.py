# SPDX-License-Identifier: Apache-2.0
"""Data that is not what it was, has no room, or cannot be read: told or counted, and never a wrong number."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from support.windows import INPUT, Gathered, captured, field_of, window_of

from inferspan import config, faults
from inferspan.profiling import Capture
from inferspan.values import Reading
from inferspan.windows import MIXED, FieldTotals


def test_a_column_that_changes_type_between_calls() -> None:
    config.load(profile_text=True)
    gathered = Gathered()
    gathered.add(np.array([1.5, math.nan]))
    gathered.add(np.array([3, 4], np.int64))
    gathered.add(["a", None, "b", "a", None])
    gathered.add(np.array([2.5, 1.0]))
    assert gathered.windows.totals() == {(INPUT, "x"): FieldTotals(11, 3, 0, 0, 12.0)}
    field = gathered.close().fields["x"]
    assert field.type == MIXED
    assert (field.count, field.missing, field.unmeasured, field.finite) == (11, 3, 3, 5)
    assert (field.minimum, field.maximum, field.mean) == (1.0, 4.0, 2.4)
    assert field.histogram.count == 5
    assert {one.kind: one.count for one in field.categories} == {"integer": 2, "string": 3}


def test_text_is_counted() -> None:
    config.load(profile_text=True)
    field = field_of(*[["card", "card", None, "cash"]] * 100)
    assert (field.type, field.count, field.missing, field.finite, field.mean) == ("string", 400, 100, 0, None)
    (categories,) = field.categories
    assert [(one.value, one.count) for one in categories.categories] == [("card", 200), ("cash", 100)]


def test_text_of_which_nothing_may_be_kept() -> None:
    field = field_of(["card", None, "cash"])
    assert (field.count, field.missing, field.categories) == (3, 1, ())


def test_columns_that_change_their_order_and_number() -> None:
    gathered = Gathered()
    for names, row in ((["a", "b"], [1.0, 2.0]), (["b", "a"], [4.0, 3.0]), (["a", "b", "c"], [5.0, 6.0, 7.0])):
        gathered.add(np.array([row]), features={"x": names})
    window = gathered.close()
    assert {name: (field.count, field.mean) for name, field in window.fields.items()} == {
        "a": (3, 3.0),
        "b": (3, 4.0),
        "c": (1, 7.0),
    }


def test_names_that_repeat_in_a_table() -> None:
    rows = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
    window = window_of(rows, rows, features={"x": ["a", "a", "b", "a", "x.a"]})
    means = {name: (field.count, field.mean) for name, field in window.fields.items()}
    assert means == {"a": (2, 1.0), "x.a": (2, 2.0), "b": (2, 3.0), "x.3": (2, 4.0), "x.x.a": (2, 5.0)}


def test_names_that_repeat_in_several_tables() -> None:
    tables = {"x": np.array([[1.0, 2.0]]), "y": np.array([[3.0, 4.0]])}
    features = {"x": ["age", "income"], "y": ["age", "height"]}
    gathered = Gathered()
    for _ in range(3):
        gathered.add(tables, features=features)
        # Whose name it is does not depend on which of them a window happens to begin with.
        gathered.add({"y": tables["y"]}, features=features)
        window = gathered.close()
        found = {name: (field.tensor, field.count, field.mean) for name, field in window.fields.items()}
        assert found == {"age": ("x", 1, 1.0), "income": ("x", 1, 2.0), "y.age": ("y", 2, 3.0), "height": ("y", 2, 4.0)}


def test_names_that_are_no_text() -> None:
    window = window_of({"x": {1: [1.0], (2, 3): [2.0], None: [3.0], "\ud800": [4.0]}})
    assert [field.count for field in window.fields.values()] == [1, 1, 1, 1]
    assert [field.mean for field in window.fields.values()] == [1.0, 2.0, 3.0, 4.0]
    for name in window.fields:
        name.encode()


def test_more_columns_than_there_is_room_for() -> None:
    config.load(window_fields=7)
    rows = np.arange(200.0).reshape(10, 20)
    gathered = Gathered()
    gathered.add(rows[:5])
    gathered.add(np.tile(rows[5:], (100, 1)))
    window = gathered.close()
    assert list(window.fields) == [f"x.{index}" for index in range(7)]
    everything = np.concatenate([rows[:5], np.tile(rows[5:], (100, 1))])
    for index, field in enumerate(window.fields.values()):
        assert (field.count, field.maximum) == (505, 180 + index)
        assert field.mean == pytest.approx(everything[:, index].mean())
    assert window.omitted == gathered.windows.overflowed == 2 * 13


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.uint8, torch.bool])
def test_half_a_table_of_any_type(kind: torch.dtype) -> None:
    config.load(window_fields=2)
    window = window_of(torch.tensor([[1, 0, 5], [1, 1, 7]]).to(kind))
    assert {name: (field.count, field.mean) for name, field in window.fields.items()} == {
        "x.0": (2, 1.0),
        "x.1": (2, 0.5),
    }
    assert window.omitted == 1


def test_ten_thousand_columns() -> None:
    width = 10_000
    data = np.arange(width, dtype=np.float32)
    gathered = Gathered()
    for times in (1, 2):
        reading = Reading("float32", (times, width), data=np.tile(data, times).tobytes(), layout="<f4")
        gathered.windows.add(INPUT, [Capture("x", reading, width), *captured([1.0], "y")])
    window = gathered.close()
    assert len(window.fields) == 10_000
    assert all(field.count == 3 and field.mean == index for index, field in enumerate(window.fields.values()))
    # There was room for no other.
    assert (window.omitted, gathered.windows.overflowed) == (2, 2)


def test_names_that_are_new_at_every_call() -> None:
    config.load(window_fields=50)
    gathered = Gathered()
    for call in range(1000):
        gathered.add({"steady": [1.0], f"request {call}": [2.0]})
    window = gathered.close()
    assert len(window.fields) == 50
    assert window.fields["steady"].count == 1000
    assert window.omitted == gathered.windows.overflowed == 951
    assert len(gathered.windows.totals()) == 50


def test_types_that_change_at_every_call_take_no_more_room() -> None:
    config.load(window_fields=4)
    gathered = Gathered()
    kinds = (np.float64, np.float32, np.int64, np.uint8, np.int16, np.int8)
    for kind in kinds:
        gathered.add(np.array([3], kind))
    window = gathered.close()
    assert (window.fields["x"].count, window.omitted) == (4, 2)


def test_a_window_that_never_closes() -> None:
    config.load(window_inferences=10**12, window_seconds=10**9)
    gathered = Gathered()
    captures = captured([1.0, 2.0])
    for _ in range(131_073):
        gathered.windows.add(INPUT, captures)
    # Before a count of its histogram can overflow.
    assert [window.inferences for window in gathered.closed] == [131_072]
    assert gathered.closed[0].fields["x"].histogram.count == 262_144


NOTHING: dict[str, Any] = {
    "no inputs": {},
    "an object": {"x": object()},
    "an empty list": {"x": []},
    "an empty dict": {"x": {}},
    "a set": {"x": {1.0}},
}


@pytest.mark.parametrize("case", NOTHING)
def test_nothing_to_profile_is_an_inference_without_fields(case: str) -> None:
    window = window_of(OrderedDict(NOTHING[case]) or {})
    assert (window.inferences, window.omitted) == (1, 0)
    assert all(field.count == 0 for field in window.fields.values())


@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0)])
def test_empty_arrays(shape: tuple[int, ...]) -> None:
    window = window_of(np.empty(shape), np.empty(shape))
    assert all((field.count, field.mean) == (0, None) for field in window.fields.values())


def test_the_beginning_of_a_long_list_is_whole_rows() -> None:
    rows = [[float(row), row + 0.5, 7.0] for row in range(2000)]
    window = window_of(rows)
    assert [field.count for field in window.fields.values()] == [1365] * 3
    assert [field.maximum for field in window.fields.values()] == [1364.0, 1364.5, 7.0]


def test_whole_numbers_that_doubles_cannot_tell() -> None:
    field = field_of([2**53 + 1, 2**53, 5, 10**400])
    assert (field.count, field.infinite, field.maximum) == (4, 1, 2.0**53)
    (categories,) = field.categories
    assert [(one.value, one.count) for one in categories.categories] == [(5, 1)]
    (categories,) = field_of(np.array([2**53 + 1, 2**53])).categories
    assert [(one.value, one.count) for one in categories.categories] == [(2**53, 1), (2**53 + 1, 1)]


def test_bytes_in_the_other_order() -> None:
    field = field_of(np.array([1, 256, 256], ">i4"))
    assert (field.maximum, field.count) == (256.0, 3)
    (categories,) = field.categories
    assert [(one.value, one.count) for one in categories.categories] == [(256, 2), (1, 1)]


def test_one_value_that_cannot_be_added_costs_no_other() -> None:
    faults.strict = False
    gathered = Gathered()
    broken = Reading("float32", (1,), data=b"abc", layout="<f4")
    for _ in range(3):
        gathered.windows.add(INPUT, [*captured([1.0], "a"), Capture("x", broken), *captured([2.0], "b")])
    window = gathered.close()
    assert (window.inferences, window.fields["a"].count, window.fields["b"].count) == (3, 3, 3)
    assert window.fields["x"].count == 0
    assert faults.counts.pop("windows") == 1
