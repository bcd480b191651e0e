# SPDX-License-Identifier: Apache-2.0
"""A call that fails says what, where and with which data, and raises exactly what it raised."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from inferspan_instrumentors.onnxruntime import OnnxRuntimeInstrumentor
from onnxruntime.datasets import get_example
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import StatusCode
from support.telemetry import Telemetry

import inferspan
from inferspan import pipeline
from inferspan.recording import drops
from inferspan.semconv import attributes as names
from inferspan.semconv import events as event_names

X = np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 4, 5)
SIGNAL = "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN"

infer = inferspan.inference("model", version="1")


class ModelError(Exception):
    """The application's own."""


def fail(x: Any, error: BaseException) -> None:
    raise error


@infer
def predict(x: Any, error: BaseException) -> None:
    fail(x, error)


def raised(function: Callable[[], Any]) -> BaseException:
    with pytest.raises(BaseException) as caught:
        function()
    return caught.value


# -- the span --------------------------------------------------------------------------------------------------------


def test_the_span_of_a_failing_call(manual: Telemetry) -> None:
    raised(lambda: predict(X, ModelError("no such operator: Foo, not in opset 18")))
    (span,) = manual.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "no such operator: Foo, not in opset 18"
    assert span.attributes[names.ERROR_TYPE] == f"{__name__}.ModelError"
    assert span.attributes[names.INPUT.names][0] == "x"
    assert span.attributes[names.INPUT.counts][0] == 60
    assert span.attributes[names.INPUT.means][0] == pytest.approx(0, abs=1e-6)
    assert names.INFERSPAN_INPUT_PROFILE_AFTER_CALL not in span.attributes
    (event,) = span.events
    assert event.name == "exception"
    assert event.timestamp == span.end_time
    assert event.attributes["exception.type"] == f"{__name__}.ModelError"
    assert event.attributes["exception.message"] == "no such operator: Foo, not in opset 18"
    assert manual.events() == []
    (point,) = manual.points("inferspan.inference.duration")
    assert point.attributes[names.ERROR_TYPE] == f"{__name__}.ModelError"


def test_a_session_that_refuses_its_input(telemetry: Telemetry) -> None:
    telemetry.instrument(OnnxRuntimeInstrumentor())
    session = ort.InferenceSession(get_example("sigmoid.onnx"), providers=["CPUExecutionProvider"])
    error = raised(lambda: session.run(None, {"x": X[:2]}))
    (span,) = telemetry.spans()
    assert span.attributes[names.ERROR_TYPE] == f"{type(error).__module__}.{type(error).__qualname__}"
    assert "Got invalid dimensions" in span.events[0].attributes["exception.message"]
    assert span.attributes[names.INPUT.shapes] == ("2x4x5",)
    assert span.attributes[names.INPUT.counts] == (40,)


@pytest.mark.parametrize(
    ("opted", "on_span", "as_log"), [("", 1, 0), ("logs", 0, 1), ("logs/dup", 1, 1), (" LOGS ", 0, 1), ("other", 1, 0)]
)
def test_exceptions_go_to_the_signal_opted_in(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch, opted: str, on_span: int, as_log: int
) -> None:
    monkeypatch.setenv(SIGNAL, opted)
    raised(lambda: predict(X, ModelError("out of memory")))
    (span,) = manual.spans()
    logs = manual.events()
    assert len(span.events) == on_span
    assert span.status.status_code is StatusCode.ERROR
    assert [log.event_name for log in logs] == [event_names.INFERSPAN_INFERENCE_EXCEPTION] * as_log
    for log in logs:
        assert (log.trace_id, log.span_id) == (span.context.trace_id, span.context.span_id)
        assert log.severity_text is None or log.severity_text == "ERROR"
        assert log.severity_number.name == "ERROR"
        assert log.timestamp == span.end_time
        assert log.attributes[names.INFERSPAN_MODEL_NAME] == "model"
        assert log.attributes["exception.message"] == "out of memory"
        assert "in fail\n" in log.attributes["exception.stacktrace"]


# -- the text --------------------------------------------------------------------------------------------------------


def stacktrace(telemetry: Telemetry) -> str:
    (span,) = telemetry.spans()
    (event,) = span.events
    return str(event.attributes["exception.stacktrace"])


def as_python_says(error: BaseException) -> str:
    """Formats an exception as Python does, without our own frames and without marks under the lines."""
    formatted = traceback.TracebackException.from_exception(error)
    one: traceback.TracebackException | None = formatted
    while one is not None:
        one.stack = traceback.StackSummary.from_list(
            [
                (frame.filename, frame.lineno, frame.name, frame.line)
                for frame in one.stack
                if "/inferspan/" not in frame.filename
            ]
        )
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "".join(formatted.format())


def chain(how: str) -> None:
    try:
        try:
            fail(X, LookupError("first"))
        except LookupError as first:
            if how == "cause":
                raise ModelError("second") from first
            if how == "suppressed":
                raise ModelError("second") from None
            raise ModelError("second")  # noqa: B904 (while the first is being handled, without a word of it)
    except ModelError as second:
        raise RuntimeError("third") from second


@pytest.mark.parametrize(
    "function",
    [
        lambda: fail(X, ModelError("plain")),
        lambda: fail(X, ModelError()),
        lambda: fail(X, ModelError("two\nlines, 'quoted'")),
        lambda: chain("context"),
        lambda: chain("cause"),
        lambda: chain("suppressed"),
        lambda: np.linalg.inv(np.zeros((2, 2))),
        lambda: int("x"),
    ],
    ids=["plain", "no message", "two lines", "context", "cause", "suppressed", "library", "builtin"],
)
def test_the_stack_is_as_python_prints_it(manual: Telemetry, function: Callable[[], Any]) -> None:
    pipeline.configure(raise_faults=True, exception_detail="full")
    error = raised(infer(function))
    # The test's own frame, which the exception has passed since.
    error.__traceback__ = error.__traceback__.tb_next.tb_next
    assert stacktrace(manual) == as_python_says(error)


def test_a_recursion_is_bounded_and_its_ends_are_kept(manual: Telemetry) -> None:
    def descend(depth: int) -> None:
        if depth == 0:
            raise ModelError("bottom")
        descend(depth - 1)

    raised(infer(lambda: descend(400)))
    text = stacktrace(manual)
    assert len(text) <= 17_000
    assert text.count("in descend\n") < 70
    assert "in <lambda>\n" in text
    assert "more frames]" in text
    assert text.index("more frames]") < text.index('raise ModelError("')
    assert text.endswith("ModelError: bottom\n")


@pytest.mark.parametrize("decorated", [True, False])
def test_a_recursion_without_end_is_pythons(manual: Telemetry, decorated: bool) -> None:
    def descend() -> None:
        (again if decorated else descend)()

    again = infer(descend)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        error = raised(again)
    finally:
        sys.setrecursionlimit(limit)
    assert type(error) is RecursionError
    (span,) = manual.spans()
    assert span.attributes[names.ERROR_TYPE] == "RecursionError"


def test_a_chain_without_end_is_bounded(manual: Telemetry) -> None:
    def link() -> None:
        error: Exception = ModelError("0")
        for number in range(1, 50):
            try:
                raise ModelError(str(number)) from error
            except ModelError as one:
                error = one
        raise error

    raised(infer(link))
    assert stacktrace(manual).count("direct cause") == 4


def test_a_chain_that_is_a_ring_is_bounded(manual: Telemetry) -> None:
    first, second = ModelError("first"), ModelError("second")
    first.__cause__, second.__cause__ = second, first
    raised(lambda: predict(X, first))
    (span,) = manual.spans()
    assert span.events[0].attributes["exception.message"] == "first"


class Unspeakable(Exception):
    """Cannot be put into words."""

    def __str__(self) -> str:
        raise ValueError("no words")


def test_an_exception_without_words(manual: Telemetry) -> None:
    error = Unspeakable()
    assert raised(lambda: predict(X, error)) is error
    (span,) = manual.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.events[0].attributes["exception.message"] == "<exception str() failed>"


@pytest.mark.parametrize(
    ("detail", "message", "stack"),
    [
        ("type", None, False),
        ("message", "could not convert string to float: '…'", False),
        ("stacktrace", "could not convert string to float: '…'", True),
        ("full", "could not convert string to float: 'Jane Doe'", True),
    ],
)
def test_what_leaves_of_an_exception(manual: Telemetry, detail: str, message: str | None, stack: bool) -> None:
    pipeline.configure(raise_faults=True, exception_detail=detail)

    @infer
    def convert() -> float:
        return float("Jane Doe")

    raised(convert)
    (span,) = manual.spans()
    assert span.status.description == (message or "ValueError")
    (event,) = span.events
    assert event.attributes["exception.type"] == "ValueError"
    assert event.attributes.get("exception.message") == message
    assert ("exception.stacktrace" in event.attributes) == stack
    if stack:
        assert event.attributes["exception.stacktrace"].endswith(f"ValueError: {message}\n")
        assert "in convert\n" in event.attributes["exception.stacktrace"]
    assert ("Jane" in repr(span.to_json())) == (detail == "full")


# -- the exception itself --------------------------------------------------------------------------------------------


def frames(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        found.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return found


@pytest.mark.parametrize("sampled", [True, False])
def test_the_same_exception_comes_out(request: pytest.FixtureRequest, sampled: bool) -> None:
    request.getfixturevalue("manual" if sampled else "unsampled")
    error = ModelError("mine")
    error.__context__ = context = LookupError("before")
    with pytest.raises(ModelError) as caught:
        predict(X, error)
    assert caught.value is error
    # One frame of ours, and what the application has.
    assert frames(error.__traceback__)[1:] == ["called", "predict", "fail"]
    assert error.__context__ is context
    assert error.__cause__ is None
    assert not error.__suppress_context__
    assert getattr(error, "__notes__", []) == []


class Held(SpanProcessor):
    """Keeps the worker busy with the first span until it is released."""

    def __init__(self) -> None:
        self.working, self.released = threading.Event(), threading.Event()

    def on_end(self, span: Any) -> None:
        self.working.set()
        assert self.released.wait(30)


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("ends", ["fails", "returns"])
def test_nothing_is_kept_alive_by_the_queue(request: pytest.FixtureRequest, sampled: bool, ends: str) -> None:
    telemetry: Telemetry = request.getfixturevalue("manual" if sampled else "unsampled")
    torch = pytest.importorskip("torch")
    held = Held()
    with Telemetry() as other:
        # Another provider's span blocks the worker, so that this one's are queued whether sampled or not.
        other.tracer_provider.add_span_processor(held)
        blocked = pipeline.recorder("other", system="_OTHER", **other.providers)
        call = blocked.start(inferspan.api._model("blocked", None))
        call.succeed()
        assert held.working.wait(30)
        seen: list[weakref.ref[Any]] = []

        @infer
        def body(x: Any) -> Any:
            hidden = x * 2
            result = hidden + 1
            seen.extend(map(weakref.ref, (x, hidden, result)))
            if ends == "fails":
                raise ModelError("with tensors in its frames")
            return result

        gc.disable()
        try:
            try:
                body(torch.ones(1000))
            except ModelError as error:
                seen.append(weakref.ref(error))
            assert [one() for one in seen] == [None] * len(seen)
        finally:
            gc.enable()
        held.released.set()
        assert len(other.spans()) == 1
    assert len(telemetry.spans()) == sampled


# -- unsampled -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("spent_budget")
def test_a_failure_that_is_not_sampled_is_an_event(unsampled: Telemetry) -> None:
    x = X.copy()
    x[0] = np.nan
    for _ in range(9):
        infer(lambda x: x)(x)
    raised(lambda: predict(x, ModelError("no memory")))
    assert unsampled.spans() == []
    (event,) = unsampled.events()
    assert event.event_name == event_names.INFERSPAN_INFERENCE_ANOMALY
    assert event.severity_number.name == "WARN"
    assert event.trace_id
    assert event.span_id
    attributes = event.attributes
    assert attributes[names.INFERSPAN_MODEL_NAME] == "model"
    assert attributes[names.INFERSPAN_MODEL_VERSION] == "1"
    assert attributes[names.ERROR_TYPE] == f"{__name__}.ModelError"
    assert attributes["exception.type"] == f"{__name__}.ModelError"
    assert attributes["exception.message"] == "no memory"
    assert "exception.stacktrace" not in attributes
    assert attributes[names.INPUT.names][0] == "x"
    assert attributes[names.INPUT.missing_counts][0] == 20
    assert attributes[names.INFERSPAN_INPUT_PROFILE_AFTER_CALL] is True
    assert attributes[names.INFERSPAN_ANOMALIES] == ("x: 33.3 % missing",)
    counts = {
        (point.attributes.get(names.ERROR_TYPE), point.attributes.get(names.INFERSPAN_COLD)): point.count
        for point in unsampled.points("inferspan.inference.duration")
    }
    assert counts == {(None, True): 1, (None, None): 8, (f"{__name__}.ModelError", None): 1}


@pytest.mark.usefixtures("spent_budget")
def test_inputs_that_the_call_has_changed_are_dropped_and_it_says_so(unsampled: Telemetry) -> None:
    torch = pytest.importorskip("torch")

    @infer
    def body(changed: Any, kept: Any) -> None:
        changed.relu_()
        raise ModelError("after the change")

    raised(lambda: body(torch.linspace(-1, 1, 20), torch.linspace(-1, 1, 20)))
    (event,) = unsampled.events()
    counts = dict(zip(event.attributes[names.INPUT.names], event.attributes[names.INPUT.counts], strict=True))
    assert counts == {"changed": None, "kept": 20}
    assert event.attributes[names.INPUT.notes] == ("changed: changed by the call",)


@pytest.mark.usefixtures("spent_budget")
def test_inputs_said_one_after_the_other_are_told_apart(unsampled: Telemetry) -> None:
    torch = pytest.importorskip("torch")

    def body() -> None:
        with infer as call:
            first = torch.linspace(-1, 1, 20)
            call.inputs(first=first)
            first.relu_()
            call.inputs(second=torch.linspace(-1, 1, 20))
            raise ModelError("after the change")

    raised(body)
    (event,) = unsampled.events()
    counts = dict(zip(event.attributes[names.INPUT.names], event.attributes[names.INPUT.counts], strict=True))
    assert counts == {"first": None, "second": 20}


def test_events_are_limited_and_the_others_counted(unsampled: Telemetry) -> None:
    pipeline.configure(raise_faults=True, anomaly_events_per_minute=5)
    before = drops.counts.get("rate_limited", 0)
    for _ in range(20):
        raised(lambda: predict(X, ModelError("again")))
    unsampled.tracer_provider.force_flush()
    assert len(unsampled.events()) == 5
    assert drops.counts["rate_limited"] - before == 15
    points = unsampled.points("inferspan.inference.duration")
    assert {point.attributes.get(names.INFERSPAN_COLD): point.count for point in points} == {True: 1, None: 19}


def test_no_events_where_none_are_wanted(unsampled: Telemetry) -> None:
    pipeline.configure(raise_faults=True, anomaly_events_per_minute=0)
    raised(lambda: predict(X, ModelError("again")))
    unsampled.tracer_provider.force_flush()
    assert unsampled.events() == []
