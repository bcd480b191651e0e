# SPDX-License-Identifier: Apache-2.0
"""Services as people write them give the traces that a person would draw, out of the real Collector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import launcher, otlp
from support.collector import Collector

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as one:
        yield one


def run(collector: Collector, name: str, **variables: str) -> tuple[list[otlp.Span], dict[str, list[otlp.Point]]]:
    """Runs a program to its end; returns its spans, and each metric's points as last exported."""
    environment = launcher.environment(collector.endpoint_http, service=name, **variables)
    finished = launcher.run(PROGRAMS / f"{name}.py", env=environment)
    assert finished.returncode == 0, finished.stderr
    assert not finished.stderr
    collector.wait_for(lambda: [span for span in collector.traces() if span.resource["service.name"] == name])
    spans = [span for span in collector.traces() if span.resource["service.name"] == name]
    last: dict[str, dict[str, otlp.Point]] = {}
    for point in collector.metrics():
        if point.resource["service.name"] == name:
            last.setdefault(point.name, {})[str(sorted(point.attributes.items()))] = point
    return spans, {metric: list(points.values()) for metric, points in last.items()}


def total(points: list[otlp.Point]) -> tuple[int, float]:
    return sum(point.count or 0 for point in points), sum(point.sum or 0 for point in points)


def test_batches_are_linked_to_their_requests(collector: Collector) -> None:
    spans, metrics = run(collector, "batcher")
    requests = {span.span_id: span for span in spans if span.name == "request"}
    assert len(requests) == 21
    assert all(request.parent_span_id is None for request in requests.values())

    batches = sorted((span for span in spans if span.name == "infer digits"), key=lambda span: span.start_ns)
    assert [batch.attributes["inferspan.batch.request.count"] for batch in batches] == [8, 8, 4, 1]
    assert [batch.attributes["inferspan.batch.size"] for batch in batches] == [8, 8, 4, 1]
    *several, one = batches
    linked: list[str] = []
    for batch in several:
        # Not the first request's, although its context is what the batcher runs in.
        assert batch.parent_span_id is None
        assert batch.trace_id not in {request.trace_id for request in requests.values()}
        assert len(batch.links) == batch.attributes["inferspan.batch.request.count"]
        for link in batch.links:
            request = requests[link.span_id]
            assert link.trace_id == request.trace_id
            assert [back.span_id for back in request.links] == [batch.span_id]
            assert request.start_ns <= batch.start_ns <= batch.end_ns <= request.end_ns
            linked.append(link.span_id)
    # A single request is the batch's parent.
    assert one.parent_span_id in requests
    assert one.trace_id == requests[one.parent_span_id].trace_id
    linked.append(one.parent_span_id)
    assert sorted(linked) == sorted(requests)

    stages = [span for span in spans if span.name == "preprocess"]
    assert Counter(stage.parent_span_id for stage in stages) == Counter(list(requests))
    assert {span.name for span in spans} <= {"request", "infer digits", "preprocess", "postprocess", "load digits"}

    assert total(metrics["inferspan.inference.queue.duration"])[0] == 21
    waited = total(metrics["inferspan.inference.queue.duration"])[1]
    assert 21 * 0.015 < waited < sum(request.end_ns - request.start_ns for request in requests.values()) / 1e9
    assert total(metrics["inferspan.inference.batch.size"]) == (4, 21)
    assert total(metrics["inferspan.inference.duration"])[0] == 4
    stages_by_name = {point.attributes["inferspan.stage.name"]: point for point in metrics["inferspan.stage.duration"]}
    assert {name: point.count for name, point in stages_by_name.items()} == {"preprocess": 21, "postprocess": 4}


def test_other_threads_know_the_request(collector: Collector) -> None:
    spans, _ = run(collector, "pools")
    requests = {span.span_id: span for span in spans if span.scope.name == "app"}
    inferences = [span for span in spans if span.name == "infer digits"]
    found = Counter(requests[span.parent_span_id].name for span in inferences if span.parent_span_id in requests)
    ways = ["to_thread", "run_in_executor", "default executor", "submit", "map"]
    assert found == Counter(dict.fromkeys(ways, 5))
    # A thread of its own may be one that goes on to serve others: it does not say whose it is.
    others = [span for span in inferences if span.parent_span_id not in requests]
    assert [span.parent_span_id for span in others] == [None] * 5


def test_models_inside_a_model(collector: Collector) -> None:
    spans, metrics = run(collector, "models")
    wrappers = [span for span in spans if span.name == "infer Wrapper"]
    assert len(wrappers) == 3
    for wrapper in wrappers:
        parts = [span for span in spans if span.parent_span_id == wrapper.span_id]
        parts.sort(key=lambda span: span.start_ns)
        assert [part.name for part in parts] == ["infer detector", "infer digits", "infer classifier"]
        assert [part.attributes["inferspan.system.name"] for part in parts] == ["pytorch", "onnxruntime", "pytorch"]
        detector, scorer, classifier = parts
        assert "inferspan.anomalies" not in detector.attributes
        assert "inferspan.anomalies" not in scorer.attributes
        assert classifier.attributes["inferspan.anomalies"] == ["output: 100 % missing"]
        assert all(part.attributes["inferspan.batch.size"] == 16 for part in (wrapper, *parts))
    counts: Counter[str] = Counter()
    for point in metrics["inferspan.inference.duration"]:
        counts[point.attributes["inferspan.model.name"]] += point.count or 0
    assert counts == {"Wrapper": 3, "detector": 3, "digits": 3, "classifier": 3}
    cold = [point for point in metrics["inferspan.inference.duration"] if point.attributes.get("inferspan.cold")]
    assert [point.count for point in cold] == [1] * 4
