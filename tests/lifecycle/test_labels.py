# SPDX-License-Identifier: Apache-2.0
"""Labels are on everything that is emitted in their context, with declared keys and as many values as are allowed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import numpy as np
import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult
from registry import load
from support.telemetry import Telemetry

import inferspan
from inferspan import faults, pipeline
from inferspan.recording import drops, finish
from inferspan.recording import labels as home
from inferspan.semconv import attributes as names

from .conftest import use

X = np.linspace(0, 1, 16, dtype=np.float32)
DURATION = "inferspan.inference.duration"
SEGMENT = "inferspan.label.segment"
TENANT = "inferspan.label.tenant"


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two keys with three values each, none of which was met before."""
    for name, kind in (("_sets", dict), ("_values", dict), ("_warned", set)):
        monkeypatch.setattr(home, name, kind())
    drops.counts.clear()
    pipeline.configure(labels=("segment", "tenant"), max_label_values=3)


def infer(model: str = "model") -> None:
    with inferspan.inference(model) as call:
        call.inputs(X)


def labels_of(attributes: Any) -> dict[str, str]:
    """Returns the labels among the attributes of anything."""
    prefix = f"{names.INFERSPAN_LABEL}."
    return {key.removeprefix(prefix): value for key, value in attributes.items() if key.startswith(prefix)}


def of_spans(telemetry: Telemetry) -> list[dict[str, str]]:
    return [labels_of(span.attributes) for span in telemetry.spans()]


# -- where they are --------------------------------------------------------------------------------------------------


def test_a_block_labels_the_spans_and_metrics_of_what_is_in_it(manual: Telemetry) -> None:
    with (
        manual.tracer_provider.get_tracer("app").start_as_current_span("request"),
        inferspan.labels(segment="eu"),
    ):
        infer()
        with inferspan.stage("postprocess"):
            pass
    infer()
    assert {(span.name, span.attributes.get(SEGMENT)) for span in manual.spans()} == {
        ("request", None),
        ("infer model", "eu"),
        ("infer model", None),
        ("postprocess", "eu"),
    }
    for metric, expected in {
        DURATION: [{"segment": "eu"}, {}],
        "inferspan.inference.batch.size": [{"segment": "eu"}, {}],
        "inferspan.stage.duration": [{"segment": "eu"}],
    }.items():
        assert [labels_of(point.attributes) for point in manual.points(metric)] == expected, metric
        (found,) = [one for one in load().metrics if one.name == metric]
        assert names.INFERSPAN_LABEL in {attribute.key for attribute in found.attributes}


def test_samplers_see_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []

    class Looking(Sampler):
        def should_sample(
            self, parent_context: Any, trace_id: int, name: str, kind: Any = None, attributes: Any = None, *_: Any
        ) -> SamplingResult:
            seen.append(labels_of(attributes))
            return SamplingResult(Decision.DROP)

        def get_description(self) -> str:
            return "looks"

    with Telemetry(sampler=Looking()) as telemetry:
        use(telemetry, monkeypatch)
        with inferspan.labels(segment="eu"):
            infer()
    assert seen == [{"segment": "eu"}]


def test_the_event_of_a_failure_that_is_not_sampled_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finish, "_allowance", finish._Allowance())
    monkeypatch.setenv("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", "logs")
    with Telemetry(sampler=ALWAYS_OFF) as telemetry:
        use(telemetry, monkeypatch)
        with pytest.raises(ZeroDivisionError), inferspan.labels(segment="eu"), inferspan.inference("model"):
            raise ZeroDivisionError
        telemetry.tracer_provider.force_flush()
        assert {event.event_name: labels_of(event.attributes) for event in telemetry.events()} == {
            "inferspan.inference.exception": {"segment": "eu"},
            "inferspan.inference.anomaly": {"segment": "eu"},
        }


def test_an_inference_has_the_labels_of_where_it_started(manual: Telemetry) -> None:
    @inferspan.inference("stream")
    def stream() -> Generator[int]:
        yield from range(3)

    with inferspan.labels(segment="eu"):
        items = stream()
        next(items)
    with inferspan.labels(segment="us"):
        assert list(items) == [1, 2]
    assert of_spans(manual) == [{"segment": "eu"}]


# -- blocks in blocks ------------------------------------------------------------------------------------------------


def test_an_inner_block_adds_and_replaces_until_it_ends(manual: Telemetry) -> None:
    with inferspan.labels(segment="eu", tenant="a"):
        with inferspan.labels(segment="us"):
            infer()
            with inferspan.labels(tenant="b"):
                infer()
        infer()
    infer()
    assert of_spans(manual) == [
        {"segment": "us", "tenant": "a"},
        {"segment": "us", "tenant": "b"},
        {"segment": "eu", "tenant": "a"},
        {},
    ]


def test_the_same_labels_however_they_were_given_are_one_set_and_one_series(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "_MAX_SETS", 3)  # each of the two, and both
    infer()  # the cold call
    for first, second in (({"segment": "eu"}, {"tenant": "a"}), ({"tenant": "a"}, {"segment": "eu"})):
        with inferspan.labels(**first), inferspan.labels(**second):
            infer()
    with inferspan.labels(tenant="a", segment="eu"):
        infer()
    points = {tuple(sorted(labels_of(point.attributes).items())): point.count for point in manual.points(DURATION)}
    assert points == {(): 1, (("segment", "eu"), ("tenant", "a")): 3}


def test_an_error_leaves_the_block_as_it_is_and_the_labels_behind(manual: Telemetry) -> None:
    error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError) as caught, inferspan.labels(segment="eu"):
        raise error
    assert caught.value is error
    infer()
    assert of_spans(manual) == [{}]


# -- decorators ------------------------------------------------------------------------------------------------------


def test_functions_and_coroutine_functions_are_decorated(manual: Telemetry) -> None:
    @inferspan.labels(segment="eu")
    def score(x: int, *, y: int = 2) -> tuple[int, int]:
        """Says what it does."""
        infer()
        return x, y

    @inferspan.labels(segment="us")
    async def wait(x: int) -> int:
        infer()
        await asyncio.sleep(0)
        infer()
        return x

    assert (score.__name__, score.__doc__) == ("score", "Says what it does.")
    assert score(1) == (1, 2)
    assert score(1, y=3) == (1, 3)
    assert asyncio.iscoroutinefunction(wait)
    coroutine = wait(4)
    infer()  # nothing of it has been executed so far
    assert asyncio.run(coroutine) == 4
    assert of_spans(manual) == [{"segment": "eu"}] * 2 + [{}] + [{"segment": "us"}] * 2


def generator() -> Generator[int]:
    yield 1


async def asynchronous_generator() -> AsyncGenerator[int]:
    yield 1


@pytest.mark.parametrize("function", [generator, asynchronous_generator])
def test_generators_are_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=f"{function.__name__} is a generator function: use a with block"):
        inferspan.labels(segment="eu")(function)


# -- threads and tasks -----------------------------------------------------------------------------------------------


def test_one_object_in_many_threads(manual: Telemetry) -> None:
    shared = inferspan.labels(segment="eu")
    barrier = threading.Barrier(3)

    def work(tenant: str) -> None:
        for _ in range(20):
            with inferspan.labels(tenant=tenant), shared:
                barrier.wait(30)  # all are in the block
                infer(tenant)
                with shared, inferspan.stage("inside"):
                    barrier.wait(30)
                infer(tenant)
                barrier.wait(30)
            infer("after")

    threads = [threading.Thread(target=work, args=(tenant,)) for tenant in "abc"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    found = [(span.name, labels_of(span.attributes)) for span in manual.spans()]
    for tenant in "abc":
        expected = (f"infer {tenant}", {"segment": "eu", "tenant": tenant})
        assert found.count(expected) == 40
    assert found.count(("infer after", {})) == 60
    assert len(found) == 180


def test_one_object_in_many_tasks_that_end_in_another_order(manual: Telemetry) -> None:
    shared = inferspan.labels(segment="eu")

    async def work(number: int, turns: list[asyncio.Event]) -> None:
        with inferspan.labels(tenant=str(number)), shared:
            await turns[number].wait()
            infer()
        infer("after")
        if number:
            turns[number - 1].set()

    async def main() -> None:
        turns = [asyncio.Event() for _ in range(3)]
        tasks = [asyncio.create_task(work(number, turns)) for number in range(3)]
        await asyncio.sleep(0)
        infer("beside")
        turns[2].set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert [(span.name, labels_of(span.attributes).get("tenant")) for span in manual.spans()] == [
        ("infer beside", None),
        ("infer model", "2"),
        ("infer after", None),
        ("infer model", "1"),
        ("infer after", None),
        ("infer model", "0"),
        ("infer after", None),
    ]


def test_what_a_block_starts_has_its_labels_and_keeps_them(manual: Telemetry) -> None:
    async def later(left: asyncio.Event) -> None:
        await left.wait()
        infer("task")

    async def main() -> None:
        left = asyncio.Event()
        with inferspan.labels(segment="eu"):
            task = asyncio.create_task(later(left))
            await asyncio.to_thread(infer, "thread")
        left.set()
        await task
        infer("outside")

    asyncio.run(main())
    assert [(span.name, labels_of(span.attributes)) for span in manual.spans()] == [
        ("infer thread", {"segment": "eu"}),
        ("infer task", {"segment": "eu"}),
        ("infer outside", {}),
    ]


# -- what is not taken -----------------------------------------------------------------------------------------------


def test_a_key_that_is_not_declared_is_dropped_with_one_warning(
    manual: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        with inferspan.labels(segment="eu", user="jane@example.org"):
            infer()
    assert of_spans(manual) == [{"segment": "eu"}] * 3
    (record,) = [record for record in caplog.records if record.name == "inferspan" and record.levelno > logging.INFO]
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "the label user is dropped: the setting labels does not declare it"
    assert dropped(manual) == {"label_undeclared": 3}
    with inferspan.labels(other="x"):
        pass
    assert "the label other is dropped" in caplog.text


def test_without_declared_keys_there_are_no_labels(manual: Telemetry) -> None:
    pipeline.configure(labels=())
    with inferspan.labels(segment="eu"):
        infer()
    assert of_spans(manual) == [{}]
    assert dropped(manual) == {"label_undeclared": 1}


def test_values_beyond_the_limit_are_others_and_counted(manual: Telemetry) -> None:
    for segment in ("a", "b", "c", "d", "e", "a"):
        with inferspan.labels(segment=segment, tenant="x"):
            infer()
    assert [found["segment"] for found in of_spans(manual)] == ["a", "b", "c", "_OTHER", "_OTHER", "a"]
    counts: dict[str, int] = {}
    for point in manual.points(DURATION):
        counts[point.attributes[SEGMENT]] = counts.get(point.attributes[SEGMENT], 0) + point.count
        assert point.attributes[TENANT] == "x"
    assert counts == {"a": 2, "b": 1, "c": 1, "_OTHER": 2}
    assert dropped(manual) == {"label_limit": 2}


def test_sets_beyond_the_limit_are_none_and_counted(manual: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "_MAX_SETS", 2)
    for segment in "abca":
        with inferspan.labels(segment=segment):
            infer()
    assert of_spans(manual) == [{"segment": "a"}, {"segment": "b"}, {}, {"segment": "a"}]
    assert dropped(manual) == {"label_limit": 1}


def dropped(telemetry: Telemetry) -> dict[str, int]:
    return {
        point.attributes[names.INFERSPAN_SELF_DROP_REASON]: point.value
        for point in telemetry.points("inferspan.self.dropped")
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (17, "17"),
        (None, "None"),
        (True, "True"),
        ("", ""),
        ("x" * 100, "x" * 64),
        ("süß", "süß"),
        ("a\udcff", "a?"),
    ],
    ids=["number", "None", "truth", "empty", "long", "not ASCII", "not UTF-8"],
)
def test_values_are_text_of_bounded_length(manual: Telemetry, value: object, text: str) -> None:
    with inferspan.labels(segment=value):
        infer()
    assert of_spans(manual) == [{"segment": text}]


def test_two_values_that_are_the_same_text_are_one_series(manual: Telemetry) -> None:
    infer()
    for value in (17, "17"):
        with inferspan.labels(segment=value):
            infer()
    assert {point.attributes.get(SEGMENT): point.count for point in manual.points(DURATION)} == {None: 1, "17": 2}


class Unspeakable:
    """Cannot be put into words."""

    def __str__(self) -> str:
        raise ValueError("no words")


def test_a_value_without_words_costs_the_labels_and_nothing_else(
    manual: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "strict", False)
    with inferspan.labels(tenant="a"), inferspan.labels(segment=Unspeakable()):
        infer()
    infer()
    assert of_spans(manual) == [{"tenant": "a"}, {}]
    assert faults.counts.pop("labels") == 1
