# SPDX-License-Identifier: Apache-2.0
"""What a session's model is called."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from inferspan_instrumentors.onnxruntime import OnnxRuntimeInstrumentor
from onnx import TensorProto, helper
from support.telemetry import Telemetry

import inferspan
from inferspan import pipeline

BY_DIGEST = "by digest"


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Telemetry:
    telemetry.instrument(OnnxRuntimeInstrumentor())
    return telemetry


def relu(*, graph: str = "main_graph", version: int = 0, **metadata: str) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in "xy")
    model = helper.make_model(
        helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], graph, [x], [y]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    model.model_version = version
    helper.set_model_props(model, metadata)
    return model


def infer(session: ort.InferenceSession) -> None:
    session.run(None, {"x": np.zeros((1, 2), np.float32)})


def named(telemetry: Telemetry) -> list[tuple[object, object]]:
    return [
        ((span.attributes or {})["inferspan.model.name"], (span.attributes or {}).get("inferspan.model.version"))
        for span in telemetry.spans()
    ]


@pytest.mark.parametrize(
    ("path", "model", "expected"),
    [
        ("churn.onnx", relu(), ("churn", BY_DIGEST)),
        ("churn.onnx", relu(version=4), ("churn", "4")),
        ("churn.onnx", relu(version=2**63 - 1), ("churn", BY_DIGEST)),
        ("churn.onnx", relu(model_name="fraud", model_version="2.1"), ("fraud", "2.1")),
        ("pricing/3/model.onnx", relu(), ("pricing", "3")),
        ("ranker/model.onnx", relu(), ("ranker", BY_DIGEST)),
        ("tmpab12cd34.onnx", relu(graph="scoring"), ("scoring", BY_DIGEST)),
    ],
)
def test_names(
    instrumented: Telemetry, tmp_path: Path, path: str, model: onnx.ModelProto, expected: tuple[str, str | None]
) -> None:
    file = tmp_path / "models" / path
    file.parent.mkdir(parents=True)
    onnx.save(model, file)
    infer(ort.InferenceSession(file))
    (found,) = named(instrumented)
    # The same name from another folder belongs to an earlier test's model, and has a suffix.
    assert str(found[0]).startswith(expected[0])
    if expected[1] == BY_DIGEST:
        assert found[1] == hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    else:
        assert found[1] == expected[1]


def test_two_files_of_one_name_are_two_models(instrumented: Telemetry, tmp_path: Path) -> None:
    sessions = []
    for index, folder in enumerate(("first", "second")):
        file = tmp_path / folder / "twice.onnx"
        file.parent.mkdir()
        onnx.save(relu(version=index), file)
        sessions.append(ort.InferenceSession(file))
    for session in (*sessions, *sessions):
        infer(session)
    names = [name for name, _ in named(instrumented)]
    assert names[0] == names[2] == "twice"
    assert names[1] == names[3]
    assert str(names[1]).startswith("twice-")


def test_described(instrumented: Telemetry) -> None:
    session = ort.InferenceSession(relu().SerializeToString())
    infer(session)
    inferspan.describe(session, name="fraud", version="7", features=["age", "income"])
    infer(session)
    spans = instrumented.spans()
    attributes = dict(spans[1].attributes or {})
    assert attributes["inferspan.model.name"] == "fraud"
    assert attributes["inferspan.model.version"] == "7"
    assert attributes["inferspan.input.names"] == ("x", "age", "income")


def test_mapped_from_the_environment(instrumented: Telemetry, tmp_path: Path) -> None:
    pipeline.configure(models={"legacy": "fraud:9"}, raise_faults=True)
    file = tmp_path / "legacy.onnx"
    onnx.save(relu(), file)
    infer(ort.InferenceSession(file))
    assert named(instrumented) == [("fraud", "9")]


def test_from_bytes(instrumented: Telemetry) -> None:
    infer(ort.InferenceSession(relu(graph="main_graph").SerializeToString()))
    infer(ort.InferenceSession(relu(graph="churn_scores").SerializeToString()))
    first, second = (str(name) for name, _ in named(instrumented))
    assert first.startswith("model")
    assert second == "churn_scores"
