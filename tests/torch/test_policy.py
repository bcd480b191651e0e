# SPDX-License-Identifier: Apache-2.0
"""What counts as an inference, and what only looks like one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
from support.telemetry import Telemetry
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import inferspan
from inferspan.semconv import attributes as names

pytestmark = pytest.mark.filterwarnings(
    "ignore:`torch.jit:FutureWarning",
    "ignore:.*:DeprecationWarning",
    "ignore:You are using the legacy TorchScript-based ONNX export",
)

_X = torch.ones(2, 4)


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout())
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def _spans(telemetry: Telemetry) -> list[str]:
    return [span.name for span in telemetry.spans()]


@pytest.mark.parametrize(
    ("training", "context", "counts", "marked"),
    [
        pytest.param(False, contextlib.nullcontext, True, False, id="evaluation-with-gradients"),
        pytest.param(False, torch.no_grad, True, False, id="evaluation-no_grad"),
        pytest.param(False, torch.inference_mode, True, False, id="evaluation-inference_mode"),
        pytest.param(True, contextlib.nullcontext, False, False, id="training"),
        pytest.param(True, torch.no_grad, True, True, id="training-mode-no_grad"),
        pytest.param(True, torch.inference_mode, True, True, id="training-mode-inference_mode"),
    ],
)
def test_modes(
    instrumented: Telemetry,
    training: bool,
    context: Callable[[], AbstractContextManager[Any]],
    counts: bool,
    marked: bool,
) -> None:
    model = Classifier().train(training)
    with context():
        model(_X)
    spans = instrumented.spans()
    assert [span.name for span in spans] == (["infer Classifier"] if counts else [])
    assert [names.INFERSPAN_PYTORCH_TRAINING in span.attributes for span in spans] == ([marked] if counts else [])


def test_a_frozen_part_of_a_training_model_is_no_inference(instrumented: Telemetry) -> None:
    model = Classifier().train()
    model.body.eval()
    model(_X).sum().backward()
    assert _spans(instrumented) == []


def test_a_teacher_beside_a_training_model_is_an_inference(instrumented: Telemetry) -> None:
    student, teacher = Classifier().train(), Classifier().eval()
    nn.functional.mse_loss(student(_X), teacher(_X)).backward()
    assert _spans(instrumented) == ["infer Classifier"]


class FocalLoss(nn.Module):
    """A loss of the application's own, with a child."""

    def __init__(self) -> None:
        super().__init__()
        self.entropy = nn.CrossEntropyLoss()

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        return self.entropy(scores, labels)


def _transform() -> nn.Module:
    from torchvision.transforms import v2

    return v2.Compose([v2.Resize(8), v2.ToDtype(torch.float32, scale=True)])


def _transform_of_the_application() -> nn.Module:
    from torchvision.transforms import v2

    class Preprocess(v2.Transform):
        def __init__(self) -> None:
            super().__init__()
            self.resize = v2.Resize(8)

        def forward(self, image: Tensor) -> Tensor:
            return self.resize(image)

    return Preprocess()


_IMAGE = torch.zeros(3, 16, 16, dtype=torch.uint8)
_LABELS = torch.zeros(2, dtype=torch.int64)


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        pytest.param(lambda: nn.Linear(4, 2), (_X,), id="layer"),
        pytest.param(nn.Identity, (_X,), id="identity"),
        pytest.param(lambda: nn.Embedding(4, 2), (_LABELS,), id="embedding"),
        pytest.param(lambda: nn.LSTM(4, 2), (_X,), id="recurrent-layer"),
        pytest.param(nn.Sequential, (_X,), id="nothing-in-sequence"),
        pytest.param(nn.CrossEntropyLoss, (_X, _LABELS), id="loss"),
        pytest.param(FocalLoss, (_X, _LABELS), id="own-loss"),
        pytest.param(lambda: torch.compile(nn.Linear(4, 2), backend="eager"), (_X,), id="compiled-layer"),
        pytest.param(torch.ao.quantization.MinMaxObserver, (_X,), id="observer"),
        pytest.param(_transform, (_IMAGE,), id="transform"),
        pytest.param(_transform_of_the_application, (_IMAGE,), id="own-transform"),
    ],
)
@torch.no_grad()
def test_false_roots(instrumented: Telemetry, make: Callable[[], nn.Module], inputs: tuple[Tensor, ...]) -> None:
    module = make().eval()
    module(*inputs)
    assert _spans(instrumented) == []
    inferspan.describe(module, name="named")
    module(*inputs)
    assert _spans(instrumented) == ["infer named"]


@pytest.mark.parametrize(
    ("make", "inputs", "name"),
    [
        (lambda: nn.Sequential(nn.Linear(4, 2), nn.ReLU()), (_X,), "Sequential"),
        (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (_X[None],), "TransformerEncoderLayer"),
        (lambda: type("Bare", (nn.Module,), {"forward": lambda self, x: x + 1})(), (_X,), "Bare"),
    ],
)
def test_small_models(instrumented: Telemetry, make: Callable[[], nn.Module], inputs: Any, name: str) -> None:
    make().eval()(*inputs)
    assert _spans(instrumented) == [f"infer {name}"]


def test_exported_programs_always_count(instrumented: Telemetry) -> None:
    """They are in training mode, and have no ``eval()``."""
    program = torch.export.export(Classifier().eval(), (_X,))
    compiled = torch.compile(program.module(), backend="eager")
    for module in (program.module(), torch.export.unflatten(program), compiled):
        assert module.training
        assert torch.is_grad_enabled()
        module(_X)
        (span,) = instrumented.spans()
        assert span.name == "infer Classifier"
        assert names.INFERSPAN_PYTORCH_TRAINING not in span.attributes


def test_a_replica_is_part_of_the_call_that_scattered_to_it(instrumented: Telemetry) -> None:
    """``DataParallel`` runs replicas on threads of its own, where nothing says that they are inside a call."""
    model = Classifier().eval()
    replica = model._replicate_for_data_parallel()
    replica.forward = model.forward  # parameters are given to a replica by what scatters them
    replica(_X)
    assert _spans(instrumented) == []


@pytest.mark.parametrize("reentrant", [True, False])
def test_recomputation_in_backward_is_no_inference(instrumented: Telemetry, reentrant: bool) -> None:
    x = _X.clone().requires_grad_()
    checkpoint(Classifier().eval(), x, use_reentrant=reentrant).sum().backward()
    assert _spans(instrumented) == ["infer Classifier"]


def test_forward_called_directly(instrumented: Telemetry) -> None:
    """The patched method is not on the way; of the children, those that are models themselves count."""
    Classifier().eval().forward(_X)
    assert _spans(instrumented) == ["infer Sequential"]


def test_export_to_onnx_is_no_inference(instrumented: Telemetry, tmp_path: Path) -> None:
    model = Classifier().eval()
    torch.onnx.export(model, (_X,), dynamo=True, verbose=False)
    torch.onnx.export(model, (_X,), tmp_path / "legacy.onnx", dynamo=False)
    with torch.no_grad():
        torch.onnx.export(model, (_X,), tmp_path / "legacy.onnx", dynamo=False)
    assert _spans(instrumented) == []


def test_a_description_after_the_first_call(instrumented: Telemetry) -> None:
    model = Classifier().eval()
    model(_X)
    inferspan.describe(model, name="fraud", version="3", features=["a", "b", "c", "d"])
    model(_X)
    first, second = instrumented.spans()
    assert (first.name, second.name) == ("infer Classifier", "infer fraud")
    assert second.attributes[names.INFERSPAN_MODEL_VERSION] == "3"
    assert {"a", "b", "c", "d"} <= {*second.attributes[names.INPUT.names]}


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
def test_without_cuda_it_is_not_asked_for(instrumented: Telemetry) -> None:
    """A build for CUDA raises without a driver, and asking could initialise it."""
    Classifier().eval()(_X)
    assert _spans(instrumented) == ["infer Classifier"]
    assert not torch.cuda.is_initialized()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_capture_of_a_cuda_graph_is_no_inference(instrumented: Telemetry) -> None:
    model, x = Classifier().eval().cuda(), _X.cuda()
    stream = torch.cuda.Stream()
    with torch.no_grad(), torch.cuda.stream(stream):
        model(x)
        assert _spans(instrumented) == ["infer Classifier"]
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            model(x)
    graph.replay()
    torch.cuda.synchronize()
    assert _spans(instrumented) == []
