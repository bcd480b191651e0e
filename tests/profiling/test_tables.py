# SPDX-License-Identifier: Apache-2.0
"""What is profiled column by column, and what as one tensor: the rule, what overrides it, and what a span shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.profiles import MAX_ELEMENTS, profiles
from support.telemetry import Telemetry

import inferspan
from inferspan import api, pipeline
from inferspan.profiling import Capture, capture, summarise
from inferspan.semconv.attributes import SystemName


def columns(value: Any, name: str = "x", **options: Any) -> int:
    """Returns how many columns an input is told apart by."""
    (one,) = capture({name: value}, **{"inputs": True, "max_elements": MAX_ELEMENTS, **options})
    return one.columns


# -- the rule ----------------------------------------------------------------------------------------------------------

TABLES: dict[str, tuple[Any, int]] = {
    "one row": (np.ones((1, 20)), 20),
    "rows": (np.ones((32, 20)), 20),
    "many rows": (np.ones((5000, 20)), 20),
    "one column": (np.ones((32, 1)), 1),
    "most columns": (np.ones((2, 64)), 64),
    "whole numbers": (np.ones((2, 20), np.int64), 20),
    "truths": (np.ones((2, 20), bool), 20),
    "a tensor": (torch.ones(2, 20), 20),
    "a strided tensor": (torch.ones(2000, 40)[:, ::2], 20),
    "half precision": (torch.ones(2, 20, dtype=torch.bfloat16), 20),
    "lists": ([[1.0, 2.0], [3.0, None]], 2),
    "many lists": ([[1.0, 2.0, 3.0]] * 5000, 3),
    "times": (np.ones((2, 20), "M8[s]"), 20),
}
NO_TABLES: dict[str, Any] = {
    "one number": 1.0,
    "a vector": np.ones(20),
    "a list of numbers": [1.0, 2.0],
    "wide": np.ones((2, 65)),
    "images": np.ones((2, 3, 8, 8)),
    "sequences": np.ones((2, 12, 20)),
    "no columns": np.ones((2, 0)),
    "text": np.full((2, 3), "a"),
    "complex": np.ones((2, 3), complex),
    "a column": [{"x": 1.0}, {"x": 2.0}],
    "ragged": [[1.0], [1.0, 2.0]],
}


@pytest.mark.parametrize(("value", "expected"), TABLES.values(), ids=TABLES)
def test_an_input_of_few_columns_is_a_table(value: Any, expected: int) -> None:
    assert columns(value) == expected
    assert columns(value, inputs=False) == 0
    assert columns(value, table={"": False}) == 0
    assert columns(value, table={"y": False}) == expected
    assert columns(value, table={"x": True}, inputs=False) == expected
    assert columns(value, table={"": True}, inputs=False) == 0


@pytest.mark.parametrize("value", NO_TABLES.values(), ids=NO_TABLES)
def test_anything_else_is_one_tensor(value: Any) -> None:
    for one in capture({"x": value}, inputs=True, max_elements=MAX_ELEMENTS):
        assert (one.columns, one.names) == (0, None)


def test_token_ids_and_what_is_beside_them_are_no_tables() -> None:
    ids = torch.ones(2, 12, dtype=torch.int64)
    given = {"attention_mask": ids, "input_ids": ids, "extra": torch.ones(2, 4)}
    for values in (given, {"x": given}):
        assert [one.columns for one in capture(values, inputs=True, max_elements=MAX_ELEMENTS)] == [0, 0, 0]
    captures = capture(given, inputs=True, max_elements=MAX_ELEMENTS, table={"extra": True})
    assert [one.columns for one in captures] == [0, 0, 4]
    assert columns(ids, "input_ids") == 0
    assert columns(torch.ones(2, 12), "input_ids") == 12  # no ids


@pytest.mark.parametrize("shape", [(2, 100), (3000, 100), (100,), (2, 1024)])
def test_what_is_said_to_be_a_table_is_one_whatever_its_width(shape: tuple[int, ...]) -> None:
    value = np.ones(shape)
    assert columns(value, table={"": True}) == shape[-1]
    assert columns(value, table={"x": True, "": False}) == shape[-1]
    names = [f"f{index}" for index in range(shape[-1])]
    (one,) = capture({"x": value}, features={"": names}, inputs=True, max_elements=MAX_ELEMENTS)
    assert (one.columns, one.names) == (shape[-1], names)
    assert columns(value, features={"": names}, table={"": False}) == 0


def test_names_of_an_output() -> None:
    features = {"y": ["no", "yes"], "": ["a", "b"]}
    captures = capture({"y": np.ones((3, 2)), "z": np.ones((3, 2))}, features=features, max_elements=MAX_ELEMENTS)
    assert [(one.columns, one.names) for one in captures] == [(2, ["no", "yes"]), (0, None)]


def test_too_many_columns_are_said() -> None:
    value = np.ones((2, 1025))
    for options in ({"table": {"x": True}}, {"features": {"": [f"f{index}" for index in range(1025)]}}):
        (one,) = profiles(value, inputs=True, **options)
        assert one.note == "profiled as a whole, having more than 1024 columns"
        assert one.count == 2050


def test_another_number_of_names_is_said() -> None:
    (one,) = profiles(np.ones((2, 3)), features={"x": ["a", "b"]})
    assert one.note == "2 features are named, it has 3"
    assert columns(np.ones((2, 3)), features={"x": ["a", "b"]}) == 3
    (one,) = profiles(np.ones((2, 3)), features={"": ["a", "b"]})
    assert one.note is None  # they may be another input's


def test_the_names_of_columns() -> None:
    (one,) = capture({"x": np.ones((1, 2))}, inputs=True, max_elements=MAX_ELEMENTS)
    assert [one.name_of(index) for index in range(2)] == ["x.0", "x.1"]
    assert Capture("x", one.reading, 2, ("age", "income")).name_of(1) == "income"


# -- what a span shows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [3, 40, 5000])
@pytest.mark.parametrize("kind", ["array", "list"])
def test_of_columns_without_names_those_with_something_wrong(rows: int, kind: str) -> None:
    values = np.arange(rows * 4.0).reshape(rows, 4)
    given = values if kind == "array" else values.tolist()
    assert [one.name for one in profiles(given, inputs=True)] == ["x"]
    values[:, 1] = np.nan
    values[0, 3] = -np.inf
    given = values if kind == "array" else values.tolist()
    seen = min(rows, 1024) if kind == "list" else rows
    whole, first, second = profiles(given, inputs=True)
    assert (whole.missing, whole.infinite) == (seen, 1)
    assert (first.name, first.shape, first.count, first.missing, first.mean) == ("x.1", (seen,), seen, seen, None)
    assert (second.name, second.infinite, second.missing) == ("x.3", 1, 0)
    assert second.mean == pytest.approx(values[1:seen, 3].mean())
    assert [one.name for one in profiles(given)] == ["x"]


def test_columns_of_few_rows_show_nothing_of_a_person() -> None:
    values = np.ones((9, 20))
    values[0, 7] = np.nan
    _, column = summarise(capture({"x": values}, inputs=True, max_elements=MAX_ELEMENTS), min_count=10)
    assert (column.name, column.count, column.missing) == ("x.7", 9, 1)
    assert (column.mean, column.minimum, column.quantile_50) == (None, None, None)


class Net(torch.nn.Module):
    """A model that something can be said of."""


@pytest.fixture
def manual(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    recorder = pipeline.recorder(api.SCOPE, system=SystemName.OTHER, **telemetry.providers)
    monkeypatch.setattr(api, "_recorder", recorder)
    return telemetry


@pytest.mark.parametrize(
    ("said", "inputs", "outputs"),
    [
        ({}, ("x", "x.0"), ("y",)),
        ({"table": False}, ("x",), ("y",)),
        ({"table": {"y": True}}, ("x", "x.0"), ("y", "y.0")),
        ({"features": ["age", "income"]}, ("x", "age", "income"), ("y",)),
        ({"features": {"y": ["no", "yes"]}, "table": {"x": False}}, ("x",), ("y", "no", "yes")),
    ],
)
def test_what_describe_says(said: Any, inputs: tuple[str, ...], outputs: tuple[str, ...], manual: Telemetry) -> None:
    model, values = Net(), np.array([[np.nan, 1.0]])
    inferspan.describe(model, name="fraud", **said)
    with inferspan.inference(model) as call:
        call.inputs(x=values)
        call.outputs(y=values)
    (span,) = manual.spans()
    attributes = span.attributes or {}
    assert attributes["inferspan.input.names"] == inputs
    assert attributes["inferspan.output.names"] == outputs
    assert attributes["inferspan.batch.size"] == 1


def test_the_batch_of_a_frame(manual: Telemetry) -> None:
    import pandas as pd

    for frame in (pd.DataFrame({"a": [1.0] * 7, "b": ["x"] * 7}), [{"a": 1.0}] * 7):
        for sampled in (True, False):
            pipeline.configure(profile=sampled)
            with inferspan.inference("fraud") as call:
                call.inputs(frame)
    assert [(span.attributes or {})["inferspan.batch.size"] for span in manual.spans()] == [7, 7, 7, 7]
