# SPDX-License-Identifier: Apache-2.0
"""The registry keeps the rules, and the rules catch what breaks them."""

import copy
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import registry
import rules
import source
import upstream
import yaml

Mutation = Callable[["Draft"], None]

DURATION = "inferspan.inference.duration"
EXCEPTION = "inferspan.inference.exception"
SYSTEM = "inferspan.system.name"
NAMES = "inferspan.input.names"


class Draft:
    """A copy of the registry's files to break."""

    def __init__(self) -> None:
        original = copy.deepcopy(source.read())
        self.manifest = dict(original.manifest)
        self.source = source.Source(manifest=self.manifest, documents=original.documents)

    def find(self, name: str) -> Any:
        """The definition with a name, of whatever kind."""
        return next(
            entry
            for section, key in rules.NAMED.items()
            for entry in self.source.entries(section)
            if entry[key] == name
        )

    def add_attribute(self, key: str, **fields: Any) -> None:
        self.source.documents["attributes.yaml"]["attributes"].append(
            {"key": key, "type": "int", "stability": "development", "brief": "A number.", **fields}
        )

    def refer(self, signal: str, **reference: Any) -> None:
        self.find(signal)["attributes"].append(reference)


def put(name: str, /, **fields: Any) -> Mutation:
    """Sets fields of a definition."""
    return lambda draft: draft.find(name).update(fields)


def annotate(name: str, /, **annotations: Any) -> Mutation:
    """Sets annotations of a definition."""
    return lambda draft: draft.find(name)["annotations"].update(annotations)


def remove(name: str, field: str) -> Mutation:
    """Removes a field of a definition."""
    return lambda draft: draft.find(name).pop(field)


def refer(signal: str, ref: str, level: Any = "recommended", **fields: Any) -> Mutation:
    """Adds a reference to an attribute."""
    return lambda draft: draft.refer(signal, ref=ref, requirement_level=level, **fields)


def attribute(key: str, **fields: Any) -> Mutation:
    """Adds an attribute."""
    return lambda draft: draft.add_attribute(key, **fields)


def member(name: str, /, **fields: Any) -> Mutation:
    """Sets fields of the first member of an enumeration."""
    return lambda draft: draft.find(name)["type"]["members"][0].update(fields)


def manifest(**fields: Any) -> Mutation:
    """Sets fields of the manifest."""
    return lambda draft: draft.manifest.update(fields)


BROKEN: dict[str, tuple[Mutation, str]] = {
    # The files' form
    "misspelt field": (put(DURATION, untis="s"), "'untis' was unexpected"),
    "no stability": (remove(NAMES, "stability"), "'stability' is a required property"),
    "unknown stability": (put(DURATION, stability="experimental"), "metrics.yaml"),
    "unknown instrument": (put(DURATION, instrument="summary"), "metrics.yaml"),
    "unknown type": (put(NAMES, type="text[]"), "attributes.yaml"),
    "unknown requirement level": (refer(EXCEPTION, "inferspan.model.format", "mandatory"), "events.yaml"),
    "no file format": (
        lambda draft: draft.source.documents["events.yaml"].pop("file_format"),
        "events.yaml: no file_format",
    ),
    # The manifest
    "schema URL without a version": (manifest(schema_url="https://inferspan.dev"), "is not http(s)://"),
    "schema URL without the maturity": (
        manifest(schema_url="https://inferspan.dev/schemas/inferspan/0.1.0"),
        "does not tell the stability",
    ),
    "no dependency": (manifest(dependencies=[]), "no dependency"),
    "dependency without a schema URL": (
        manifest(dependencies=[{"registry_path": ".deps"}]),
        "dependency without schema_url",
    ),
    # Names
    "camel case": (attribute("inferspan.modelName"), "inferspan.modelName: not lower-case words"),
    "trailing underscore": (attribute("inferspan.size_"), "inferspan.size_: not lower-case words"),
    "empty word": (attribute("inferspan..size"), "inferspan..size: not lower-case words"),
    "foreign namespace": (attribute("hw.gpu.clock"), "hw.gpu.clock: not within the namespace"),
    "attribute twice": (attribute("inferspan.cold"), "inferspan.cold: defined 2 times"),
    "same constant": (attribute("inferspan.model_name"), "inferspan_model_name: 2 names"),
    "attribute below another": (attribute("inferspan.cold.start"), "inferspan.cold: also the namespace of"),
    "attribute above others": (
        attribute("inferspan.input.profile"),
        "inferspan.input.profile: also the namespace of inferspan.input.profile.counts",
    ),
    "metric below another": (
        put("inferspan.inference.active", name=f"{DURATION}.max"),
        f"{DURATION}: also the namespace of",
    ),
    "array in the singular": (attribute("inferspan.size", type="int[]"), "an array needs a plural name"),
    "output of another type": (
        put("inferspan.output.profile.counts", type="double[]", examples=[[1.0]]),
        "inferspan.output.profile.counts: not of the same type",
    ),
    # Texts
    "brief that is no sentence": (put(DURATION, brief="Duration"), "brief is not a sentence"),
    "member without a brief": (member(SYSTEM, brief=""), "has no sentence as its brief"),
    "member without a stability": (member(SYSTEM, stability=None), "member pytorch has no stability"),
    "member that is no identifier": (member(SYSTEM, id="Py.Torch"), "is no lower-case identifier"),
    "member with a number as its value": (member(SYSTEM, value=1), "has no text as its value"),
    "member twice": (member(SYSTEM, id="onnxruntime"), "member onnxruntime is defined 2 times"),
    "no examples": (remove(NAMES, "examples"), f"{NAMES}: no examples"),
    "examples of another type": (
        put(NAMES, examples=[[1, 2]]),
        f"{NAMES}: examples are not a list of string[]",
    ),
    "example of a number for an array": (
        put("inferspan.input.profile.counts", examples=[7]),
        "are not a list of int[]",
    ),
    # References
    "unknown attribute": (
        refer(DURATION, "inferspan.model.colour"),
        "unknown attribute inferspan.model.colour",
    ),
    "unknown attribute upstream": (
        refer(DURATION, "server.colour", brief="A."),
        "unknown attribute server.colour",
    ),
    "attribute that left upstream": (
        refer(DURATION, "gen_ai.request.model", brief="A."),
        "unknown attribute gen_ai.request.model",
    ),
    "unknown group": (
        lambda draft: draft.refer(DURATION, ref_group="inferspan.attributes.colours"),
        "unknown group inferspan.attributes.colours",
    ),
    "attribute twice on a signal": (
        refer(EXCEPTION, "inferspan.model.name"),
        "refers 2 times to inferspan.model.name",
    ),
    "reference without a requirement level": (
        lambda draft: draft.refer(EXCEPTION, ref="inferspan.model.format"),
        "no requirement level for inferspan.model.format",
    ),
    "reference to what is reserved": (
        refer(DURATION, "inferspan.cache.hit"),
        "is emitted, but inferspan.cache.hit is reserved",
    ),
    "upstream's attribute without a brief": (
        refer(EXCEPTION, "server.address"),
        "server.address needs a brief here",
    ),
    # Signals
    "signal without a requirement level": (
        remove(EXCEPTION, "requirement_level"),
        f"{EXCEPTION}: no requirement level",
    ),
    "signal more stable than its attributes": (
        put(DURATION, stability="beta"),
        "more stable than its attribute",
    ),
    "span type without its kind": (
        put("inferspan.inference.client", kind="server"),
        "does not end with its kind",
    ),
    "span without a rule for its name": (
        put("inferspan.inference.client", name={"note": ""}),
        "no rule for the span's name",
    ),
    "event without a severity": (annotate(EXCEPTION, severity="bad"), "severity is not one of"),
    "misspelt annotation": (annotate(DURATION, observeable=True), "unknown annotation observeable"),
    "import of nothing": (
        lambda draft: draft.source.documents["imports.yaml"]["imports"]["metrics"].append("hw.colour.*"),
        "no metric hw.colour.*",
    ),
    # Metrics
    "unit with a prefix": (put(DURATION, unit="ms"), "unit 'ms' is neither"),
    "unit in the plural": (
        put("inferspan.inference.active", unit="{inferences}"),
        "unit '{inferences}' is neither",
    ),
    "duration that is no histogram": (put(DURATION, instrument="gauge"), "a duration is a histogram in s"),
    "suffix total": (put("inferspan.self.faults", name="inferspan.self.faults_total"), "the suffix total"),
    "descending boundaries": (annotate(DURATION, bucket_boundaries=[1, 2, 1.5]), "boundaries do not ascend"),
    "equal boundaries": (annotate(DURATION, bucket_boundaries=[1, 1]), "boundaries do not ascend"),
    "histogram without boundaries": (
        lambda draft: draft.find(DURATION)["annotations"].pop("bucket_boundaries"),
        "one that is not exponential needs them",
    ),
    "boundaries of a counter": (
        annotate("inferspan.self.faults", bucket_boundaries=[1]),
        "belong to a histogram",
    ),
    "boundaries of an exponential histogram": (
        annotate(DURATION, exponential=True),
        "one that is not exponential needs",
    ),
    "exponential counter": (
        annotate("inferspan.self.faults", exponential=True),
        "only a histogram can be exponential",
    ),
    "observable histogram": (annotate(DURATION, observable=True), "a histogram cannot be observable"),
    "metric without a type of its value": (
        annotate(DURATION, code_generation={}),
        "metric_value_type is neither",
    ),
    "array on a metric": (refer(DURATION, NAMES), "of type string[] cannot be on a metric"),
    "number without bounds on a metric": (
        refer("inferspan.field.drift.score", "inferspan.drift.threshold"),
        "of type double cannot be on a metric",
    ),
    "digest on a metric": (refer(DURATION, "inferspan.model.digest"), "it can only be opt_in on a metric"),
    "message on a metric": (
        refer(DURATION, "exception.message", brief="A."),
        "exception.message has too many values",
    ),
}


def test_the_registry_keeps_the_rules() -> None:
    assert rules.check(source.read()) == []


@pytest.mark.parametrize(("mutate", "finding"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_registry_is_found(mutate: Mutation, finding: str) -> None:
    draft = Draft()
    mutate(draft)
    findings = rules.check(draft.source)
    assert any(finding in found for found in findings), findings


def test_a_digest_is_allowed_where_users_ask_for_it() -> None:
    draft = Draft()
    draft.refer(DURATION, ref="inferspan.model.digest", requirement_level="opt_in")
    assert rules.check(draft.source) == []


def test_a_group_that_includes_itself_ends() -> None:
    draft = Draft()
    draft.refer("inferspan.attributes.inference", ref_group="inferspan.attributes.inference")
    assert len(registry.resolve(draft.source).events) == len(registry.load().events)


def test_loading_a_broken_registry_names_every_finding(tmp_path: Any) -> None:
    model = tmp_path / "model"
    shutil.copytree(source.MODEL, model)
    metrics = model / "metrics.yaml"
    content = yaml.safe_load(metrics.read_text("utf-8"))
    content["metrics"][0]["unit"] = "ms"
    content["metrics"][1]["unit"] = "min"
    metrics.write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(registry.RegistryError) as error:
        registry.load(model)
    assert "unit 'ms'" in str(error.value)
    assert "unit 'min'" in str(error.value)


def test_references_carry_their_level_and_condition() -> None:
    span = next(span for span in registry.load().spans if span.kind == "client")
    uses = {use.key: use for use in span.attributes}
    assert uses["inferspan.model.name"].requirement == "required"
    assert uses["inferspan.model.name"].sampling_relevant
    assert uses["server.port"].requirement == "conditionally_required"
    assert uses["server.port"].condition == "If `server.address` is set and the port is known."
    assert uses["server.port"].attribute is None
    assert not uses["inferspan.input.names"].sampling_relevant


def test_whatever_tells_of_an_inference_has_the_whole_profile() -> None:
    loaded = registry.load()
    profile = {
        attribute.key
        for attribute in loaded.attributes
        if attribute.key.startswith(("inferspan.input.", "inferspan.output.", "inferspan.anomalies"))
    }
    spans = [span for span in loaded.spans if span.name.startswith("inferspan.inference.")]
    assert len(spans) == 2
    for signal in (*spans, next(event for event in loaded.events if event.name.endswith(".anomaly"))):
        assert profile <= {use.key for use in signal.attributes}, signal.name


def test_upstream_attributes_are_those_of_the_installed_package() -> None:
    keys = registry.load().upstream_attributes
    assert keys == [
        "code.stacktrace",
        "error.type",
        "exception.message",
        "exception.stacktrace",
        "exception.type",
        "process.pid",
        "server.address",
        "server.port",
        "thread.id",
        "thread.name",
    ]
    assert all(upstream.has_attribute(key) for key in keys)


def test_what_the_metrics_of_hardware_are_called_upstream() -> None:
    assert all(upstream.has_metric(pattern) for pattern in registry.load().imported_metrics)
    assert not upstream.has_metric("hw.gpu")
    assert not upstream.has_metric("nothing.*")


@pytest.mark.skipif(shutil.which("weaver") is None, reason="weaver not on PATH")
def test_weaver_accepts_the_registry() -> None:
    if not (source.ROOT / ".deps" / "otel-1.44.0" / "model").is_dir():
        pytest.skip("upstream's model is not in semconv/.deps (see semconv/README.md)")
    command = ["weaver", "registry", "check", "-r", "model", "--v2"]
    result = subprocess.run(command, cwd=source.ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
