# SPDX-License-Identifier: Apache-2.0
"""Modules as they are loaded: which functions load a model, and what is known of it from then on."""

from __future__ import annotations

import hashlib
import io
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from inferspan_instrumentors.torch import TorchInstrumentor
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode
from support.telemetry import Telemetry
from torch import Tensor, nn

pytestmark = pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::DeprecationWarning", "ignore:'torch.load' received a zip file"
)

X = torch.zeros(2, 2)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return {
        key.removeprefix("inferspan.").removeprefix("model."): value for key, value in (span.attributes or {}).items()
    }


def script(file: Path) -> None:
    torch.jit.script(Net().eval()).save(str(file))


def whole(file: Path) -> None:
    torch.save(Net().eval(), file)


def program(file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(Net().eval(), (X,)), str(file))


LOADS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any], str, str]] = {
    "script": (script, lambda file: torch.jit.load(str(file)), "torchscript", "churn"),
    "script by keyword": (script, lambda file: torch.jit.load(f=file), "torchscript", "churn"),
    "script from an open file": (script, lambda file: torch.jit.load(file.open("rb")), "torchscript", "churn"),
    "script from bytes": (script, lambda file: torch.jit.load(io.BytesIO(file.read_bytes())), "torchscript", "Net"),
    "script by torch.load": (script, lambda file: torch.load(file, weights_only=False), "torchscript", "churn"),
    "module": (whole, lambda file: torch.load(file, weights_only=False), "pickle", "churn"),
    "program": (program, lambda file: torch.export.load(str(file)).module(), "exported_program", "churn"),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("how", LOADS)
def test_what_is_loaded_knows_its_file(instrumented: Telemetry, tmp_path: Path, how: str) -> None:
    save, load, model_format, name = LOADS[how]
    file = tmp_path / "churn.pt2"
    save(file)
    instrumented.spans_and_loads()
    module = load(file)
    with torch.no_grad():
        module(X)
    span, inference = instrumented.spans_and_loads()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    expected = {
        "system.name": "pytorch",
        "name": name,
        "version": digest[:8],
        "format": model_format,
        "digest": f"sha256:{digest}",
    }
    assert (span.name, inference.name) == (f"load {name}", f"infer {name}")
    assert attributes(span) == {**expected, "operation.name": "load", "size": file.stat().st_size}
    assert {key: attributes(inference)[key] for key in expected} == expected
    (point,) = instrumented.points("inferspan.model.load.duration")
    assert point.count == 1


def test_weights_alone_are_no_model(instrumented: Telemetry, tmp_path: Path) -> None:
    torch.save(Net().state_dict(), tmp_path / "weights.pt")
    torch.load(tmp_path / "weights.pt")
    with pytest.raises(FileNotFoundError):
        torch.load(tmp_path / "none.pt")
    assert instrumented.loads() == []
    assert instrumented.points("inferspan.model.load.duration") == []


@pytest.mark.parametrize(
    ("load", "error"),
    [(torch.jit, "ValueError"), (torch.export, "FileNotFoundError")],
    ids=["script", "program"],
)
def test_a_failing_load(instrumented: Telemetry, tmp_path: Path, load: Any, error: str) -> None:
    with pytest.raises(Exception) as raised:
        load.load(str(tmp_path / "churn.pt2"))
    (span,) = instrumented.loads()
    assert (span.name, span.status.status_code) == ("load", StatusCode.ERROR)
    assert attributes(span)["name"] == "churn"
    assert attributes(span)["error.type"].endswith(type(raised.value).__name__)
    (point,) = instrumented.points("inferspan.model.load.duration")
    assert point.attributes["error.type"] == attributes(span)["error.type"]


def test_hugging_faces_folders(instrumented: Telemetry, tmp_path: Path) -> None:
    from transformers import AutoModel, BertConfig, BertModel

    tiny = BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=10, dtype="float32"
    )
    versions = []
    for _ in range(2):
        BertModel(tiny).save_pretrained(tmp_path / "tiny-bert")
        instrumented.spans_and_loads()
        loaded = [
            AutoModel.from_pretrained(tmp_path / "tiny-bert"),
            BertModel.from_pretrained(str(tmp_path / "tiny-bert"), output_loading_info=True)[0],
        ]
        with torch.no_grad():
            for model in loaded:
                model(torch.zeros(1, 3, dtype=torch.long))
        spans = instrumented.spans_and_loads()
        assert sorted(span.name for span in spans) == ["infer tiny-bert"] * 2 + ["load tiny-bert"] * 2
        assert {attributes(span)["format"] for span in spans} == {"safetensors"}
        (digest,) = {attributes(span)["digest"] for span in spans}
        assert digest.startswith("sampled-sha256:")
        (version,) = {attributes(span)["version"] for span in spans}
        versions.append(version)
    assert versions[0] != versions[1]
    (event,) = instrumented.events()
    assert event.attributes["inferspan.model.previous.version"] == versions[0]
    with pytest.raises(OSError):
        BertModel.from_pretrained(str(tmp_path / "none"))
    (span,) = instrumented.loads()
    assert attributes(span)["error.type"] == "OSError"


def test_a_stream_is_read_by_the_end_of_the_load(telemetry: Telemetry, tmp_path: Path) -> None:
    """Nobody listens to the load, and the application goes on to use its buffer for something else."""
    script(tmp_path / "churn.pt")
    content = (tmp_path / "churn.pt").read_bytes()
    stream = io.BytesIO(content)
    instrumentor = TorchInstrumentor()
    instrumentor.instrument()
    try:
        module = torch.jit.load(stream)
    finally:
        instrumentor.uninstrument()
    stream.seek(0)
    stream.write(b"something else")
    telemetry.instrument(instrumentor)
    with torch.no_grad():
        module(X)
    (span,) = telemetry.spans()
    assert attributes(span)["version"] == hashlib.sha256(content).hexdigest()[:8]


def test_a_model_made_by_hand_has_no_version(instrumented: Telemetry) -> None:
    with torch.no_grad():
        Net().eval()(X)
    (span,) = instrumented.spans()
    assert "version" not in attributes(span)
    assert "digest" not in attributes(span)


def test_the_functions_are_still_themselves(telemetry: Telemetry, tmp_path: Path) -> None:
    originals = (torch.load, torch.jit.load, torch.export.load, torch.export.ExportedProgram.module)
    script(tmp_path / "churn.pt")
    instrumentor = TorchInstrumentor()
    instrumentor.instrument(**telemetry.providers)
    try:
        patched = (torch.load, torch.jit.load, torch.export.load, torch.export.ExportedProgram.module)
        assert [one.__qualname__ for one in patched] == [one.__qualname__ for one in originals]
        assert pickle.loads(pickle.dumps(torch.load)) is torch.load
        kept = torch.jit.load
    finally:
        instrumentor.uninstrument()
    assert (torch.load, torch.jit.load, torch.export.load, torch.export.ExportedProgram.module) == originals
    kept(str(tmp_path / "churn.pt"))
    assert telemetry.loads() == []
