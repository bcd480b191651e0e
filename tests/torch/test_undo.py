# SPDX-License-Identifier: Apache-2.0
"""Instrumenting again, and taking it back: every attribute as it was, and nothing recorded."""

from __future__ import annotations

import functools
import importlib
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from inferspan_instrumentors.torch import TorchInstrumentor
from support.telemetry import Telemetry
from torch import Tensor, nn

#: Everything of others that is set while torch is instrumented.
PATCHED = (
    ("torch.nn", "Module", "__call__"),
    ("torch.nn", "Module", "_wrapped_call_impl"),
    ("torch._dynamo.utils", None, "unpatched_nn_module_call"),
    ("torch._dynamo.variables.nn_module", None, "unpatched_nn_module_call"),
    ("torch.jit._trace", None, "_check_trace"),
    ("torch.export.pt2_archive._package", "AOTICompiledModel", "__call__"),
    ("torch.export.pt2_archive._package", None, "_load_aoti"),
    ("torch.jit", None, "load"),
    ("torch.jit._serialization", None, "load"),
    ("torch", None, "load"),
    ("torch.serialization", None, "load"),
    ("torch.export", None, "load"),
    ("torch.export.exported_program", "ExportedProgram", "module"),
    ("transformers.modeling_utils", "PreTrainedModel", "from_pretrained"),
    ("transformers.generation.utils", "GenerationMixin", "generate"),
    ("transformers.generation.utils", "GenerationMixin", "_has_unfinished_sequences"),
    ("transformers.generation.utils", "GenerationMixin", "_validate_generated_length"),
)


class Adder(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1


def _call() -> None:
    Adder().eval()(torch.ones(2))


def _state() -> dict[Any, Any]:
    found = {}
    for module, owner, name in PATCHED:
        place = importlib.import_module(module)
        found[module, owner, name] = vars(getattr(place, owner) if owner else place)[name]
    return found


@pytest.fixture
def instrumentor() -> Iterator[TorchInstrumentor]:
    one = TorchInstrumentor()
    yield one
    if one.is_instrumented_by_opentelemetry:
        one.uninstrument()


def test_every_attribute_is_as_it_was(telemetry: Telemetry, instrumentor: TorchInstrumentor) -> None:
    before = _state()
    instrumentor.instrument(**telemetry.providers)
    during = _state()
    assert [key for key in before if during[key] is before[key]] == []
    instrumentor.uninstrument()
    assert _state() == before
    _call()
    assert telemetry.spans() == []


def test_nothing_else_is_set(telemetry: Telemetry, instrumentor: TorchInstrumentor) -> None:
    def everything() -> set[tuple[str, str, int]]:
        modules = {name: module for name, module in sys.modules.items() if name.startswith("torch.")}
        owners = {**modules, "torch.nn.Module": nn.Module}
        return {
            (owner, name, id(value))
            for owner, place in list(owners.items())
            for name, value in list(vars(place).items())
            if callable(value)
        }

    _state()  # imports what is patched
    before = everything()
    instrumentor.instrument(**telemetry.providers)
    changed = {(owner, name) for owner, name, _ in everything() ^ before}
    expected = {(".".join(filter(None, (module, owner))), name) for module, owner, name in PATCHED}
    assert changed <= expected
    instrumentor.uninstrument()
    assert everything() == before


def test_instrumented_twice_is_instrumented_once(
    telemetry: Telemetry, instrumentor: TorchInstrumentor, caplog: pytest.LogCaptureFixture
) -> None:
    before = _state()
    instrumentor.instrument(**telemetry.providers)
    TorchInstrumentor().instrument(**telemetry.providers)
    assert "already instrumented" in caplog.text
    _call()
    assert len(telemetry.spans()) == 1
    instrumentor.uninstrument()
    assert _state() == before


def test_instrumented_again(telemetry: Telemetry, instrumentor: TorchInstrumentor) -> None:
    before = _state()
    for _ in range(3):
        instrumentor.instrument(**telemetry.providers)
        _call()
        assert len(telemetry.spans()) == 1
        instrumentor.uninstrument()
        _call()
        assert telemetry.spans() == []
    assert _state() == before


@pytest.fixture
def restored() -> Iterator[None]:
    """Whatever a test leaves on ``Module``, it is torch's own again."""
    before = nn.Module.__call__
    yield
    nn.Module.__call__ = before


@pytest.mark.usefixtures("restored")
def test_another_tools_patch_stays(telemetry: Telemetry, instrumentor: TorchInstrumentor) -> None:
    """It calls what it found, which was ours: that records nothing any more, until it is instrumented again."""
    instrumentor.instrument(**telemetry.providers)
    ours = nn.Module.__call__
    seen: list[str] = []

    def theirs(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        seen.append(type(self).__name__)
        return ours(self, *args, **kwargs)

    nn.Module.__call__ = theirs
    _call()
    assert (len(telemetry.spans()), len(seen)) == (1, 1)
    instrumentor.uninstrument()
    assert nn.Module.__call__ is theirs
    _call()
    assert (telemetry.spans(), len(seen)) == ([], 2)

    instrumentor.instrument(**telemetry.providers)
    _call()
    assert (len(telemetry.spans()), len(seen)) == (1, 3)
    instrumentor.uninstrument()
    assert nn.Module.__call__ is theirs


@pytest.mark.usefixtures("restored")
def test_a_patch_that_was_there_before_is_called_through(telemetry: Telemetry, instrumentor: TorchInstrumentor) -> None:
    """For every module of a model, though by its looks it is torch's own function."""
    seen: list[str] = []
    found = nn.Module.__call__

    @functools.wraps(found)
    def theirs(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        seen.append(type(self).__name__)
        return found(self, *args, **kwargs)

    nn.Module.__call__ = theirs
    instrumentor.instrument(**telemetry.providers)
    nn.Sequential(Adder(), Adder()).eval()(torch.ones(2))
    assert seen == ["Sequential", "Adder", "Adder"]
    assert [span.name for span in telemetry.spans()] == ["infer Sequential"]
    instrumentor.uninstrument()
    assert nn.Module.__call__ is theirs


_LOAD = """
import pickle, sys
sys.modules["inferspan"] = sys.modules["inferspan_instrumentors"] = None
import torch
with open(sys.argv[1], "rb") as file:
    models = [pickle.load(file)]
models += [torch.load(sys.argv[2], weights_only=False), torch.jit.load(sys.argv[3])]
models += [torch.export.load(sys.argv[4]).module()]
assert all(torch.equal(model(torch.ones(2, 4)), models[0](torch.ones(2, 4))) for model in models)
print(len(models))
"""


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_what_was_saved_while_instrumented_is_loaded_without_us(instrumented: Telemetry, tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 2), nn.ReLU()).eval()
    x = torch.ones(2, 4)
    model(x)
    files = [str(tmp_path / name) for name in ("pickle", "saved", "script", "program.pt2")]
    Path(files[0]).write_bytes(pickle.dumps(model))
    torch.save(model, files[1])
    torch.jit.save(torch.jit.script(model), files[2])
    torch.export.save(torch.export.export(model, (x,)), files[3])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _LOAD, *files], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("4", 0), done.stderr
