# SPDX-License-Identifier: Apache-2.0
"""Which models are there, as a metric, and what changes under a name, as an event."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from support.telemetry import Telemetry

import inferspan
from inferspan import identity, pipeline
from inferspan.artifact import Artifact
from inferspan.identity import Evidence
from inferspan.recorder import Recorder
from inferspan.recording import limits


@pytest.fixture(autouse=True)
def nobody_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_claims", {})
    monkeypatch.setattr(identity, "_named", {})
    monkeypatch.setattr(limits, "_models", {})


@pytest.fixture
def recorder(telemetry: Telemetry) -> Recorder:
    return pipeline.recorder("changes", system="onnxruntime", **telemetry.providers)


class Net:
    """Something that infers."""

    def __init__(self, content: bytes | None = None, **evidence: Any) -> None:
        self.evidence = Evidence(class_name="app.Net", **evidence)
        if content is not None:
            artifact = Artifact.of(content, format="onnx")
            assert artifact is not None
            identity.note_artifact(self, artifact)


def infer(recorder: Recorder, net: Net, *, device: str | None = None) -> None:
    call = recorder.start(lambda: identity.known(net) or identity.identify(net, net.evidence), device=device)
    assert call is not None
    call.succeed()


def listed(telemetry: Telemetry) -> list[dict[str, Any]]:
    points = telemetry.points("inferspan.model.info")
    assert {point.value for point in points} <= {1}
    return [
        {key.removeprefix("inferspan.").removeprefix("model."): value for key, value in point.attributes.items()}
        for point in points
    ]


def events(telemetry: Telemetry) -> list[dict[str, Any]]:
    found = telemetry.events()
    assert {event.event_name for event in found} <= {"inferspan.model.changed"}
    return [
        {key.removeprefix("inferspan.").removeprefix("model."): value for key, value in event.attributes.items()}
        for event in found
    ]


# -- inferspan.model.info ----------------------------------------------------------------------------------------------


def test_a_model_is_listed_with_what_is_known_of_it(telemetry: Telemetry, recorder: Recorder) -> None:
    net = Net(b"one")
    inferspan.describe(net, name="fraud", version="7", preprocessing="resize-224-v2", config_digest="sha256:5f70")
    infer(recorder, net, device="cuda:0")
    assert listed(telemetry) == [
        {
            "system.name": "onnxruntime",
            "name": "fraud",
            "version": "7",
            "format": "onnx",
            "preprocessing": "resize-224-v2",
            "execution.device": "cuda:0",
        }
    ]
    pipeline.configure(model_info_digests=True)
    (one,) = listed(telemetry)
    assert str(one["digest"]).startswith("sha256:")
    assert one["config.digest"] == "sha256:5f70"


def test_a_model_that_is_gone_is_not_listed(telemetry: Telemetry, recorder: Recorder) -> None:
    first, second = Net(b"one"), Net(b"two")
    infer(recorder, first)
    infer(recorder, second)
    names = [one["version"] for one in listed(telemetry)]
    assert len(names) == 2
    del first
    gc.collect()
    assert [one["version"] for one in listed(telemetry)] == names[1:]


def test_what_is_said_later_replaces_what_was_found_at_once(telemetry: Telemetry, recorder: Recorder) -> None:
    net = Net()
    infer(recorder, net)
    assert [one["name"] for one in listed(telemetry)] == ["Net"]
    inferspan.describe(net, name="fraud")
    assert [one["name"] for one in listed(telemetry)] == ["fraud"]
    infer(recorder, net)
    assert [one["name"] for one in listed(telemetry)] == ["fraud"]


def test_a_model_whose_facts_are_to_be_read_anew_stays_listed(telemetry: Telemetry, recorder: Recorder) -> None:
    net = Net()
    infer(recorder, net)
    identity.forget(net)
    assert [one["name"] for one in listed(telemetry)] == ["Net"]


def test_several_objects_of_one_model_are_listed_once(telemetry: Telemetry, recorder: Recorder) -> None:
    nets = [Net() for _ in range(4)]
    for net, device in zip(nets, (None, "cuda:0", "cuda:1", None), strict=True):
        infer(recorder, net, device=device)
    assert sorted(one["execution.device"] for one in listed(telemetry)) == ["cuda:0", "cuda:1"]
    infer(recorder, nets[1], device="cuda:1")
    assert [one["execution.device"] for one in listed(telemetry)] == ["cuda:1"]


def test_a_model_known_by_name_stays(telemetry: Telemetry, recorder: Recorder) -> None:
    call = recorder.start(identity.named("fraud", "7"))
    assert call is not None
    call.succeed()
    gc.collect()
    assert [one["name"] for one in listed(telemetry)] == ["fraud"]


def test_as_many_are_listed_as_have_series(telemetry: Telemetry, recorder: Recorder) -> None:
    pipeline.configure(max_models=3)
    nets = [Net(graph_name=None) for _ in range(10)]
    for index, net in enumerate(nets):
        inferspan.describe(net, name=f"m{index}")
        infer(recorder, net)
    assert sorted(one["name"] for one in listed(telemetry)) == ["m0", "m1", "m2"]
    from inferspan.recording import drops

    assert drops.counts.pop("model_limit") == 7


# -- inferspan.model.changed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fact", ["version", "preprocessing", "config_digest"])
def test_another_value_is_an_event(telemetry: Telemetry, recorder: Recorder, fact: str) -> None:
    net = Net()
    inferspan.describe(net, name="fraud", **{fact: "one"})
    infer(recorder, net)
    inferspan.describe(net, name="fraud", **{fact: "two"})
    assert events(telemetry) == []
    infer(recorder, net)
    infer(recorder, net)
    key = fact.replace("_", ".")
    assert events(telemetry) == [
        {"system.name": "onnxruntime", "name": "fraud", key: "two", f"previous.{key}": "one"},
    ]


def test_the_event_belongs_to_the_first_inference(telemetry: Telemetry, recorder: Recorder) -> None:
    for version in ("1", "2"):
        net = Net()
        inferspan.describe(net, name="fraud", version=version)
        infer(recorder, net)
    _, second = telemetry.spans()
    (event,) = telemetry.events()
    assert second.context is not None
    assert (event.trace_id, event.span_id) == (second.context.trace_id, second.context.span_id)
    assert event.timestamp == second.start_time


def test_there_and_back_again(telemetry: Telemetry, recorder: Recorder) -> None:
    for content in (b"one", b"two", b"one"):
        infer(recorder, Net(content))
        gc.collect()
    first, second = events(telemetry)
    assert (first["previous.version"], first["version"]) == (second["version"], second["previous.version"])


def test_two_versions_side_by_side_do_not_change_one_another(telemetry: Telemetry, recorder: Recorder) -> None:
    nets = [Net(content) for content in (b"one", b"two") for _ in range(3)]
    for net in (*nets, *nets):
        infer(recorder, net)
    assert len(events(telemetry)) == 1
    more = [Net(content) for content in (b"one", b"two", b"one")]
    for net in more:
        infer(recorder, net)
    assert events(telemetry) == []


def test_what_becomes_known_is_no_change(telemetry: Telemetry, recorder: Recorder) -> None:
    net = Net(b"one")
    infer(recorder, net)
    inferspan.describe(net, version="7", preprocessing="a", config_digest="b")
    infer(recorder, net)
    assert events(telemetry) == []
    again = Net(b"one")
    infer(recorder, again)
    assert events(telemetry) == []
    other = Net(b"two")
    inferspan.describe(other, version="8", preprocessing="c")
    infer(recorder, other)
    (event,) = events(telemetry)
    assert (event["previous.version"], event["previous.preprocessing"]) == ("7", "a")


def test_other_names_are_others(telemetry: Telemetry, recorder: Recorder) -> None:
    for index in range(3):
        net = Net()
        inferspan.describe(net, name=f"m{index}", version=str(index))
        infer(recorder, net)
    assert events(telemetry) == []
