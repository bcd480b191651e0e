# SPDX-License-Identifier: Apache-2.0
"""What libraries prepare a model's input with is a stage: its duration always, a child span inside a sampled trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from inferspan_instrumentors.torch import TorchInstrumentor
from inferspan_instrumentors.torchvision import TorchvisionInstrumentor
from inferspan_instrumentors.transformers import TransformersInstrumentor
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from support.telemetry import Telemetry
from torch.utils.data import DataLoader, Dataset

import inferspan
from inferspan import api, pipeline
from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import SystemName
from inferspan.semconv.metrics import INFERSPAN_STAGE_DURATION

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
transforms = pytest.importorskip("torchvision.transforms", reason="torchvision is not installed")
v2 = pytest.importorskip("torchvision.transforms.v2", reason="torchvision is not installed")
presets = pytest.importorskip("torchvision.transforms._presets", reason="torchvision is not installed")

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:.*:DeprecationWarning")

_INSTRUMENTORS = (TorchInstrumentor, TorchvisionInstrumentor, TransformersInstrumentor)
_IMAGE = torch.linspace(0, 1, 3 * 8 * 8).reshape(3, 8, 8)
_ARRAY = (_IMAGE.permute(1, 2, 0).numpy() * 255).astype(np.uint8)


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Telemetry:
    for instrumentor in _INSTRUMENTORS:
        telemetry.instrument(instrumentor())
    return telemetry


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    raw = Tokenizer(models.WordLevel({"<unk>": 0, "cat": 1, "dog": 2}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", pad_token="<unk>")


def _image_processor() -> Any:
    return transformers.ViTImageProcessor(size={"height": 4, "width": 4})


def _feature_extractor() -> Any:
    return transformers.Wav2Vec2FeatureExtractor()


class _Both(transformers.ProcessorMixin):
    """A processor as many models have one: a ``__call__`` of its own, which calls its parts."""

    def __init__(self) -> None:
        self.image_processor, self.tokenizer = _image_processor(), _tokenizer()

    def __call__(self, images: Any, text: str) -> dict[str, Any]:
        return {**self.tokenizer(text), **self.image_processor(images)}


_CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "a composition": (
        lambda: transforms.Compose([transforms.Resize(4), transforms.Normalize([0.5] * 3, [0.5] * 3)])(_IMAGE),
        "preprocess",
    ),
    "compositions in a composition": (
        lambda: transforms.Compose([transforms.Compose([transforms.Resize(4)]), v2.Compose([v2.Resize(4)])])(_IMAGE),
        "preprocess",
    ),
    "a composition, version 2": (
        lambda: v2.Compose([v2.Resize(4), v2.Compose([v2.ToDtype(torch.float32, scale=True)])])(_IMAGE),
        "preprocess",
    ),
    "transforms in a container of torch": (
        lambda: v2.Compose([torch.nn.Sequential(transforms.Resize(4), transforms.CenterCrop(2))])(_IMAGE),
        "preprocess",
    ),
    "a transform": (lambda: v2.Resize(4)(_IMAGE), "preprocess"),
    "a preset": (lambda: presets.ImageClassification(crop_size=4, resize_size=6)(_IMAGE), "preprocess"),
    "a tokenizer": (lambda: _tokenizer()("cat dog"), "tokenize"),
    "an image processor": (lambda: _image_processor()(_ARRAY), "preprocess"),
    "a feature extractor": (lambda: _feature_extractor()([0.1] * 400, sampling_rate=16000), "preprocess"),
    "a processor": (lambda: _Both()(_ARRAY, "cat"), "preprocess"),
}


@pytest.mark.parametrize("case", _CALLS)
def test_the_outermost_call_is_a_stage(instrumented: Telemetry, case: str) -> None:
    call, name = _CALLS[case]
    tracer = instrumented.tracer_provider.get_tracer("application")
    with tracer.start_as_current_span("request"):
        call()
    stage, request = sorted(instrumented.spans(), key=lambda span: span.name == "request")
    assert (stage.name, request.name) == (name, "request")
    assert stage.parent.span_id == request.context.span_id
    assert dict(stage.attributes) == {names.INFERSPAN_STAGE_NAME: name}
    (point,) = instrumented.points(INFERSPAN_STAGE_DURATION)
    assert (point.count, dict(point.attributes)) == (1, {names.INFERSPAN_STAGE_NAME: name})


def _plain(value: Any) -> Any:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return np.asarray(value).tolist()
    if hasattr(value, "items"):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", _CALLS)
def test_results_are_as_without_us(telemetry: Telemetry, case: str) -> None:
    call, _ = _CALLS[case]
    expected = call()
    for instrumentor in _INSTRUMENTORS:
        telemetry.instrument(instrumentor())
    result = call()
    assert type(result) is type(expected)
    assert _plain(result) == _plain(expected)


def test_outside_a_trace_there_is_no_span(instrumented: Telemetry) -> None:
    v2.Compose([v2.Resize(4)])(_IMAGE)
    _tokenizer()("cat")
    assert instrumented.spans() == []
    counts = {p.attributes[names.INFERSPAN_STAGE_NAME]: p.count for p in instrumented.points(INFERSPAN_STAGE_DURATION)}
    assert counts == {"preprocess": 1, "tokenize": 1}


def test_an_unsampled_trace_has_durations() -> None:
    with Telemetry(sampler=ALWAYS_OFF) as telemetry:
        telemetry.instrument(TransformersInstrumentor())
        with telemetry.tracer_provider.get_tracer("application").start_as_current_span("request"):
            _tokenizer()("cat")
        assert telemetry.spans() == []
        (point,) = telemetry.points(INFERSPAN_STAGE_DURATION)
        assert point.count == 1


class _Failing(torch.nn.Module):
    def forward(self, image: Any) -> Any:
        raise ValueError("no image")


@pytest.mark.parametrize("container", [transforms.Compose, v2.Compose])
def test_a_failing_stage(instrumented: Telemetry, container: Any) -> None:
    with pytest.raises(ValueError, match="no image"):
        container([_Failing()])(_IMAGE)
    (point,) = instrumented.points(INFERSPAN_STAGE_DURATION)
    assert point.attributes[names.ERROR_TYPE] == "ValueError"


def test_inside_a_stage_of_the_application(instrumented: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is part of that: what takes time is not counted twice."""
    recorder = pipeline.recorder(api.SCOPE, system=SystemName.OTHER, **instrumented.providers)
    monkeypatch.setattr(api, "_recorder", recorder)
    with instrumented.tracer_provider.get_tracer("application").start_as_current_span("request"):
        with inferspan.stage("prepare"):
            _tokenizer()("cat")
            v2.Resize(4)(_IMAGE)
        _tokenizer()("dog")
    assert {span.name for span in instrumented.spans()} == {"prepare", "tokenize", "request"}
    points = instrumented.points(INFERSPAN_STAGE_DURATION)
    assert {p.attributes[names.INFERSPAN_STAGE_NAME]: p.count for p in points} == {"prepare": 1, "tokenize": 1}


def test_inside_a_model_it_is_part_of_the_inference(instrumented: Telemetry) -> None:
    class PreparesItself(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.prepare = presets.ImageClassification(crop_size=4, resize_size=4)
            self.layer = torch.nn.Linear(4, 2)

        def forward(self, image: Any) -> Any:
            return self.layer(self.prepare(image))

    PreparesItself().eval()(_IMAGE)
    assert [span.name for span in instrumented.spans()] == ["infer PreparesItself"]
    assert instrumented.points(INFERSPAN_STAGE_DURATION) == []


def test_switched_off(instrumented: Telemetry) -> None:
    pipeline.configure(raise_faults=True, automatic_stages=False)
    for call, _ in _CALLS.values():
        call()
    assert instrumented.points(INFERSPAN_STAGE_DURATION) == []


def test_a_class_that_is_defined_later(instrumented: Telemetry) -> None:
    class Windows(transformers.SequenceFeatureExtractor):
        def __init__(self) -> None:
            super().__init__(feature_size=1, sampling_rate=1, padding_value=0.0)

        def __call__(self, values: list[float]) -> Any:
            """Cuts."""
            return values

    values = [1.0]
    assert Windows()(values) is values
    assert Windows.__call__.__doc__ == "Cuts."
    (point,) = instrumented.points(INFERSPAN_STAGE_DURATION)
    assert point.attributes[names.INFERSPAN_STAGE_NAME] == "preprocess"


# -- where data is loaded, compiled or traced ------------------------------------------------------------------------


class _Spans(Dataset[int]):
    """Its items are the spans that are current inside a transform."""

    _transform = transforms.Compose([lambda _: trace.get_current_span().get_span_context().span_id])

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return self._transform(index)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_not_in_the_workers_of_a_data_loader(instrumented: Telemetry) -> None:
    with instrumented.tracer_provider.get_tracer("application").start_as_current_span("request") as span:
        request = span.get_span_context().span_id
        loaded = DataLoader(_Spans(), batch_size=None, num_workers=1, multiprocessing_context="fork")
        assert list(loaded) == [request, request]
        assert request not in list(DataLoader(_Spans(), batch_size=None))
    (point,) = instrumented.points(INFERSPAN_STAGE_DURATION)
    assert point.count == 2


@pytest.mark.parametrize(
    "transform",
    [transforms.Compose([transforms.CenterCrop(4)]), v2.Compose([v2.CenterCrop(4)]), v2.CenterCrop(4)],
    ids=["composition", "composition, version 2", "transform"],
)
def test_compiled_code_has_no_stages(instrumented: Telemetry, transform: Any) -> None:
    def prepare(image: Any) -> Any:
        return transform(image) * 2

    compiled = torch.compile(prepare, backend="eager", fullgraph=True)
    assert torch.equal(compiled(_IMAGE), prepare(_IMAGE))
    (point,) = instrumented.points(INFERSPAN_STAGE_DURATION)
    assert point.count == 1


def test_presets_can_be_scripted(instrumented: Telemetry) -> None:
    preset = presets.ImageClassification(crop_size=4, resize_size=6)
    assert torch.equal(torch.jit.script(preset)(_IMAGE), preset(_IMAGE))


# -- undone ----------------------------------------------------------------------------------------------------------


def _calls() -> Iterator[Any]:
    for cls in (
        transforms.Compose,
        v2.Compose,
        transformers.PreTrainedTokenizerBase,
        transformers.ProcessorMixin,
        transformers.Wav2Vec2FeatureExtractor,
        type(_image_processor()),
        _Both,
    ):
        yield cls.__call__
    yield vars(transformers.ProcessorMixin).get("__init_subclass__")


def test_it_is_undone(telemetry: Telemetry) -> None:
    before = list(_calls())
    for instrumentor in _INSTRUMENTORS:
        instrumentor().instrument(**telemetry.providers)
    during = list(_calls())
    for instrumentor in reversed(_INSTRUMENTORS):
        instrumentor().uninstrument()
    assert list(_calls()) == before
    assert all(one is not other for one, other in zip(before, during, strict=True))
