# SPDX-License-Identifier: Apache-2.0
"""Sessions as they are loaded: a span and a duration, versions by digest, and swaps under load."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from inferspan_instrumentors.onnxruntime import OnnxRuntimeInstrumentor
from opentelemetry import context, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode
from support.onnx_models import adding
from support.telemetry import Telemetry

from inferspan import identity, pipeline

X = np.zeros((8, 2), np.float32)


@pytest.fixture(autouse=True)
def nobody_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is taken by another test's model."""
    monkeypatch.setattr(identity, "_claims", {})


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Telemetry:
    telemetry.instrument(OnnxRuntimeInstrumentor())
    return telemetry


def save(folder: Path, number: float, name: str = "churn.onnx") -> str:
    """Puts a model in its place as a deployment does: at once."""
    folder.mkdir(exist_ok=True)
    onnx.save(adding(number), folder / f"{name}.new")
    os.replace(folder / f"{name}.new", folder / name)
    return str(folder / name)


def load(source: Any) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def infer(session: ort.InferenceSession) -> float:
    results: Any = session.run(None, {"x": X})
    return float(results[0][0, 0])


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return {
        key.removeprefix("inferspan.").removeprefix("model."): value for key, value in (span.attributes or {}).items()
    }


def durations(telemetry: Telemetry) -> list[dict[str, Any]]:
    return [dict(point.attributes) for point in telemetry.points("inferspan.model.load.duration")]


# -- the span ----------------------------------------------------------------------------------------------------------


def test_a_load_is_a_span_and_a_duration(instrumented: Telemetry, tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    session = load(path)
    (span,) = instrumented.loads()
    content = Path(path).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert (span.name, span.kind.name, span.status.status_code) == ("load churn", "INTERNAL", StatusCode.UNSET)
    assert attributes(span) == {
        "operation.name": "load",
        "system.name": "onnxruntime",
        "name": "churn",
        "version": digest[:8],
        "format": "onnx",
        "digest": f"sha256:{digest}",
        "size": len(content),
    }
    (point,) = instrumented.points("inferspan.model.load.duration")
    assert dict(point.attributes) == {
        "inferspan.operation.name": "load",
        "inferspan.system.name": "onnxruntime",
        "inferspan.model.name": "churn",
        "inferspan.model.version": digest[:8],
    }
    assert point.count == 1
    assert point.sum * 1e9 == pytest.approx((span.end_time or 0) - (span.start_time or 0))
    assert instrumented.points("inferspan.inference.duration") == []
    assert instrumented.points("inferspan.inference.active") == []
    assert infer(session) == 1


def test_from_bytes(instrumented: Telemetry) -> None:
    content = adding(1, graph="churn_scores").SerializeToString()
    infer(load(content))
    span, inference = instrumented.spans_and_loads()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert (span.name, attributes(span)["size"], attributes(span)["digest"]) == (
        "load churn_scores",
        len(content),
        digest,
    )
    assert attributes(inference)["digest"] == digest
    assert attributes(inference)["version"] == digest.removeprefix("sha256:")[:8]


def test_in_the_runtimes_own_format(instrumented: Telemetry, tmp_path: Path) -> None:
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "fast.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(save(tmp_path, 1), options, providers=["CPUExecutionProvider"])
    load(str(tmp_path / "fast.ort"))
    load((tmp_path / "fast.ort").read_bytes())
    assert [attributes(span)["format"] for span in instrumented.loads()] == ["onnx", "ort", "ort"]


class Wrapped(ort.InferenceSession):
    def __init__(self, path: str, *, number: int) -> None:
        super().__init__(path, providers=["CPUExecutionProvider"])
        self.number = number


def test_subclasses(instrumented: Telemetry, tmp_path: Path) -> None:
    session = Wrapped(save(tmp_path, 2), number=7)
    assert (infer(session), session.number) == (2, 7)
    assert [span.name for span in instrumented.spans_and_loads()] == ["load churn", "infer churn"]


def test_keyword_arguments(instrumented: Telemetry, tmp_path: Path) -> None:
    infer(ort.InferenceSession(path_or_bytes=Path(save(tmp_path, 2)), providers=["CPUExecutionProvider"]))
    assert [span.name for span in instrumented.spans_and_loads()] == ["load churn", "infer churn"]


@pytest.mark.parametrize("defer", [True, False])
@pytest.mark.parametrize("what", ["missing", "broken", "bytes", "nothing"])
def test_a_failing_load(instrumented: Telemetry, tmp_path: Path, what: str, defer: bool) -> None:
    pipeline.configure(defer=defer)
    (tmp_path / "broken.onnx").write_bytes(b"broken")
    source: Any = {"bytes": b"broken", "nothing": None}.get(what, str(tmp_path / f"{what}.onnx"))
    with pytest.raises(Exception) as raised:
        load(source)
    (span,) = instrumented.loads()
    kind = type(raised.value)
    error_type = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    found = attributes(span)
    assert (span.name, span.status.status_code, found["error.type"]) == ("load", StatusCode.ERROR, error_type)
    assert found.get("name") == {"missing": "missing", "broken": "broken"}.get(what)
    assert found.get("size") == {"broken": 6, "bytes": 6}.get(what)
    (event,) = span.events
    assert event.name == "exception"
    assert "test_loads.py" not in str((event.attributes or {})["exception.message"])
    (point,) = instrumented.points("inferspan.model.load.duration")
    assert point.attributes["error.type"] == error_type
    assert instrumented.points("inferspan.model.info") == []


# -- where it happens --------------------------------------------------------------------------------------------------


def test_a_load_inside_an_inference_is_part_of_it(instrumented: Telemetry, tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    recorder = pipeline.recorder("outer", system="_OTHER", **instrumented.providers)
    call = recorder.start(identity.named("outer"))
    assert call is not None
    session = load(path)
    call.succeed()
    assert instrumented.loads() == []
    infer(session)
    (span,) = instrumented.spans()
    assert attributes(span)["version"] == hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8]


def test_a_load_inside_a_load_is_part_of_it(
    instrumented: Telemetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner, outer = save(tmp_path, 1, "inner.onnx"), save(tmp_path, 2, "outer.onnx")
    create = ort.InferenceSession._create_inference_session
    sessions = []

    def creating(self: Any, *args: Any) -> Any:
        if self._model_path == outer:
            sessions.append(load(inner))
            infer(sessions[0])
        return create(self, *args)

    monkeypatch.setattr(ort.InferenceSession, "_create_inference_session", creating)
    load(outer)
    inference, span = instrumented.spans_and_loads()
    assert (inference.name, span.name) == ("infer inner", "load outer")
    assert inference.parent is not None
    assert span.context is not None
    assert inference.parent.span_id == span.context.span_id
    assert "version" in attributes(inference)


def test_loads_and_requests(instrumented: Telemetry, tmp_path: Path) -> None:
    tracer = instrumented.tracer_provider.get_tracer("app")
    before = context.get_current()
    with tracer.start_as_current_span("request") as request:
        load(save(tmp_path, 1))
        assert trace.get_current_span() is request
    assert context.get_current() is before
    (span,) = instrumented.loads()
    assert span.parent is not None
    assert span.parent.span_id == request.get_span_context().span_id


def test_nobody_wants_to_see_it(instrumented: Telemetry, tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    with suppress_instrumentation():
        load(path)
    with instrumented.tracer_provider.get_tracer("app").start_as_current_span(
        "chat", attributes={"gen_ai.operation.name": "chat"}
    ):
        load(path)
    pipeline.configure(enabled=False)
    load(path)
    assert instrumented.loads() == []
    assert durations(instrumented) == []


def test_what_is_not_sampled_is_measured(tmp_path: Path) -> None:
    with Telemetry(sampler=ALWAYS_OFF) as telemetry:
        telemetry.instrument(OnnxRuntimeInstrumentor())
        load(save(tmp_path, 1))
        assert telemetry.loads() == []
        assert len(durations(telemetry)) == 1


# -- versions ----------------------------------------------------------------------------------------------------------


def test_a_file_replaced_and_loaded_again_is_a_new_version(instrumented: Telemetry, tmp_path: Path) -> None:
    versions = []
    for number in (1, 2):
        path = save(tmp_path, number)
        session = load(path)
        infer(session)
        versions.append(hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8])
        assert [
            point.attributes["inferspan.model.version"] for point in instrumented.points("inferspan.model.info")
        ] == (versions[-1:])
    assert [(attributes(span)["name"], attributes(span)["version"]) for span in instrumented.spans()] == [
        ("churn", version) for version in versions
    ]
    (event,) = instrumented.events()
    assert event.event_name == "inferspan.model.changed"
    assert event.attributes["inferspan.model.previous.version"] == versions[0]
    assert event.attributes["inferspan.model.version"] == versions[1]


def test_the_same_file_loaded_again_is_the_same_version(instrumented: Telemetry, tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    for _ in range(3):
        infer(load(path))
    assert len({attributes(span)["version"] for span in instrumented.spans()}) == 1
    assert instrumented.events() == []


def test_a_declared_version_stays(instrumented: Telemetry, tmp_path: Path) -> None:
    found = []
    for number in (1, 2):
        onnx.save(adding(number, version=4), tmp_path / "churn.onnx")
        infer(load(str(tmp_path / "churn.onnx")))
        found += instrumented.spans()
    first, second = map(attributes, found)
    assert first["version"] == second["version"] == "4"
    assert first["digest"] != second["digest"]
    assert instrumented.events() == []


def test_two_files_of_one_name_are_two_models(instrumented: Telemetry, tmp_path: Path) -> None:
    paths = [save(tmp_path / folder, number, "model.onnx") for number, folder in enumerate(("model", "export"))]
    sessions = [load(path) for path in paths]
    for session in sessions:
        infer(session)
    names = [str(point.attributes["inferspan.model.name"]) for point in instrumented.points("inferspan.model.info")]
    assert names[0] == "model"
    assert names[1].startswith("model-")
    assert Counter(attributes(span)["name"] for span in instrumented.spans()) == dict.fromkeys(names, 1)
    assert instrumented.events() == []


def test_a_model_loaded_while_nobody_listened(telemetry: Telemetry, tmp_path: Path) -> None:
    instrumentor = OnnxRuntimeInstrumentor()
    instrumentor.instrument()
    try:
        stays, goes = save(tmp_path, 1, "stays.onnx"), save(tmp_path, 2, "goes.onnx")
        sessions = [load(stays), load(goes), load(adding(3).SerializeToString())]
        save(tmp_path, 4, "goes.onnx")
    finally:
        instrumentor.uninstrument()
    telemetry.instrument(instrumentor)
    for session in sessions:
        infer(session)
    known, replaced, content = (attributes(span) for span in telemetry.spans())
    assert known["version"] == hashlib.sha256(Path(stays).read_bytes()).hexdigest()[:8]
    assert "version" not in replaced
    assert "digest" not in replaced
    assert len(content["version"]) == 8


def test_a_session_that_was_there_before_us(telemetry: Telemetry, tmp_path: Path) -> None:
    session = load(save(tmp_path, 1))
    telemetry.instrument(OnnxRuntimeInstrumentor())
    infer(session)
    (span,) = telemetry.spans()
    assert (attributes(span)["name"], "version" in attributes(span)) == ("churn", False)


def test_a_swap_under_load(instrumented: Telemetry, tmp_path: Path) -> None:
    """Every inference is told of the version that its answer came from, before, while and after models are swapped."""
    pipeline.configure(queue_size=1_000_000)  # no profile is dropped: it is what is looked at
    swaps, threads = 12, 4
    serving = load(save(tmp_path, 0))
    versions: dict[str, int] = {}
    answered: Counter[float] = Counter()
    lock = threading.Lock()
    stop = threading.Event()
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            while not stop.is_set():
                answer = infer(serving)
                with lock:
                    answered[answer] += 1
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=serve) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for number in range(swaps):
        path = save(tmp_path, number)
        versions[hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8]] = number
        serving = load(path)
        while answered[float(number)] < 20:
            assert not failures
            stop.wait(0.001)
    stop.set()
    for worker in workers:
        worker.join()
    assert not failures
    spans = [attributes(span) for span in instrumented.spans()]
    for span in spans:
        assert span["name"] == "churn"
        assert span["output.profile.means"][0] == versions[span["version"]]
    assert Counter(versions[span["version"]] for span in spans) == answered
    counts: Counter[str] = Counter()
    for point in instrumented.points("inferspan.inference.duration"):
        counts[str(point.attributes["inferspan.model.version"])] += point.count
    assert {versions[version]: count for version, count in counts.items()} == answered
    (info,) = instrumented.points("inferspan.model.info")
    assert versions[str(info.attributes["inferspan.model.version"])] == swaps - 1
    assert [event.attributes["inferspan.model.version"] for event in instrumented.events()][-1] == (
        info.attributes["inferspan.model.version"]
    )
