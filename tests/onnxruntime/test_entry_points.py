# SPDX-License-Identifier: Apache-2.0
"""Each of the five ways to run a session is one span, with its model, its inputs and its outputs."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from inferspan_instrumentors.onnxruntime import OnnxRuntimeInstrumentor
from onnxruntime.capi import onnxruntime_pybind11_state as native
from onnxruntime.datasets import get_example
from opentelemetry import context, trace
from opentelemetry.trace import StatusCode
from support.telemetry import Telemetry

from inferspan import clock

X = np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 4, 5)
INVALID = "onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument"


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Telemetry:
    telemetry.instrument(OnnxRuntimeInstrumentor())
    return telemetry


def session(threads: int = 0) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(get_example("sigmoid.onnx"), options, providers=["CPUExecutionProvider"])


def run(one: ort.InferenceSession, x: np.ndarray) -> Any:
    return one.run(None, {"x": x})


def run_by_keyword(one: ort.InferenceSession, x: np.ndarray) -> Any:
    return one.run(output_names=["y"], input_feed={"x": x})


def run_with_ort_values(one: ort.InferenceSession, x: np.ndarray) -> Any:
    return one.run_with_ort_values(["y"], {"x": ort.OrtValue.ortvalue_from_numpy(x)})


def run_with_ortvaluevector(one: ort.InferenceSession, x: np.ndarray) -> Any:
    feeds, fetches = native.OrtValueVector(), native.OrtValueVector()
    feeds.push_back(ort.OrtValue.ortvalue_from_numpy(x)._ortvalue)
    cpu = native.OrtDevice(native.OrtDevice.cpu(), native.OrtDevice.default_memory(), 0)
    one.run_with_ortvaluevector(ort.RunOptions(), ["x"], feeds, ["y"], fetches, [cpu])
    return fetches


def run_with_iobinding(one: ort.InferenceSession, x: np.ndarray) -> Any:
    binding = one.io_binding()
    binding.bind_cpu_input("x", x)
    binding.bind_output("y")
    one.run_with_iobinding(binding)
    return binding.copy_outputs_to_cpu()


def run_async(one: ort.InferenceSession, x: np.ndarray) -> Any:
    done, answers = threading.Event(), []

    def callback(results: Any, user_data: Any, error: str) -> None:
        answers.append((results, user_data, error))
        done.set()

    one.run_async(["y"], {"x": x}, callback, "mine")
    gc.collect()
    assert done.wait(10)
    (results, user_data, error) = answers[0]
    assert user_data == "mine"
    if error:
        raise RuntimeError(error)
    return results


ENTRY_POINTS = [run, run_by_keyword, run_with_ort_values, run_with_ortvaluevector, run_with_iobinding, run_async]


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=lambda entry: entry.__name__)
def test_one_span(instrumented: Telemetry, entry: Callable[..., Any]) -> None:
    one = session(threads=2)
    before = context.get_current()
    entry(one, X)
    assert context.get_current() is before

    (span,) = instrumented.spans()
    attributes = dict(span.attributes or {})
    assert span.name == "infer sigmoid"
    assert span.status.status_code is StatusCode.UNSET
    assert attributes["inferspan.input.names"] == ("x",)
    assert attributes["inferspan.input.types"] == ("float32",)
    assert attributes["inferspan.input.shapes"] == ("3x4x5",)
    assert attributes["inferspan.batch.size"] == 3
    assert attributes["inferspan.output.names"] == ("y",)
    assert attributes["inferspan.output.profile.counts"] == (60,)
    expected = 1 / (1 + np.exp(-X.astype(np.float64)))
    assert attributes["inferspan.output.profile.means"] == pytest.approx((expected.mean(),))
    if entry is run_with_iobinding:
        assert attributes["inferspan.input.profile.notes"] == ("x: bound by address: not read",)
    else:
        assert attributes["inferspan.input.profile.minimums"] == (-1.0,)
    (point,) = instrumented.points("inferspan.inference.duration")
    assert point.count == 1
    assert point.attributes["inferspan.cold"] is True


@pytest.mark.parametrize("entry", [run, run_with_ort_values, run_async], ids=lambda entry: entry.__name__)
def test_failure(instrumented: Telemetry, entry: Callable[..., Any]) -> None:
    with pytest.raises(Exception, match="Invalid rank"):
        entry(session(threads=2), X[0])
    (span,) = instrumented.spans()
    assert span.status.status_code is StatusCode.ERROR
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == ("_OTHER" if entry is run_async else INVALID)
    assert attributes["inferspan.input.shapes"] == ("4x5",)
    assert attributes["inferspan.input.profile.counts"] == (20,)
    assert [event.name for event in span.events] == ["exception"]


def test_whole_span(instrumented: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    one = session()
    (load,) = instrumented.loads()
    digest = (load.attributes or {})["inferspan.model.digest"]
    monkeypatch.setattr(clock, "wall", itertools.count(1_000_000_000, 1_000).__next__)
    monkeypatch.setattr(clock, "monotonic", itertools.count(0, 1_000).__next__)
    run(one, X)
    (span,) = instrumented.spans()
    assert span.context is not None
    found = {
        "name": span.name,
        "kind": span.kind.name,
        "trace": span.context.trace_id,
        "span": span.context.span_id,
        "parent": span.parent,
        "scope": (span.instrumentation_scope.name, span.instrumentation_scope.schema_url)
        if span.instrumentation_scope
        else None,
        "duration": (span.end_time or 0) - (span.start_time or 0),
        "attributes": {
            key: round(value[0], 6) if isinstance(value, tuple) and isinstance(value[0], float) else value
            for key, value in (span.attributes or {}).items()
        },
    }
    assert found == {
        "name": "infer sigmoid",
        "kind": "INTERNAL",
        "trace": 2,
        "span": 2,
        "parent": None,
        "scope": (
            "inferspan_instrumentors.onnxruntime",
            "https://inferspan.dev/schemas/inferspan-dev/0.1.0-dev",
        ),
        "duration": 1_000,
        "attributes": {
            "inferspan.operation.name": "infer",
            "inferspan.system.name": "onnxruntime",
            "inferspan.model.name": "sigmoid",
            "inferspan.model.version": str(digest).removeprefix("sha256:")[:8],
            "inferspan.model.format": "onnx",
            "inferspan.model.digest": digest,
            "inferspan.execution.device": "cpu",
            "inferspan.onnxruntime.graph.name": "test_sigmoid",
            "inferspan.onnxruntime.execution_providers": ("CPUExecutionProvider",),
            "inferspan.batch.size": 3,
            "inferspan.cold": True,
            "inferspan.input.field.count": 1,
            "inferspan.input.names": ("x",),
            "inferspan.input.types": ("float32",),
            "inferspan.input.shapes": ("3x4x5",),
            "inferspan.input.profile.counts": (60,),
            "inferspan.input.profile.missing_counts": (0,),
            "inferspan.input.profile.infinite_counts": (0,),
            "inferspan.input.profile.zero_counts": (0,),
            "inferspan.input.profile.minimums": -1.0,
            "inferspan.input.profile.maximums": 1.0,
            "inferspan.input.profile.means": 0.0,
            "inferspan.input.profile.standard_deviations": 0.587054,
            "inferspan.input.profile.quantiles_05": -0.9,
            "inferspan.input.profile.quantiles_50": 0.0,
            "inferspan.input.profile.quantiles_95": 0.9,
            "inferspan.input.profile.missing_ratio_max": 0.0,
            "inferspan.input.profile.infinite_ratio_max": 0.0,
            "inferspan.output.field.count": 1,
            "inferspan.output.names": ("y",),
            "inferspan.output.types": ("float32",),
            "inferspan.output.shapes": ("3x4x5",),
            "inferspan.output.profile.counts": (60,),
            "inferspan.output.profile.missing_counts": (0,),
            "inferspan.output.profile.infinite_counts": (0,),
            "inferspan.output.profile.zero_counts": (0,),
            "inferspan.output.profile.minimums": 0.268941,
            "inferspan.output.profile.maximums": 0.731059,
            "inferspan.output.profile.means": 0.5,
            "inferspan.output.profile.standard_deviations": 0.139729,
            "inferspan.output.profile.quantiles_05": 0.289053,
            "inferspan.output.profile.quantiles_50": 0.5,
            "inferspan.output.profile.quantiles_95": 0.710947,
            "inferspan.output.profile.missing_ratio_max": 0.0,
            "inferspan.output.profile.infinite_ratio_max": 0.0,
        },
    }


def test_callback_runs_in_the_callers_context(instrumented: Telemetry) -> None:
    done, seen = threading.Event(), []

    def callback(results: Any, user_data: Any, error: str) -> None:
        seen.append((threading.current_thread(), trace.get_current_span()))
        done.set()

    tracer = instrumented.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("request") as request:
        session(threads=2).run_async(["y"], {"x": X}, callback, None)
    assert done.wait(10)
    thread, current = seen[0]
    assert thread is not threading.current_thread()
    assert current is request
    (ours,) = [span for span in instrumented.spans() if span.name == "infer sigmoid"]
    assert ours.parent is not None
    assert ours.parent.span_id == request.get_span_context().span_id


def test_async_refused(instrumented: Telemetry) -> None:
    """A session with one thread refuses: the call itself raises, and the callback never comes."""
    with pytest.raises(Exception, match="intra"):
        session(threads=1).run_async(["y"], {"x": X}, lambda *_: None, None)
    (span,) = instrumented.spans()
    assert span.status.status_code is StatusCode.ERROR


def test_wrong_arguments_raise_what_they_raise(instrumented: Telemetry) -> None:
    one = session()
    with pytest.raises(TypeError):
        one.run()
    with pytest.raises(TypeError):
        one.run_async(["y"])
    for span in instrumented.spans():
        assert (span.attributes or {})["error.type"] == "TypeError"


def test_results_are_untouched(instrumented: Telemetry) -> None:
    one = session()
    (result,) = run(one, X)
    assert type(result) is np.ndarray
    result[...] = 0
    assert result.flags.writeable
    (other,) = run(one, X)
    assert other[0, 0, 0] != 0


def test_undone(telemetry: Telemetry) -> None:
    from onnxruntime.capi.onnxruntime_inference_collection import Session

    before = dict(vars(Session))
    instrumentor = OnnxRuntimeInstrumentor()
    instrumentor.instrument(**telemetry.providers)
    assert vars(Session)["run"] is not before["run"]
    instrumentor.uninstrument()
    assert dict(vars(Session)) == before
    run(session(), X)
    assert telemetry.spans() == []


def test_providers_changed_later_are_told(instrumented: Telemetry, tmp_path: Path) -> None:
    one = session()
    run(one, X)
    one.set_providers(["CPUExecutionProvider"])
    run(one, X)
    assert len({span.name for span in instrumented.spans()}) == 1
