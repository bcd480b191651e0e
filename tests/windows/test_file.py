# SPDX-License-Identifier: Apache-2.0
"""The file of windows: exact there and back, and a clear error for everything that is none."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import random
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.windows import INPUT, Gathered, window_of

from inferspan.profiling import Capture
from inferspan.values import Reading
from inferspan.windows import FieldSummary, IncompatibleWindows, Window, WindowFileError, WindowKey, file

DOCUMENT = Path(__file__).parents[2] / "docs" / "windows.md"


@pytest.fixture
def window() -> Window:
    """A window with some of everything."""
    rng = np.random.default_rng(20240131)
    gathered = Gathered()
    for _ in range(20):
        gathered.add(
            {
                "x": rng.normal(100, 1, (4, 3)),
                "tiny": rng.normal(0, 1, 50) * 1e-310,
                "huge": rng.normal(0, 1, 50) * 1e307,
                "ids": rng.integers(0, 1000, 30),
                "is_new": [True, False],
                "nothing": [None],
                "image": rng.integers(0, 256, (3, 64, 64), np.uint8),
                "\N{SNOWMAN} \U0001f600": [math.inf, -0.0],
            },
            features={"x": ["age", "income", "weight"]},
        )
        text = Reading("string", (3,), counts=(3, 1), texts=("card", '"quoted"\n', "\N{SNOWMAN}" * 100))
        gathered.windows.add(INPUT, [Capture("text", text)])
    found = gathered.close()
    field = dataclasses.replace(found.fields["age"], custom={"norm": {"mean": 0.5, "count": 3, "unit": "cm"}})
    return dataclasses.replace(found, fields={**found.fields, "age": field}, omitted=3)


def test_there_and_back(window: Window, tmp_path: Path) -> None:
    entity = window_of([1.0], key=WindowKey(entity="features.v2"))
    path = tmp_path / "windows.json"
    file.write(path, [window, entity])
    found = file.read(str(path))
    assert found == [window, entity]
    # Not a bit is lost, of what is derived either.
    for name, field in found[0].fields.items():
        known = window.fields[name]
        assert (field.mean, field.standard_deviation) == (known.mean, known.standard_deviation)
        assert [field.quantile(p) for p in (0.05, 0.5, 0.95)] == [known.quantile(p) for p in (0.05, 0.5, 0.95)]
    assert file.dumps(found) == path.read_text(encoding="ascii")
    # And what was read can be merged with what was not.
    assert found[0].merge(window) == window.merge(window)


def test_no_windows() -> None:
    assert file.loads(file.dumps([])) == []


def test_equal_windows_are_equal_files(window: Window) -> None:
    turned = dataclasses.replace(window, fields=dict(reversed(list(window.fields.items()))))
    assert file.dumps([turned]) == file.dumps([window])


def test_a_file_is_replaced_as_a_whole_or_not_at_all(window: Window, tmp_path: Path) -> None:
    path = tmp_path / "windows.json"
    file.write(path, [window])
    broken = dataclasses.replace(window, inferences=object())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        file.write(path, [broken])
    assert file.read(path) == [window]
    file.write(path, [])
    assert file.read(path) == []
    assert os.listdir(tmp_path) == ["windows.json"]
    with pytest.raises(FileNotFoundError):
        file.write(tmp_path / "nowhere" / "windows.json", [window])


def test_what_a_newer_writer_adds_is_ignored(window: Window) -> None:
    content = json.loads(file.dumps([window]))
    content["written_by"] = {"name": "inferspan"}
    content["windows"][0]["note"] = "new"
    content["windows"][0]["fields"][0]["kurtosis"] = 3.0
    assert file.loads(json.dumps(content)) == [window]


@pytest.mark.parametrize("version", [0, 2, 10**9])
def test_a_format_of_another_version(version: int) -> None:
    content = json.loads(file.dumps([]))
    content["version"] = version
    with pytest.raises(IncompatibleWindows, match=f"has version {version} of its format; this reads version 1"):
        file.loads(json.dumps(content))


SECRET = "hunter2"
FILES = {
    "": "not complete, or no JSON",
    "{": "not complete, or no JSON",
    f"password={SECRET}": "not complete, or no JSON",
    "[]": "the file: expected an object, found a list",
    "7": "the file: expected an object, found a number",
    "{}": "none of windows",
    '{"format":"inferspan.windows"}': "version: expected a whole number from 0 up, found null",
    '{"format":"inferspan.windows","version":1}': "windows: expected a list, found null",
    '{"format":"inferspan.windows","version":true}': "version: expected a whole number from 0 up, found true or false",
    '{"format":"inferspan.windows","version":1,"windows":[7]}': "windows[0]: expected an object, found a number",
    '{"format":"inferspan.windows","version":NaN}': "a number that JSON has not",
    '{"format":"inferspan.windows","version":'
    + "9" * 5000
    + "}": "a number that JSON has not, or one of too many digits",
    "[" * 100_000: "nested too deeply",
}


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_files_that_are_none(text: str) -> None:
    with pytest.raises(WindowFileError, match=re.escape(FILES[text])) as error:
        file.loads(text)
    assert SECRET not in str(error.value)
    assert len(str(error.value)) < 200


def test_a_file_that_is_not_complete(window: Window, tmp_path: Path) -> None:
    whole = file.dumps([window]).encode()
    path = tmp_path / "windows.json"
    rng = random.Random(20240131)
    for size in [0, 1, len(whole) - 3, *rng.sample(range(len(whole) - 2), 50)]:
        path.write_bytes(whole[:size])
        with pytest.raises(WindowFileError, match="not complete"):
            file.read(path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "windows.json"
    path.write_bytes(b'{"format":"\xff')
    with pytest.raises(WindowFileError, match="no text in UTF-8, from byte 11 on"):
        file.read(path)


Change = Callable[[dict[str, Any]], Any]
FIELD = "windows[0].fields[0]"


def put(*path: str | int, value: Any) -> Change:
    """Returns a change of a window's first field."""

    def change(content: dict[str, Any]) -> None:
        found: Any = content["windows"][0]["fields"][0]
        for step in path[:-1]:
            found = found[step]
        found[path[-1]] = value

    return change


CHANGES: list[tuple[Change, str]] = [
    (put("count", value=-1), f"{FIELD}.count: expected a whole number from 0 up, found a number"),
    (put("count", value=True), f"{FIELD}.count: expected a whole number from 0 up, found true or false"),
    (put("count", value=2**64), f"{FIELD}.count: expected a whole number from 0 up, found a number"),
    (put("count", value=80.0), f"{FIELD}.count: expected a whole number from 0 up, found a number"),
    (put("missing", value="1"), f"{FIELD}.missing: expected a whole number from 0 up, found text"),
    (put("missing", value=81), f"{FIELD}: expected parts that are not more than the count"),
    (put("unmeasured", value=1), f"{FIELD}.histogram: expected no more values than are finite"),
    (put("zero", value=81), f"{FIELD}: expected parts that are not more than the count"),
    (put("name", value=None), f"{FIELD}.name: expected text, found null"),
    (put("minimum", value=None), f"{FIELD}: expected a minimum and a maximum exactly if there are finite values"),
    (put("minimum", value=1e9), f"{FIELD}.minimum: expected a minimum that is not above the maximum"),
    (put("minimum", value="low"), f"{FIELD}.minimum: expected a number, found text"),
    (put("maximum", value=10**400), f"{FIELD}.maximum: expected a finite number, found a number"),
    (put("total", value="1/0"), f"{FIELD}.total: expected a fraction, found text"),
    (put("total", value=SECRET), f"{FIELD}.total: expected a fraction, found text"),
    (put("total", value="1/" + "9" * 9999), f"{FIELD}.total: expected a fraction, found text"),
    (put("total", value="--1/2"), f"{FIELD}.total: expected a fraction, found text"),
    (put("total", value="\N{SUPERSCRIPT TWO}/2"), f"{FIELD}.total: expected a fraction, found text"),
    (put("squares", value="1/1"), f"{FIELD}.squares: expected a sum of squares of numbers that have this total"),
    (put("histogram", value=None), f"{FIELD}.histogram: expected an object, found null"),
    (put("histogram", "scale", value=21), f"{FIELD}.histogram.scale: expected a whole number"),
    (put("histogram", "zero_count", value=81), f"{FIELD}.histogram: expected no more values than are finite"),
    (put("histogram", "positive", "counts", value=[1] * 161), "positive.counts: expected at most 160 counts"),
    (put("histogram", "positive", "counts", value=[1, "2"]), "positive.counts[1]: expected a whole number"),
    (put("histogram", "negative", "offset", value=2**40), "negative.offset: expected a whole number"),
    (put("categories", value={}), f"{FIELD}.categories: expected a list, found an object"),
    (put("categories", value=[{"kind": SECRET}]), f"{FIELD}.categories[0]: expected a summary of categories"),
    (put("custom", value=[]), f"{FIELD}.custom: expected an object, found a list"),
    (put("custom", value={SECRET * 1000: 1}), f"{FIELD}.custom.hunter2"),
]


@pytest.mark.parametrize(("change", "told"), CHANGES, ids=range(len(CHANGES)))
def test_what_cannot_be(change: Change, told: str) -> None:
    window = window_of(np.arange(1.0, 81.0))
    content = json.loads(file.dumps([window]))
    change(content)
    with pytest.raises(WindowFileError, match=re.escape(told)) as error:
        file.loads(json.dumps(content))
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("started", "2026-01-15", "windows[0].started: expected a time in UTC with nanoseconds"),
        ("started", "2026-99-15T09:25:34.853000000Z", "windows[0].started: expected a time in UTC with nanoseconds"),
        ("started", "9999-01-15T09:25:34.853000000Z", "windows[0].ended: expected a time that is not before the start"),
        ("model", 7, "windows[0].model: expected text, found a number"),
        ("inferences", None, "windows[0].inferences: expected a whole number"),
        ("fields", None, "windows[0].fields: expected a list"),
    ],
)
def test_what_a_window_cannot_be(name: str, value: Any, told: str) -> None:
    content = json.loads(file.dumps([window_of([1.0])]))
    content["windows"][0][name] = value
    with pytest.raises(WindowFileError, match=re.escape(told)):
        file.loads(json.dumps(content))


def test_two_fields_of_one_name() -> None:
    content = json.loads(file.dumps([window_of([1.0])]))
    content["windows"][0]["fields"] *= 2
    with pytest.raises(
        WindowFileError, match=r"windows\[0\].fields\[1\].name: expected a name that no field before has"
    ):
        file.loads(json.dumps(content))


def test_any_value_may_be_anything() -> None:
    """Whatever stands wherever: an error of ours, or windows that are what they say."""
    whole = json.loads(file.dumps([window_of([1.0, 2.0, None], {"x": [3, 4]})]))
    rng = random.Random(20240131)
    for _ in range(1000):
        content = json.loads(json.dumps(whole))
        holder, step = rng.choice(list(places(content)))
        holder[step] = rng.choice([None, -1, 0, 1, 2**70, 1.5, "", "1/3", [], {}, [[]], {"a": {}}, True, "\ud800"])
        try:
            windows = file.loads(json.dumps(content))
        except (WindowFileError, IncompatibleWindows):
            continue
        for window in windows:
            for field in window.fields.values():
                sound(field)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Returns all places in parsed JSON: what holds a value, and its key or index in there."""
    steps: list[Any] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    return [(value, step) for step in steps] + [place for step in steps for place in places(value[step])]


def sound(field: FieldSummary) -> None:
    """Checks that a summary can be used."""
    assert isinstance(field.total, Fraction)
    if field.finite:
        assert field.mean is not None
        assert field.standard_deviation is not None
        assert field.minimum is not None
        assert field.maximum is not None
        assert field.minimum <= field.mean <= field.maximum
        field.quantile(0.5)
    assert field.merge(field).count == 2 * field.count


def test_the_documented_example_is_one() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = file.loads(example)
    rows = np.array([[41.0, 1.5]]), np.array([[math.nan, -0.5]])
    expected = window_of(*rows, name="features", features={"features": ["age", "income"]})
    assert found == dataclasses.replace(expected, started=found.started, ended=found.ended)
    # What is only written is as derived, too.
    assert json.loads(file.dumps([found])) == json.loads(example)


def test_every_member_is_documented(window: Window) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    content = json.loads(file.dumps([window]))
    names = {step for _, step in places(content) if isinstance(step, str)} - {"norm", "unit"}
    for name in names:
        assert f"`{name}`" in document, name
