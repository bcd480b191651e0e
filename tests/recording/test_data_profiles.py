# SPDX-License-Identifier: Apache-2.0
"""A closed window is an event for each of its fields, and tells no single value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import inferspan
from inferspan import pipeline
from inferspan.profiling import capture, profilers
from inferspan.profiling._included import ImageBrightness
from inferspan.profiling.profilers import register_profiler
from inferspan.recording import drops, profiles
from inferspan.semconv import attributes as names

from .conftest import SECOND, Models

EVENT = "inferspan.data.profile"


def closed(models: Models) -> list[Any]:
    """Returns the events of windows that were closed, or are closed now."""
    profiles.close_all()
    return [event for event in models.telemetry.events() if event.event_name == EVENT]


def by_field(events: list[Any]) -> dict[str, Any]:
    return {event.attributes[names.INFERSPAN_FIELD_NAME]: event for event in events}


def test_a_window_in_full(models: Models) -> None:
    for value in range(1, 21):
        row = [value, -1.0 if value % 2 else math.nan, math.inf if value == 7 else 0.0]
        models.infer({"x": np.array([row], dtype=np.float32)}, {"score": np.array([value / 32])}, version="3")
        models.now += SECOND
    events = by_field(closed(models))

    assert list(events) == ["x.1", "x.2", "x.0", "score"]  # the worst first
    assert {(event.timestamp, event.trace_id, event.severity_text) for event in events.values()} == {
        (models.now, 0, None)
    }
    common = {
        "inferspan.system.name": "_OTHER",
        "inferspan.model.name": "fraud",
        "inferspan.model.version": "3",
        "inferspan.io.direction": "input",
        "inferspan.field.type": "float32",
        "inferspan.window.start": "2023-11-14T22:13:20.000Z",
        "inferspan.window.end": "2023-11-14T22:13:40.000Z",
        "inferspan.window.inference.count": 20,
        "inferspan.field.profile.count": 20,
        "inferspan.field.profile.missing_count": 0,
        "inferspan.field.profile.infinite_count": 0,
        "inferspan.field.profile.zero_count": 0,
        "inferspan.field.profile.missing_ratio": 0.0,
        "inferspan.field.profile.infinite_ratio": 0.0,
    }
    assert dict(events["x.0"].attributes) == {
        **common,
        "inferspan.field.name": "x.0",
        "inferspan.field.profile.minimum": 1.0,
        "inferspan.field.profile.maximum": 20.0,
        "inferspan.field.profile.mean": 10.5,
        "inferspan.field.profile.standard_deviation": math.sqrt(399 / 12),
        "inferspan.field.profile.quantile_05": pytest.approx(1.95, abs=0.05),
        "inferspan.field.profile.quantile_50": pytest.approx(10.5, abs=0.3),
        "inferspan.field.profile.quantile_95": pytest.approx(19.05, abs=0.5),
    }
    assert dict(events["x.1"].attributes) == {
        **common,
        "inferspan.field.name": "x.1",
        "inferspan.field.profile.missing_count": 10,
        "inferspan.field.profile.missing_ratio": 0.5,
        **{f"inferspan.field.profile.{one}": -1.0 for one in ("minimum", "maximum", "mean")},
        **{f"inferspan.field.profile.quantile_{one}": -1.0 for one in ("05", "50", "95")},
        "inferspan.field.profile.standard_deviation": 0.0,
    }
    assert dict(events["x.2"].attributes) == {
        **common,
        "inferspan.field.name": "x.2",
        "inferspan.field.profile.zero_count": 19,
        "inferspan.field.profile.infinite_count": 1,
        "inferspan.field.profile.infinite_ratio": 0.05,
        **{f"inferspan.field.profile.{one}": 0.0 for one in ("minimum", "maximum", "mean", "standard_deviation")},
        **{f"inferspan.field.profile.quantile_{one}": 0.0 for one in ("05", "50", "95")},
    }
    assert events["score"].attributes["inferspan.io.direction"] == "output"
    assert events["score"].attributes["inferspan.field.type"] == "float64"


def test_fewer_values_than_the_least_have_no_statistics(models: Models) -> None:
    for value in range(9):
        models.infer({"x": np.array([[value + 0.5, 1.0]])})
    few = by_field(closed(models))["x.0"].attributes
    models.infer({"x": np.array([[value + 0.5, math.nan] for value in range(10)])})
    enough = by_field(closed(models))

    statistics = {
        names.INFERSPAN_FIELD_PROFILE_MINIMUM,
        names.INFERSPAN_FIELD_PROFILE_MAXIMUM,
        names.INFERSPAN_FIELD_PROFILE_MEAN,
        names.INFERSPAN_FIELD_PROFILE_STANDARD_DEVIATION,
        names.INFERSPAN_FIELD_PROFILE_QUANTILE_05,
        names.INFERSPAN_FIELD_PROFILE_QUANTILE_50,
        names.INFERSPAN_FIELD_PROFILE_QUANTILE_95,
    }
    assert not statistics & set(few)
    assert few[names.INFERSPAN_FIELD_PROFILE_COUNT] == 9
    assert statistics <= set(enough["x.0"].attributes)
    assert not statistics & set(enough["x.1"].attributes)


def test_nothing_is_ever_infinite_or_no_number(models: Models) -> None:
    largest = np.finfo(np.float64).max
    for values in ([largest] * 20, [largest, -largest] * 10, [math.nan] * 20, [math.inf] * 20, [5e-324] * 20):
        models.infer({"x": np.array(values)})
        (event,) = closed(models)
        numbers = [value for value in event.attributes.values() if isinstance(value, float)]
        assert all(map(math.isfinite, numbers))


def test_a_large_array_is_said_to_be_sampled(models: Models) -> None:
    models.infer({"image": np.linspace(-1, 1, 200_000, dtype=np.float32).reshape(1, 2, 1000, 100)})
    (event,) = closed(models)

    assert event.attributes[names.INFERSPAN_FIELD_PROFILE_SAMPLED] is True
    assert event.attributes[names.INFERSPAN_FIELD_PROFILE_COUNT] == 200_000
    assert event.attributes[names.INFERSPAN_FIELD_PROFILE_QUANTILE_50] == pytest.approx(0, abs=0.05)


def test_frequent_values_and_how_many_different_ones(models: Models) -> None:
    for number in range(40):
        models.infer({"x": np.ones(16)}, {"label": np.array([number % 3, 7, number]), "spam": np.array([number > 5])})
    events = by_field(closed(models))

    label = events["label"].attributes
    assert label[names.INFERSPAN_FIELD_PROFILE_DISTINCT_COUNT] == 40
    assert label[names.INFERSPAN_FIELD_PROFILE_CATEGORIES] == ("7", "0", "1", "2")  # the others were seen too rarely
    assert label[names.INFERSPAN_FIELD_PROFILE_CATEGORY_COUNTS] == (41, 15, 14, 14)
    spam = events["spam"].attributes
    assert spam[names.INFERSPAN_FIELD_PROFILE_DISTINCT_COUNT] == 2
    assert spam[names.INFERSPAN_FIELD_PROFILE_CATEGORIES] == ("true",)  # the other was seen six times
    assert spam[names.INFERSPAN_FIELD_PROFILE_CATEGORY_COUNTS] == (34,)
    assert names.INFERSPAN_FIELD_PROFILE_DISTINCT_COUNT not in events["x"].attributes


def test_what_the_applications_profilers_say(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profilers, "_found", {})
    monkeypatch.setitem(profilers.registered, "brightness", None)
    register_profiler("brightness", ImageBrightness, models="fraud", fields="pixel_values")
    image = np.full((2, 3, 64, 64), 0.5, np.float32)
    for factor in (1, 1, 2):
        models.infer({"pixel_values": image * factor, "other": image})
    models.infer({"pixel_values": image}, model="another")
    events = [dict(event.attributes) for event in closed(models)]

    told = {
        (one["inferspan.model.name"], one["inferspan.field.name"]): {
            key.removeprefix("inferspan.field.profile.custom."): value for key, value in one.items() if "custom" in key
        }
        for one in events
    }
    assert told == {
        ("fraud", "pixel_values"): {
            "brightness.count": 6.0,
            "brightness.mean": pytest.approx(2 / 3),
            "brightness.standard_deviation": pytest.approx(math.sqrt(2) / 6),
            "brightness.minimum": pytest.approx(0.5),
            "brightness.maximum": pytest.approx(1.0),
        },
        ("fraud", "other"): {},
        ("another", "pixel_values"): {},
    }
    assert all(type(value) is float for value in told["fraud", "pixel_values"].values())


class _Modelled:
    """Runs a model of its own."""

    def __init__(self) -> None:
        self.scores = 0

    def update(self, values: Any, shape: tuple[int, ...]) -> None:
        with inferspan.inference("inner") as call:
            call.inputs({"x": values})
        self.scores += 1

    def merge(self, summary: Any) -> None:
        self.scores += summary["scores"]

    def summary(self) -> dict[str, Any]:
        return {"scores": self.scores}


def test_a_model_that_a_profiler_runs_is_not_recorded(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profilers, "_found", {})
    monkeypatch.setitem(profilers.registered, "modelled", None)
    register_profiler("modelled", _Modelled)
    models.infer({"x": np.ones(16)})
    models.infer({"x": np.ones(16)})
    (event,) = closed(models)
    assert event.attributes["inferspan.field.profile.custom.modelled.scores"] == 2
    assert [span.attributes["inferspan.model.name"] for span in models.telemetry.spans()] == ["fraud"] * 2


def test_beyond_the_limit_the_best_fields_are_counted_and_not_told(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drops, "counts", {})
    pipeline.configure(raise_faults=True, defer=False, window_events=2)
    rows = np.ones((40, 50))
    rows[:10, 31] = math.nan
    rows[:20, 40] = math.inf
    models.infer({"x": rows})
    events = closed(models)

    assert [event.attributes[names.INFERSPAN_FIELD_NAME] for event in events] == ["x.40", "x.31"]
    assert {event.attributes[names.INFERSPAN_WINDOW_OMITTED_FIELD_COUNT] for event in events} == {48}
    assert drops.counts == {"profile_event_limit": 48}


def test_windows_are_closed_by_number_and_by_time(models: Models) -> None:
    pipeline.configure(raise_faults=True, defer=False, window_inferences=3, window_seconds=60)
    x = {"x": np.ones(16)}
    for _ in range(4):
        models.infer(x)
    (by_number,) = models.telemetry.events()
    models.now += 61 * SECOND
    models.infer(x)
    (by_time,) = models.telemetry.events()

    assert by_number.attributes[names.INFERSPAN_WINDOW_INFERENCE_COUNT] == 3
    assert by_time.attributes[names.INFERSPAN_WINDOW_INFERENCE_COUNT] == 2


def test_a_collection_of_metrics_closes_what_is_due(models: Models) -> None:
    models.infer({"x": np.ones(16)})
    models.now += 61 * SECOND
    assert not models.telemetry.events()
    assert models.values("inferspan.field.values") == {("input", "x"): 16}
    (event,) = models.telemetry.events()
    assert event.event_name == EVENT


@pytest.mark.parametrize("provider", ["meter_provider", "logger_provider", "tracer_provider"])
def test_the_shutdown_of_a_provider_closes_the_windows(models: Models, provider: str) -> None:
    models.infer({"x": np.ones(16)})
    getattr(models.telemetry, provider).shutdown()

    records = [data.log_record for data in models.telemetry._logs.get_finished_logs()]
    assert [record.event_name for record in records] == [EVENT]


def test_data_of_no_inference_has_the_name_of_its_entity(models: Models) -> None:
    models.windows.add_entity("features.v2", capture({"age": np.arange(16.0)}, max_elements=10_000))
    (event,) = closed(models)

    attributes = dict(event.attributes)
    assert attributes[names.INFERSPAN_ENTITY_NAME] == "features.v2"
    assert attributes[names.INFERSPAN_FIELD_NAME] == "age"
    assert not {names.INFERSPAN_MODEL_NAME, names.INFERSPAN_SYSTEM_NAME, names.INFERSPAN_IO_DIRECTION} & set(attributes)
    assert models.values("inferspan.field.values") == {(None, "age"): 16}


def test_an_event_belongs_to_no_trace_although_one_is_in_progress(models: Models) -> None:
    models.infer({"x": np.ones(16)})
    with models.telemetry.tracer_provider.get_tracer("application").start_as_current_span("request"):
        (event,) = closed(models)
    assert (event.trace_id, event.span_id) == (0, 0)
