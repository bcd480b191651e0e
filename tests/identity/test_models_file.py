# SPDX-License-Identifier: Apache-2.0
"""The file that says of models what the code cannot be changed to say: what it reads, and how it says what is wrong."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from inferspan import descriptions, identity, pipeline
from inferspan.identity import Evidence, Model, WeakTable, describe, identify

GOOD = {
    "legacy": {
        "name": "fraud",
        "version": "9",
        "features": ["age", "income"],
        "table": {"pixels": False},
        "preprocessing": "resize-224-v2",
        "config_digest": "sha256:5f70bf18",
        "batch_axis": 1,
    }
}


@pytest.fixture(autouse=True)
def nobody_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_claims", {})
    monkeypatch.setattr(descriptions, "_files", {})
    for table in ("_described", "_loaded", "_evidence", "_identified"):
        monkeypatch.setattr(identity, table, WeakTable())


class Net:
    """Something to be identified."""


def use(tmp_path: Path, content: Any, **settings: Any) -> Path:
    file = tmp_path / "models.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    pipeline.configure(models_file=str(file), models=settings.pop("models", {}), **settings)
    return file


def found(model: object | None = None, **evidence: Any) -> Model:
    return identify(Net() if model is None else model, Evidence(**evidence))


# -- what it says ------------------------------------------------------------------------------------------------------


def test_all_that_can_be_said(tmp_path: Path) -> None:
    use(tmp_path, GOOD)
    model = found(path="/models/legacy.onnx")
    assert (model.name, model.version, model.features) == ("fraud", "9", {"": ("age", "income")})
    assert model.table == {"pixels": False}
    assert (model.preprocessing, model.config_digest, model.batch_axis) == ("resize-224-v2", "sha256:5f70bf18", 1)


def test_what_it_does_not_say_is_found(tmp_path: Path) -> None:
    use(tmp_path, {"legacy": {"features": {"x": ["age"]}}})
    model = found(path="/models/legacy.onnx", metadata_version="3")
    assert (model.name, model.version, model.features) == ("legacy", "3", {"x": ("age",)})
    assert (model.preprocessing, model.config_digest, model.batch_axis) == (None, None, 0)


def test_no_axis_of_samples(tmp_path: Path) -> None:
    use(tmp_path, {"legacy": {"batch_axis": None}})
    assert found(path="/models/legacy.onnx").batch_axis is None


@pytest.mark.parametrize(
    "key",
    ["legacy", "/models/old/legacy.onnx", "/models/*/legacy.onnx", "/models/*", "*.onnx", "scoring", "/[lm]odels/*"],
)
def test_a_model_is_met_by_name_graph_path_or_pattern(tmp_path: Path, key: str) -> None:
    use(tmp_path, {key: {"name": "fraud"}})
    assert found(path="/models/old/legacy.onnx", graph_name="scoring").name == "fraud"


@pytest.mark.parametrize("key", ["Legacy", "leg*", "/models/old", "models/*", "old/legacy.onnx", "*.pt"])
def test_another_model_is_not(tmp_path: Path, key: str) -> None:
    use(tmp_path, {key: {"name": "fraud"}})
    assert found(path="/models/old/legacy.onnx").name == "legacy"


def test_a_relative_path_is_met_as_it_is_and_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    use(tmp_path, {f"{os.getcwd()}/models/*": {"name": "in-full"}, "models/b.onnx": {"name": "as-it-is"}})
    assert found(path="models/a.onnx").name == "in-full"
    use(tmp_path, {"models/b.onnx": {"name": "as-it-is"}})
    descriptions._files.clear()
    assert found(path="models/b.onnx").name == "as-it-is"


def test_the_first_entry_that_fits_counts(tmp_path: Path) -> None:
    use(tmp_path, {"*/a.onnx": {"name": "first"}, "*.onnx": {"name": "second", "version": "2"}})
    model = found(path="/models/a.onnx")
    assert (model.name, model.version) == ("first", None)


# -- what comes before it ----------------------------------------------------------------------------------------------


def test_the_application_and_the_variable_say_more(tmp_path: Path) -> None:
    use(tmp_path, GOOD, models={"legacy": "from-variable"})
    model = found(path="/models/legacy.onnx")
    assert (model.name, model.version, model.preprocessing) == ("from-variable", "9", "resize-224-v2")
    described = Net()
    describe(described, name="legacy", preprocessing="in-code")
    model = found(described, class_name="a.Net", metadata_version="3")
    assert (model.name, model.version, model.preprocessing) == ("legacy", "9", "in-code")
    assert model.features == {"": ("age", "income")}


def test_it_says_more_than_the_model_itself(tmp_path: Path) -> None:
    use(tmp_path, GOOD)
    assert found(metadata_name="legacy", metadata_version="3").version == "9"


# -- what is wrong with it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"legacy": {"name": "fraud",}}', "line 1, column "),
        ('{"a": {},\n "legacy" {}}', "line 2, column 11: Expecting ':' delimiter"),
        ("", "line 1, column 1: Expecting value"),
        ("[]", "expected an object, with an entry for each model"),
        ('"text"', "expected an object, with an entry for each model"),
        ('{"legacy": "fraud"}', '"legacy": expected an object'),
        ('{"legacy": {"name": 7}}', '"legacy": name must be a string, not int'),
        ('{"legacy": {"nmae": "fraud"}}', '"legacy": nmae is not known: there are name, version, features, '),
        ('{"legacy": {"features": "age"}}', '"legacy": features must be a sequence of strings, or a mapping of '),
        ('{"legacy": {"features": [1]}}', '"legacy": features must be a sequence of strings, or a mapping of '),
        (
            '{"legacy": {"features": ["a", "a"]}}',
            "\"legacy\": features must differ from one another: 'a' is there more",
        ),
        ('{"legacy": {"table": "x"}}', '"legacy": table must be True or False, or a mapping of names to such'),
        ('{"legacy": {"batch_axis": 1.5}}', '"legacy": batch_axis must be a whole number or None, not float'),
        ('{"legacy": {"batch_axis": true}}', '"legacy": batch_axis must be a whole number or None, not bool'),
        ('{"legacy": {}, "legacy": {"name": "fraud"}}', '"legacy": there twice, the first counts'),
        ('{"legacy": {"name": "fraud", "name": "b"}}', '"legacy": name is there twice'),
        ("[" * 100_000, "not to be read as JSON"),
    ],
)
def test_what_is_wrong_is_one_warning_with_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, said: str
) -> None:
    file = use(tmp_path, content)
    with caplog.at_level(logging.WARNING, "inferspan"):
        assert found(path="/models/legacy.onnx").name == "legacy"
        assert found(path="/models/other.onnx").name == "other"
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.startswith(f"{file} is not used in full: {said}")


def test_the_other_entries_are_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    use(tmp_path, {**{f"bad-{index}": index for index in range(8)}, **GOOD})
    assert found(path="/models/legacy.onnx").name == "fraud"
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.count("expected an object") == 5
    assert message.endswith("; and 3 more")


def test_a_file_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pipeline.configure(models_file=str(tmp_path / "none.json"))
    assert found(path="/models/legacy.onnx").name == "legacy"
    assert "none.json is not used in full: No such file or directory" in caplog.text


def test_a_file_that_is_no_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "models.json").write_bytes(b"\xff\xfe{}")
    pipeline.configure(models_file=str(tmp_path / "models.json"))
    assert found(path="/models/legacy.onnx").name == "legacy"
    assert "is not used in full: not UTF-8" in caplog.text


def test_it_is_told_when_the_program_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    use(tmp_path, "{")
    pipeline.recorder("test", system="_OTHER")
    assert "is not used in full: line 1, column 2" in caplog.text
