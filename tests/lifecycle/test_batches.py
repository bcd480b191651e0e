# SPDX-License-Identifier: Apache-2.0
"""Requests that wait, and batches that serve them: links, parents, waiting times, whatever thread executes them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from support.telemetry import Telemetry

import inferspan
from inferspan import api, clock, config, pipeline
from inferspan.semconv.attributes import SystemName

COUNT = "inferspan.batch.request.count"
OMITTED = "inferspan.batch.omitted_link.count"
QUEUE = "inferspan.inference.queue.duration"


class Requests:
    """Requests with a span each, until the end of the test."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._tracer = telemetry.tracer_provider.get_tracer("app")
        self.spans: list[Any] = []

    def enqueue(self, **labels: str) -> inferspan.Token:
        span = self._tracer.start_span("request", Context())
        self.spans.append(span)
        with trace.use_span(span), inferspan.labels(**labels):
            return inferspan.enqueue()

    def end(self) -> None:
        for span in self.spans:
            span.end()


@pytest.fixture
def requests(manual: Telemetry) -> Requests:
    return Requests(manual)


def infer(rows: int = 8, model: str = "model") -> None:
    with inferspan.inference(model) as call:
        call.inputs(np.ones((rows, 4)))


def inference(telemetry: Telemetry) -> Any:
    (span,) = [span for span in telemetry.spans() if span.name.startswith("infer ")]
    return span


def links(span: Any) -> list[int]:
    return [link.context.span_id for link in span.links]


def test_several_requests_are_linked_both_ways(manual: Telemetry, requests: Requests) -> None:
    tokens = [requests.enqueue() for _ in range(3)]
    with inferspan.batch(tokens):
        infer()
    span = inference(manual)
    assert span.parent is None
    assert links(span) == [one.get_span_context().span_id for one in requests.spans]
    assert all(links(request) == [span.context.span_id] for request in requests.spans)
    assert span.attributes[COUNT] == 3
    assert OMITTED not in span.attributes


def test_a_single_request_is_the_parent(manual: Telemetry, requests: Requests) -> None:
    with inferspan.batch([requests.enqueue()]):
        infer()
    span = inference(manual)
    assert span.parent.span_id == requests.spans[0].get_span_context().span_id
    assert span.attributes[COUNT] == 1


def test_a_span_for_the_batch_is_the_parent(manual: Telemetry, requests: Requests) -> None:
    tokens = [requests.enqueue() for _ in range(2)]
    with requests._tracer.start_as_current_span("batch") as parent, inferspan.batch(tokens):
        infer()
    assert inference(manual).parent.span_id == parent.get_span_context().span_id


@pytest.mark.parametrize("ended", [False, True])
def test_the_span_of_a_request_is_not_the_parent(manual: Telemetry, requests: Requests, ended: bool) -> None:
    first, *others = (requests.enqueue() for _ in range(3))
    served = others if ended else [first, *others]
    token = attach(first.context)
    try:
        if ended:
            requests.spans[0].end()
        with inferspan.batch(served):
            infer()
    finally:
        detach(token)
    assert inference(manual).parent is None


def test_requests_of_one_span_keep_it_as_the_parent(manual: Telemetry, requests: Requests) -> None:
    token = requests.enqueue()
    with trace.use_span(requests.spans[0]):
        tokens = [token, inferspan.enqueue()]
    with inferspan.batch(tokens):
        infer()
    assert inference(manual).parent.span_id == requests.spans[0].get_span_context().span_id


def test_each_request_has_waited(manual: Telemetry, requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    tokens = []
    for _ in range(4):
        tokens.append(requests.enqueue())
        now += 1_000_000_000
    with inferspan.batch(tokens):
        infer()
        infer()  # a second model of the same batch did not let them wait
    (point,) = manual.points(QUEUE)
    assert (point.count, point.sum) == (4, 4 + 3 + 2 + 1)
    assert dict(point.attributes) == {
        "inferspan.operation.name": "infer",
        "inferspan.system.name": "_OTHER",
        "inferspan.model.name": "model",
    }
    first, second = [span for span in manual.spans() if span.name == "infer model"]
    assert links(first) == links(second)
    requests.end()
    assert {len(span.links) for span in manual.spans()} == {2}


def test_an_inference_inside_serves_no_requests_of_its_own(manual: Telemetry, requests: Requests) -> None:
    with inferspan.batch([requests.enqueue() for _ in range(2)]), inferspan.inference("outer"):
        infer(model="inner")
    inner, outer = [span for span in manual.spans() if span.name.startswith("infer")]
    assert (inner.name, links(inner), inner.attributes.get(COUNT)) == ("infer inner", [], None)
    assert len(links(outer)) == 2


def test_links_are_bounded_and_the_others_counted(manual: Telemetry, requests: Requests) -> None:
    pipeline.configure(max_links=3)
    with inferspan.batch([requests.enqueue() for _ in range(10)]):
        infer()
    span = inference(manual)
    assert (len(span.links), span.attributes[COUNT], span.attributes[OMITTED]) == (3, 10, 7)
    (point,) = manual.points(QUEUE)
    assert point.count == 10
    dropped = {
        point.attributes["inferspan.self.drop.reason"]: point.value for point in manual.points("inferspan.self.dropped")
    }
    assert dropped["link_limit"] == 7


def test_requests_without_a_span_are_counted(manual: Telemetry) -> None:
    with inferspan.batch([inferspan.enqueue() for _ in range(5)]):
        infer()
    span = inference(manual)
    assert (span.links, span.attributes[COUNT]) == ((), 5)
    (point,) = manual.points(QUEUE)
    assert point.count == 5


def test_no_requests(manual: Telemetry) -> None:
    with inferspan.batch([]):
        infer()
    assert inference(manual).attributes[COUNT] == 0


def test_unsampled(monkeypatch: pytest.MonkeyPatch) -> None:
    with Telemetry(sampler=ALWAYS_OFF) as telemetry:
        recorder = pipeline.recorder(api.SCOPE, system=SystemName.OTHER, **telemetry.providers)
        monkeypatch.setattr(api, "_recorder", recorder)
        requests = Requests(telemetry)
        with inferspan.batch([requests.enqueue() for _ in range(3)]):
            infer(rows=6)
        assert not telemetry.spans()
        assert telemetry.points(QUEUE)[0].count == 3
        assert telemetry.points("inferspan.inference.batch.size")[0].sum == 6


def test_labels_that_all_requests_have(manual: Telemetry, requests: Requests) -> None:
    pipeline.configure(labels=("segment", "plan"))
    with inferspan.batch([requests.enqueue(segment="eu"), requests.enqueue(segment="eu")]):
        infer(model="alike")
    with inferspan.batch([requests.enqueue(segment="eu"), requests.enqueue(segment="us")]):
        infer(model="different")
    alike, different = [span for span in manual.spans() if span.name.startswith("infer ")]
    assert alike.attributes["inferspan.label.segment"] == "eu"
    assert "inferspan.label.segment" not in different.attributes


def test_executed_on_another_thread(manual: Telemetry, requests: Requests) -> None:
    tokens = [requests.enqueue() for _ in range(2)]

    def execute() -> None:
        with inferspan.batch(tokens):
            infer()

    thread = threading.Thread(target=execute)
    thread.start()
    thread.join()
    assert len(inference(manual).links) == 2


@pytest.mark.parametrize("fails", [True, False])
def test_a_failing_batch_has_its_links(manual: Telemetry, requests: Requests, fails: bool) -> None:
    def execute(body: Callable[[], None]) -> None:
        with inferspan.batch([requests.enqueue() for _ in range(2)]), inferspan.inference("model"):
            body()

    if fails:
        with pytest.raises(ZeroDivisionError):
            execute(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    else:
        execute(lambda: None)
    span = inference(manual)
    assert len(span.links) == 2
    assert span.attributes.get("error.type") == ("ZeroDivisionError" if fails else None)


def test_nothing_is_recorded_while_switched_off(manual: Telemetry, requests: Requests) -> None:
    pipeline.configure(enabled=False)
    assert not config.in_force.enabled
    with inferspan.batch([requests.enqueue()]):
        infer()
    assert manual.spans() == []
    assert manual.points(QUEUE) == []
