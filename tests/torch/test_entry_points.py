# SPDX-License-Identifier: Apache-2.0
"""Every way into a torch model makes one span, with the model's name and the names of what goes in and out."""

from __future__ import annotations

import io
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from opentelemetry.trace import SpanKind
from support.telemetry import Telemetry
from torch import Tensor, nn

import inferspan
from inferspan import clock
from inferspan._version import __version__
from inferspan.semconv import attributes as names
from inferspan.semconv.schema import SCHEMA_URL

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:.*:DeprecationWarning")

_X = torch.linspace(-1, 1, 8).reshape(2, 4)


class Scorer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, features: Tensor) -> Tensor:
        return self.layer(features)


def _scorer() -> Scorer:
    return Scorer().eval()


def _compiled_in_place() -> nn.Module:
    model = _scorer()
    model.compile(backend="eager", fullgraph=True)
    return model


def _loaded_script() -> nn.Module:
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(_scorer()), file)
    file.seek(0)
    return torch.jit.load(file)


def _exported() -> torch.export.ExportedProgram:
    return torch.export.export(_scorer(), (_X,))


def _loaded_program() -> nn.Module:
    file = io.BytesIO()
    torch.export.save(_exported(), file)
    file.seek(0)
    return torch.export.load(file).module()


@pytest.mark.parametrize(
    ("make", "model_format", "input_name"),
    [
        pytest.param(_scorer, None, "features", id="eager"),
        pytest.param(lambda: torch.compile(_scorer(), backend="eager"), None, "features", id="compiled"),
        pytest.param(_compiled_in_place, None, "features", id="compiled-in-place"),
        pytest.param(lambda: nn.DataParallel(_scorer()), None, "features", id="data-parallel"),
        pytest.param(lambda: torch.fx.symbolic_trace(_scorer()), None, "features", id="fx"),
        pytest.param(lambda: torch.jit.script(_scorer()), "torchscript", "features", id="scripted"),
        pytest.param(lambda: torch.jit.trace(_scorer(), _X), "torchscript", "features", id="traced"),
        pytest.param(_loaded_script, "torchscript", "features", id="script-loaded"),
        pytest.param(lambda: torch.jit.freeze(_loaded_script()), "torchscript", "features", id="script-frozen"),
        pytest.param(lambda: _exported().module(), "exported_program", "features", id="exported"),
        pytest.param(_loaded_program, "exported_program", "features", id="exported-loaded"),
        # The unflattened module takes what it is given without saying what it is called.
        pytest.param(lambda: torch.export.unflatten(_exported()), "exported_program", "input.0", id="unflattened"),
    ],
)
def test_one_span(instrumented: Telemetry, make: Callable[[], Any], model_format: str | None, input_name: str) -> None:
    model = make()
    assert instrumented.spans() == []  # making it is no inference, even where it is run for that
    model(_X)
    (span,) = instrumented.spans()
    assert span.name == "infer Scorer"
    assert span.attributes.get(names.INFERSPAN_MODEL_FORMAT) == model_format
    assert span.attributes[names.INPUT.names] == (input_name,)
    assert span.attributes[names.INPUT.shapes] == ("2x4",)
    assert span.attributes[names.OUTPUT.names] == ("output",)
    assert span.attributes[names.INFERSPAN_EXECUTION_DEVICE] == "cpu"


@pytest.fixture
def process_group() -> Iterator[None]:
    import torch.distributed as dist

    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
@pytest.mark.usefixtures("process_group")
def test_distributed_data_parallel(instrumented: Telemetry) -> None:
    model = nn.parallel.DistributedDataParallel(_scorer()).eval()
    model(_X)
    assert [span.name for span in instrumented.spans()] == ["infer Scorer"]


# -- names -------------------------------------------------------------------------------------------------------


class Mixed(nn.Module):
    """Takes and returns values in many shapes."""

    def forward(self, first: Tensor, second: Any = None, *rest: Any, flag: bool = False, **named: Any) -> Any:
        return {"scores": first, "extra": (second, *rest), "named": named}


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ((_X,), {}, ["first"]),
        ((), {"first": _X, "flag": True}, ["first", "flag"]),
        ((_X, [_X, _X]), {}, ["first", "second.0", "second.1"]),
        ((_X, {"ids": _X, "mask": _X}), {}, ["first", "ids", "mask"]),
        ((_X, 1, _X), {"more": _X}, ["first", "second", "input.2", "more"]),
    ],
)
def test_input_names(instrumented: Telemetry, args: Any, kwargs: Any, expected: list[str]) -> None:
    Mixed().eval()(*args, **kwargs)
    (span,) = instrumented.spans()
    assert list(span.attributes[names.INPUT.names]) == expected


def test_output_names(instrumented: Telemetry) -> None:
    Mixed().eval()(_X, _X, more=_X)
    (span,) = instrumented.spans()
    assert span.attributes[names.OUTPUT.names] == ("scores", "extra.0", "more")


def test_a_generator_is_named_and_left_alone(instrumented: Telemetry) -> None:
    """Its body runs after the call, at its consumer's pace."""

    class Streaming(nn.Module):
        def forward(self, x: Tensor) -> Iterator[Tensor]:
            yield x
            yield x + 1

    assert len(list(Streaming().eval()(_X))) == 2
    (span,) = instrumented.spans()
    assert span.attributes[names.OUTPUT.notes] == ("output: generator is not read",)


def test_a_model_is_called_what_its_author_says(instrumented: Telemetry) -> None:
    compiled, inner = torch.compile(_scorer(), backend="eager"), _scorer()
    wrapped = nn.DataParallel(inner)
    inferspan.describe(compiled, name="compiled", version="1")
    inferspan.describe(inner, name="inner")
    compiled(_X)
    wrapped(_X)
    inner(_X)
    assert [span.name for span in instrumented.spans()] == ["infer compiled", "infer inner", "infer inner"]


def test_two_classes_of_one_name(instrumented: Telemetry) -> None:
    other = type("Scorer", (Scorer,), {"__module__": "elsewhere", "__qualname__": "Scorer"})
    _scorer()(_X)
    other().eval()(_X)
    first, second = (span.attributes[names.INFERSPAN_MODEL_NAME] for span in instrumented.spans())
    assert first == "Scorer"
    assert second.startswith("Scorer-")


# -- transformers ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def language_model() -> Any:
    """GPT-2 as small as it goes, with random weights."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=32, n_positions=32, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=1, pad_token_id=1
    )
    config._name_or_path = "someone/tiny"
    return transformers.GPT2LMHeadModel(config).eval()


_IDS = torch.tensor([[2, 3, 4]])


def test_a_generation_is_one_span(instrumented: Telemetry, language_model: Any) -> None:
    result = language_model.generate(input_ids=_IDS, max_new_tokens=4, min_new_tokens=4, do_sample=False)
    assert result.shape == (1, 7)
    (span,) = instrumented.spans()
    assert span.name == "generate someone/tiny"
    assert span.attributes[names.INFERSPAN_OPERATION_NAME] == "generate"
    assert span.attributes[names.INPUT.names][0] == "input_ids"
    assert span.attributes[names.OUTPUT.shapes] == ("1x7",)
    assert instrumented.points("inferspan.inference.duration")[0].count == 1


def test_a_failing_generation(instrumented: Telemetry, language_model: Any) -> None:
    with pytest.raises(ValueError):
        language_model.generate(_IDS, nothing_that_it_takes=1)
    language_model(_IDS)
    failed, after = instrumented.spans()
    assert failed.attributes[names.ERROR_TYPE] == "ValueError"
    assert after.name == "infer someone/tiny"


def test_model_outputs_and_encodings(instrumented: Telemetry, language_model: Any) -> None:
    from transformers import BatchEncoding

    encoding = BatchEncoding({"input_ids": _IDS, "attention_mask": torch.ones_like(_IDS)})
    language_model(**encoding, labels=_IDS)
    (span,) = instrumented.spans()
    assert span.attributes[names.INPUT.names] == ("input_ids", "attention_mask", "labels")
    assert span.attributes[names.OUTPUT.names][:2] == ("loss", "logits")
    assert span.attributes[names.OUTPUT.shapes][:2] == ("", "1x3x32")

    class Wrapping(nn.Module):
        def forward(self, batch: Any) -> Any:
            return language_model(**batch)

    Wrapping().eval()(encoding)
    (span,) = instrumented.spans()
    assert span.name == "infer Wrapping"
    assert span.attributes[names.INPUT.names] == ("input_ids", "attention_mask")
    assert span.attributes[names.OUTPUT.names][0] == "logits"


# -- AOTInductor -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("g++") is None:
        pytest.skip("AOTInductor needs a C++ compiler: there is no g++")
    path = tmp_path_factory.mktemp("models") / "scorer.pt2"
    # Seconds less of g++: how fast the model runs is not what is tested.
    options = {"aot_inductor.compile_wrapper_opt_level": "O0"}
    torch._inductor.aoti_compile_and_package(_exported(), package_path=str(path), inductor_configs=options)
    return path


def test_a_package_is_named_after_its_file(instrumented: Telemetry, package: Path) -> None:
    model = torch._inductor.aoti_load_package(str(package))
    result = model(_X)
    load, span = instrumented.spans_and_loads()
    assert (load.name, span.name) == ("load scorer", "infer scorer")
    assert load.attributes[names.INFERSPAN_MODEL_SIZE] == package.stat().st_size
    assert load.attributes[names.INFERSPAN_MODEL_DIGEST] == span.attributes[names.INFERSPAN_MODEL_DIGEST]
    assert span.attributes[names.INFERSPAN_MODEL_FORMAT] == "aotinductor"
    assert span.attributes[names.INFERSPAN_EXECUTION_DEVICE] == "cpu"
    assert span.attributes[names.INPUT.shapes] == ("2x4",)
    assert span.attributes[names.OUTPUT.shapes] == ("2x2",)
    assert result.shape == (2, 2)


def test_a_package_in_a_repository_of_models(instrumented: Telemetry, package: Path, tmp_path: Path) -> None:
    path = tmp_path / "fraud" / "7" / "model.pt2"
    path.parent.mkdir(parents=True)
    shutil.copy(package, path)
    torch._inductor.aoti_load_package(path)(_X)
    (span,) = instrumented.spans()
    assert span.name == "infer fraud"
    assert span.attributes[names.INFERSPAN_MODEL_VERSION] == "7"


def test_a_package_from_a_stream(instrumented: Telemetry, package: Path) -> None:
    """It goes through a temporary file, whose name says nothing."""
    with package.open("rb") as stream:
        model = torch._inductor.aoti_load_package(stream)
    model(_X)
    inferspan.describe(model, name="streamed")
    model(_X)
    assert [span.name for span in instrumented.spans()] == ["infer AOTICompiledModel", "infer streamed"]


def test_a_failing_package(instrumented: Telemetry, package: Path) -> None:
    model = torch._inductor.aoti_load_package(str(package))
    with pytest.raises(RuntimeError):
        model("no tensor")
    (span,) = instrumented.spans()
    assert span.attributes[names.ERROR_TYPE] == "RuntimeError"


# -- the whole span ----------------------------------------------------------------------------------------------


def test_whole_span(instrumented: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(1_000, 1_000)
    monkeypatch.setattr(clock, "wall", lambda: 1_700_000_000_000_000_000)
    monkeypatch.setattr(clock, "monotonic", lambda: next(ticks))
    model = _scorer()
    with torch.no_grad():
        model.layer.weight.fill_(0.5)
        model.layer.bias.fill_(1.0)
    features = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    features[0, 0] = float("nan")
    with instrumented.tracer_provider.get_tracer("app").start_as_current_span("request"):
        model(features)
    span, request = sorted(instrumented.spans(), key=lambda one: one.name)
    assert span.parent == request.context
    assert (span.context.trace_id, span.context.span_id) == (1, 2)
    assert span.kind is SpanKind.INTERNAL
    scope = span.instrumentation_scope
    assert (scope.name, scope.version, scope.schema_url) == ("inferspan_instrumentors.torch", __version__, SCHEMA_URL)
    document = json.loads(span.to_json())
    assert {key: document[key] for key in ("name", "status", "events", "links")} == {
        "name": "infer Scorer",
        "status": {"status_code": "UNSET"},
        "events": [],
        "links": [],
    }
    # It starts after its inputs were profiled, and ends before its outputs are.
    assert (span.start_time, span.end_time) == (1_700_000_000_000_003_000, 1_700_000_000_000_004_000)
    assert document["attributes"] == {
        "inferspan.operation.name": "infer",
        "inferspan.system.name": "pytorch",
        "inferspan.model.name": "Scorer",
        "inferspan.execution.device": "cpu",
        "inferspan.batch.size": 3,
        "inferspan.cold": True,
        "inferspan.anomalies": [
            "features.0: 33.3 % missing",
            "output: 33.3 % missing",
            "features: 8.33 % missing",
        ],
        "inferspan.input.field.count": 2,
        "inferspan.input.names": ["features", "features.0"],  # of a table's columns those with something missing
        "inferspan.input.types": ["float32", "float32"],
        "inferspan.input.shapes": ["3x4", "3"],
        "inferspan.input.profile.counts": [12, 3],
        "inferspan.input.profile.missing_counts": [1, 1],
        "inferspan.input.profile.infinite_counts": [0, 0],
        "inferspan.input.profile.zero_counts": [0, 0],
        "inferspan.input.profile.means": [6.0, None],
        "inferspan.input.profile.standard_deviations": [pytest.approx(10**0.5), None],
        "inferspan.input.profile.missing_ratio_max": pytest.approx(1 / 3),
        "inferspan.input.profile.missing_ratio_max_field": "features.0",
        "inferspan.input.profile.infinite_ratio_max": 0.0,
        "inferspan.output.field.count": 1,
        "inferspan.output.names": ["output"],
        "inferspan.output.types": ["float32"],
        "inferspan.output.shapes": ["3x2"],
        "inferspan.output.profile.counts": [6],  # too few for statistics that would show them
        "inferspan.output.profile.missing_counts": [2],
        "inferspan.output.profile.infinite_counts": [0],
        "inferspan.output.profile.zero_counts": [0],
        "inferspan.output.profile.missing_ratio_max": pytest.approx(1 / 3),
        "inferspan.output.profile.missing_ratio_max_field": "output",
        "inferspan.output.profile.infinite_ratio_max": 0.0,
    }
