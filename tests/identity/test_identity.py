# SPDX-License-Identifier: Apache-2.0
"""Which model is this: one answer, found in a fixed order."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import Any

import pytest

from inferspan import identity, pipeline
from inferspan.identity import Evidence, Model, WeakTable, describe, identify

NO_MAPPING: dict[str, str] = {}


@pytest.fixture(autouse=True)
def nobody_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is taken by another test's model."""
    monkeypatch.setattr(identity, "_claims", {})
    monkeypatch.setattr(identity, "_named", {})
    for table in ("_described", "_loaded", "_evidence", "_identified"):
        monkeypatch.setattr(identity, table, WeakTable())


class Net:
    """Something to be identified."""


def found(model: object | None = None, *, mapping: dict[str, str] = NO_MAPPING, **evidence: Any) -> Model:
    pipeline.configure(models=mapping)
    return identify(Net() if model is None else model, Evidence(**evidence))


def name_of(**evidence: Any) -> tuple[str, str | None]:
    model = found(**evidence)
    return model.name, model.version


# -- the order ---------------------------------------------------------------------------------------------------------

#: Evidence from the strongest to the weakest, each with what it leads to.
ORDER: list[tuple[dict[str, Any], tuple[str, str | None]]] = [
    ({"metadata_name": "from-metadata", "metadata_version": "7"}, ("from-metadata", "7")),
    ({"path": "/models/layout/3/model.onnx"}, ("layout", "3")),
    ({"hub_name": "org/hub", "hub_revision": "abc"}, ("org/hub", "abc")),
    ({"path": "/models/stem.onnx"}, ("stem", None)),
    ({"graph_name": "from_graph"}, ("from_graph", None)),
    ({"class_name": "package.module.FromClass"}, ("FromClass", None)),
    ({}, ("model", None)),
]


@pytest.mark.parametrize("strongest", range(len(ORDER)))
def test_order(strongest: int) -> None:
    """Of all evidence there is, the strongest gives the name."""
    evidence: dict[str, Any] = {}
    for weaker, _ in reversed(ORDER[strongest:]):
        evidence.update(weaker)
    expected, version = ORDER[strongest][1]
    if "metadata_version" not in evidence and "hub_revision" in evidence:
        version = evidence["hub_revision"]
    assert name_of(**evidence) == (expected, version)


def test_what_the_application_said_comes_first() -> None:
    model = Net()
    describe(model, name="said", version="1")
    identified = found(model, metadata_name="metadata", metadata_version="2", mapping={"metadata": "mapped:3"})
    assert (identified.name, identified.version, identified.described) == ("said", "1", True)


def test_a_version_alone_can_be_said() -> None:
    model = Net()
    describe(model, version="9")
    identified = found(model, metadata_name="metadata", metadata_version="2")
    assert (identified.name, identified.version, identified.described) == ("metadata", "9", False)


def test_a_name_alone_can_be_said() -> None:
    model = Net()
    describe(model, name="said")
    assert found(model, metadata_name="metadata", metadata_version="2").version == "2"


@pytest.mark.parametrize(
    "mapping", [{"legacy": "fraud:9"}, {"/models/legacy.onnx": "fraud:9"}, {"graph": "fraud:9"}], ids=str
)
def test_the_mapping_comes_second(mapping: dict[str, str]) -> None:
    identified = found(mapping=mapping, path="/models/legacy.onnx", graph_name="graph")
    assert (identified.name, identified.version) == ("fraud", "9")


def test_a_mapping_without_a_version_keeps_the_one_found() -> None:
    identified = found(mapping={"metadata": "fraud"}, metadata_name="metadata", metadata_version="2")
    assert (identified.name, identified.version) == ("fraud", "2")


# -- paths -------------------------------------------------------------------------------------------------------------

PATHS: dict[str, tuple[str, str | None]] = {
    "/models/fraud.onnx": ("fraud", None),
    "fraud.onnx": ("fraud", None),
    "./fraud.pt2": ("fraud", None),
    "/models/fraud/1/model.onnx": ("fraud", "1"),
    "/models/fraud/v1.2.3/model.onnx": ("fraud", "v1.2.3"),
    "/models/fraud/2.0-rc1/model.onnx": ("fraud", "2.0-rc1"),
    "/models/fraud/1": ("fraud", "1"),
    "/models/fraud/1/": ("fraud", "1"),
    "/models/fraud/model.onnx": ("fraud", None),
    "/models/fraud/pytorch_model.bin": ("fraud", None),
    "/models/fraud/saved_model": ("fraud", None),
    "/models/fraud.v2.onnx": ("fraud", None),
    "/models/fraud_v2.0_small.onnx": ("fraud_v2.0_small", None),
    "/models/fraud1.1-7.int8.onnx": ("fraud1.1-7", None),
    "model.onnx": ("model", None),
    "/tmp/tmpab12cd34/model.onnx": ("model", None),
    "/tmp/tmpab12cd34.onnx": ("tmp", None),
    "/cache/churn/0f8fad5b-d9cb-469f-a165-70867728950e.onnx": ("churn", None),
    "/cache/churn/9f86d081884c7d65.onnx": ("churn", None),
    "/cache/churn/20240131.onnx": ("churn", None),
    "/cache/deadbeef/facade.onnx": ("facade", None),
    "/srv/cache/huggingface/hub/models--org--name/snapshots/abc123/onnx/model.onnx": ("org/name", "abc123"),
    "/cache/models--gpt2/snapshots/abc123/model.onnx": ("gpt2", "abc123"),
}


@pytest.mark.parametrize(("path", "expected"), PATHS.items(), ids=PATHS)
def test_paths(path: str, expected: tuple[str, str | None]) -> None:
    assert name_of(path=path) == expected


@pytest.mark.parametrize(
    ("hub_name", "expected"),
    [
        ("org/name", "org/name"),
        ("gpt2", "gpt2"),
        ("/models/fraud", "fraud"),
        ("./checkpoints/fraud/best", "fraud"),
        ("/hub/models--org--name/snapshots/0123456789abcdef", "org/name"),
    ],
)
def test_names_of_hugging_face_configurations(hub_name: str, expected: str) -> None:
    assert found(hub_name=hub_name).name == expected


@pytest.mark.parametrize("graph", ["main_graph", "torch_jit", "torch-jit-export", "9f86d081884c7d65", "model"])
def test_graph_names_that_say_nothing(graph: str) -> None:
    assert found(graph_name=graph, class_name="package.Net").name == "Net"


@pytest.mark.parametrize("graph", ["resnet50", "Fraud_v2", "a"])
def test_graph_names_that_say_something(graph: str) -> None:
    assert found(graph_name=graph, class_name="package.Net").name == graph


# -- two models of one name --------------------------------------------------------------------------------------------


def test_two_files_of_one_name(tmp_path: Path) -> None:
    files = []
    for folder in ("first", "second", "third"):
        file = tmp_path / folder / "fraud.onnx"
        file.parent.mkdir()
        file.write_text(folder)
        files.append(str(file))
    names = [found(path=path).name for path in (*files, *files)]
    assert names[:3] == names[3:]
    assert names[0] == "fraud"
    assert len(set(names)) == 3
    assert all(name.startswith("fraud-") and len(name) == len("fraud-") + 8 for name in names[1:3])


def test_the_suffix_is_of_the_contents(tmp_path: Path) -> None:
    """So that it is the same in every process that loads both, in whatever folder."""
    identity._claims["fraud", None] = "somebody else"
    names = []
    for folder in ("here", "there"):
        file = tmp_path / folder / "fraud.onnx"
        file.parent.mkdir()
        file.write_text("the same")
        names.append(found(path=str(file)).name)
    assert names[0] == names[1] != "fraud"


def test_versions_of_a_repository_share_a_name(tmp_path: Path) -> None:
    models = [found(path=str(tmp_path / "fraud" / version / "model.onnx")) for version in ("1", "2", "1")]
    assert [(model.name, model.version) for model in models] == [("fraud", "1"), ("fraud", "2"), ("fraud", "1")]


def test_revisions_of_a_hub_repository_share_a_name() -> None:
    paths = [f"/hub/models--org--name/snapshots/{revision}/model.onnx" for revision in ("aaa1", "bbb2")]
    assert [found(path=path).name for path in paths] == ["org/name", "org/name"]


def test_versions_in_the_metadata_share_a_name() -> None:
    models = [
        found(metadata_name="fraud", metadata_version=version, path=f"/{version}.onnx") for version in ("a", "b", "a")
    ]
    assert [(model.name, model.version) for model in models] == [("fraud", "a"), ("fraud", "b"), ("fraud", "a")]
    assert found(metadata_name="fraud", metadata_version="a", path="/elsewhere.onnx").name.startswith("fraud-")


def test_models_from_bytes_are_told_apart_by_their_contents() -> None:
    first, second, again = (found(content=content).name for content in (b"one", b"two", b"one"))
    assert first == again == "model"
    assert second.startswith("model-")


def test_large_contents_are_told_apart_by_size_and_ends() -> None:
    size = 17 * 1024 * 1024
    names = {
        found(content=bytes(size)).name,
        found(content=bytes(size + 1)).name,
        found(content=bytes(size - 1) + b"x").name,
    }
    assert len(names) == 3


def test_objects_of_one_class_are_one_model_and_of_two_classes_two() -> None:
    names = [found(class_name=name).name for name in ("a.Net", "a.Net", "b.Net", "Net")]
    assert names[0] == names[1] == names[3] == "Net"
    assert names[2].startswith("Net-")


def test_a_missing_file_is_told_apart_by_its_path() -> None:
    names = [found(path=path).name for path in ("/nowhere/a/fraud.onnx", "/nowhere/b/fraud.onnx")]
    assert names[0] == "fraud"
    assert names[1].startswith("fraud-")


# -- text --------------------------------------------------------------------------------------------------------------


def test_names_are_bounded_and_utf8() -> None:
    path = os.fsdecode(b"/models/fr\xe4ud" + b"x" * 500 + b".onnx")
    model = found(path=path, graph_name="g\udcff", metadata_version="1\udcff")
    assert model.name.startswith("fr?ud")
    assert len(model.name) == 128
    assert (model.graph_name, model.version) == ("g?", "1?")
    assert identity.named("fr\udce4ud", "1\udcff").name == "fr?ud"
    found(path=path.replace("models", "others"))


# -- describe ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("features", ["age", 7, [1, 2], {"x": "age"}, {"x": [1]}, {1: ["age"]}, [b"age"]], ids=str)
def test_features_that_are_none(features: Any) -> None:
    model = Net()
    with pytest.raises(TypeError):
        describe(model, features=features)
    assert not identity.is_described(model)


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (["age", "income"], {"": ("age", "income")}),
        (("age",), {"": ("age",)}),
        ({"x": ["age"], "y": ["income"]}, {"x": ("age",), "y": ("income",)}),
        ([], {"": ()}),
        (None, {}),
    ],
)
def test_features(features: Any, expected: Any) -> None:
    model = Net()
    describe(model, features=features)
    assert found(model).features == expected


def test_features_that_repeat() -> None:
    model = Net()
    with pytest.raises(TypeError, match="'age' is there more than once"):
        describe(model, features=["age", "income", "age"])
    assert not identity.is_described(model)


@pytest.mark.parametrize(
    ("table", "expected"),
    [(True, {"": True}), (False, {"": False}), ({"x": True, "y": False}, {"x": True, "y": False}), (None, {})],
)
def test_tables(table: Any, expected: Any) -> None:
    model = Net()
    describe(model, table=table)
    assert found(model).table == expected


@pytest.mark.parametrize("table", [1, "x", ["x"], {"x": 1}, {1: True}], ids=str)
def test_tables_that_are_none(table: Any) -> None:
    model = Net()
    with pytest.raises(TypeError, match="table must be True or False, or a mapping of names to such"):
        describe(model, table=table)
    assert not identity.is_described(model)


@pytest.mark.parametrize("argument", ["name", "version"])
@pytest.mark.parametrize("value", [7, b"fraud", ["fraud"]])
def test_names_and_versions_are_text(argument: str, value: Any) -> None:
    with pytest.raises(TypeError, match=argument):
        describe(Net(), **{argument: value})


def test_describing_again_identifies_again() -> None:
    model = Net()
    assert found(model, class_name="a.Net").name == "Net"
    describe(model, name="fraud")
    told = identity.known(model)
    assert told is not None
    assert told.name == "fraud"
    describe(model, version="2")
    assert found(model, class_name="a.Net").name == "Net"


def test_an_object_that_says_something_else_is_identified_anew() -> None:
    model = Net()
    found(model, class_name="a.Net")
    identity.forget(model)
    describe(model, version="2")
    assert identity.known(model) is None
    assert found(model, class_name="a.Other").name == "Other"


class Slotted:
    __slots__ = ()


def test_what_cannot_be_referred_to_weakly() -> None:
    with pytest.raises(TypeError):
        describe(Slotted(), name="fraud")
    assert found(Slotted(), class_name="a.Slotted").name == "Slotted"


# -- objects -----------------------------------------------------------------------------------------------------------


class Strange:
    """Compares and hashes as it likes, and has every attribute."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    def __hash__(self) -> int:
        raise RuntimeError("hashed")

    def __bool__(self) -> bool:
        raise RuntimeError("asked for truth")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"asked for {name}")

    def __call__(self) -> None: ...


class Alike(Net):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


def test_strange_objects() -> None:
    model = Strange()
    describe(model, name="strange")
    assert identity.is_described(model)
    assert identity.of_object(model).name == "strange"
    assert identity.of_object(Strange()).name == "Strange"
    identity.forget(model)
    assert identity.known(model) is None


def test_objects_that_equal_one_another_are_not_the_same() -> None:
    one, other = Alike(), Alike()
    describe(one, name="one")
    describe(other, name="other")
    assert [identity.of_object(model).name for model in (one, other)] == ["one", "other"]


@pytest.mark.parametrize("model", [len, Net, found, "".join, lambda: None], ids=str)
def test_functions_and_classes_are_named_after_themselves(model: Any) -> None:
    assert identity.of_object(model).name == model.__qualname__.rpartition(".")[2]


def test_tables_forget_what_has_died() -> None:
    for index in range(1000):
        model = Net()
        describe(model, name=f"m{index}")
        found(model)
    assert len(identity._described) == len(identity._identified) == 1
    reference = weakref.ref(model)
    del model
    assert reference() is None
    assert len(identity._described) == len(identity._identified) == 0


def test_an_identity_is_not_inherited_by_a_later_object_at_the_same_address() -> None:
    for index in range(1000):
        model = Net()
        assert identity.known(model) is None
        assert not identity.is_described(model)
        describe(model, name=f"m{index}")
        assert found(model).name == f"m{index}"


def test_names_of_models_known_by_name_are_kept_and_bounded() -> None:
    assert identity.named("fraud", "1") is identity.named("fraud", "1")
    assert identity.named("fraud", "1") is not identity.named("fraud", "2")
    for index in range(10_000):
        identity.named(f"m{index}")
        found(path=f"/models/m{index}.onnx")
    assert len(identity._named) <= 4096
    assert len(identity._claims) <= 4096
