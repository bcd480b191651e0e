# SPDX-License-Identifier: Apache-2.0
"""The rules that the registry keeps: the form of the files, OpenTelemetry's naming rules, and ours.

Each rule is a function that yields its findings as text. All but the first rely on the form that the JSON
schema asks for, so they run only if that holds.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

import jsonschema
import upstream
from source import ROOT, Definition, Source, annotations, members, references

NAMESPACE = "inferspan"
NAME = re.compile(r"[a-z][a-z0-9]*([._][a-z0-9]+)*")
"""The form of a name, as upstream's policies have it."""
SCHEMA_URL = re.compile(r"https?://[^/]+(/[^/]+)+/[^/]+")
UNITS = frozenset({"1", "s", "By", "J", "W", "Cel", "Hz"})
"""Units of UCUM, none with a prefix; any other unit is an annotation in braces, such as `{inference}`."""
UNIT_ANNOTATION = re.compile(r"\{[a-z_]*[a-rt-z]\}")
STABILITIES = ("development", "alpha", "beta", "release_candidate", "stable")
METRIC_ATTRIBUTE_TYPES = frozenset({"string", "int", "boolean", "enum", "template[string]"})
UPSTREAM_OFF_METRICS = frozenset({"exception.message", "exception.stacktrace"})
ANNOTATIONS = frozenset(
    {"bucket_boundaries", "code_generation", "exponential", "high_cardinality", "observable", "reserved", "severity"}
)
SEVERITIES = frozenset({"trace", "debug", "info", "warn", "error", "fatal"})
EXAMPLE_TYPES: dict[str, type] = {
    "string": str,
    "template[string]": str,
    "template[double]": float,
    "int": int,
    "double": float,
    "boolean": bool,
}


def check(source: Source) -> list[str]:
    """Finds what breaks the rules.

    Args:
        source: The files of the registry.

    Returns:
        One line for each finding; empty for a correct registry.
    """
    findings = list(_form(source))
    if not findings:
        findings = [finding for rule in RULES for finding in rule(source)]
    return findings


def _form(source: Source) -> Iterator[str]:
    """Every file has the form of Weaver's `definition/2`."""
    schema = json.loads((ROOT / "schema" / "definition-v2.schema.json").read_text("utf-8"))
    validator: Any = jsonschema.Draft202012Validator(schema)
    for name, document in source.documents.items():
        yield from (f"{name}: {error.json_path}: {error.message}" for error in validator.iter_errors(document))
        # The schema does not require it, but without it Weaver takes the file for the older format.
        if "file_format" not in (document or {}):
            yield f"{name}: no file_format"


def _manifest(source: Source) -> Iterator[str]:
    """The manifest has the fields that Weaver needs, and its URL tells the maturity."""
    url = source.manifest.get("schema_url", "")
    if not SCHEMA_URL.fullmatch(url):
        yield f"manifest: schema_url {url!r} is not http(s)://<host>/<path>/<version>"
    stability = source.manifest.get("stability")
    if stability not in STABILITIES:
        yield f"manifest: unknown stability {stability!r}"
    family, version = url.split("/")[-2:] if url.count("/") > 1 else ("", "")
    if not (family.endswith("-dev") == version.endswith("-dev") == (stability == "development")):
        yield f"manifest: schema_url {url!r} does not tell the stability {stability!r} by the suffix -dev"
    dependencies: list[Definition] = source.manifest.get("dependencies") or []
    if not dependencies:
        yield "manifest: no dependency on the OpenTelemetry semantic conventions"
    for dependency in dependencies:
        for key in ("schema_url", "registry_path"):
            if key not in dependency:
                yield f"manifest: dependency without {key}"


def _names(source: Source) -> Iterator[str]:
    """Names are well formed, within our namespace, and unique, as constants too."""
    for section, key in NAMED.items():
        names = [entry[key] for entry in source.entries(section)]
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{name}: defined {count} times in {section}"
            if not NAME.fullmatch(name):
                yield f"{name}: not lower-case words joined by '_' and '.'"
            if not name.startswith(f"{NAMESPACE}."):
                yield f"{name}: not within the namespace {NAMESPACE}"
        for constant, count in Counter(name.replace(".", "_") for name in set(names)).items():
            if count > 1:
                yield f"{constant}: {count} names in {section} differ only by '.' and '_'"


def _namespaces(source: Source) -> Iterator[str]:
    """No name is also the namespace of another."""
    for section in ("attributes", "metrics", "events"):
        names = {entry[NAMED[section]] for entry in source.entries(section)}
        for name in sorted(names):
            parts = name.split(".")
            parents = {".".join(parts[:length]) for length in range(1, len(parts))}
            for parent in sorted(parents & names):
                yield f"{parent}: also the namespace of {name}"


def _texts(source: Source) -> Iterator[str]:
    """Everything is described in sentences."""
    for section, key in NAMED.items():
        if section == "attribute_groups":
            continue
        for entry in source.entries(section):
            for field in ("brief", "note"):
                text = entry.get(field)
                if text is not None and not text.strip().endswith("."):
                    yield f"{entry[key]}: {field} is not a sentence"


def _enumerations(source: Source) -> Iterator[str]:
    """Members of enumerations are complete, and their briefs say more than their names."""
    for entry in source.entries("attributes"):
        ids = Counter(member["id"] for member in members(entry))
        yield from (
            f"{entry['key']}: member {member} is defined {count} times" for member, count in ids.items() if count > 1
        )
        for member in members(entry):
            name = f"{entry['key']}: member {member['id']}"
            if not NAME.fullmatch(member["id"]) or "." in member["id"]:
                yield f"{name} is no lower-case identifier"
            if not isinstance(member.get("value"), str):
                yield f"{name} has no text as its value"
            if member.get("stability") not in STABILITIES:
                yield f"{name} has no stability"
            if not (member.get("brief") or "").endswith("."):
                yield f"{name} has no sentence as its brief"


def _examples(source: Source) -> Iterator[str]:
    """Examples are there where Weaver asks for them, and have the attribute's type."""
    for entry in source.entries("attributes"):
        kind, examples = entry["type"], entry.get("examples")
        if not isinstance(kind, str):
            continue
        if examples is None:
            if kind.startswith("string"):
                yield f"{entry['key']}: no examples"
            continue
        expected = EXAMPLE_TYPES.get(kind.removesuffix("[]"))
        lists: list[Any] = examples if kind.endswith("[]") else [examples]
        if expected and not all(_are(values, expected) for values in lists):
            yield f"{entry['key']}: examples are not a list of {kind}"


def _are(values: Any, expected: type) -> bool:
    return isinstance(values, list) and all(type(value) is expected for value in cast("list[object]", values))


def _plurals(source: Source) -> Iterator[str]:
    """Arrays have plural names."""
    for entry in source.entries("attributes"):
        kind, words = entry["type"], entry["key"].rsplit(".", 1)[-1].split("_")
        if isinstance(kind, str) and kind.endswith("[]") and not any(word.endswith("s") for word in words):
            yield f"{entry['key']}: an array needs a plural name"


def _directions(source: Source) -> Iterator[str]:
    """What describes both input and output does it with the same type."""
    attributes = {entry["key"]: entry for entry in source.entries("attributes")}
    prefix = f"{NAMESPACE}.input."
    for key, entry in attributes.items():
        other = attributes.get(key.replace(prefix, f"{NAMESPACE}.output.", 1)) if key.startswith(prefix) else None
        if other and other["type"] != entry["type"]:
            yield f"{other['key']}: not of the same type as {key}"


def _references(source: Source) -> Iterator[str]:
    """References resolve, once each, with a requirement level; what is emitted refers to nothing reserved."""
    attributes = {entry["key"]: entry for entry in source.entries("attributes")}
    groups = {entry["id"]: entry for entry in source.entries("attribute_groups")}
    for section, key in NAMED.items():
        if section == "attributes":
            continue
        for entry in source.entries(section):
            name = entry[key]
            for reference in entry.get("attributes") or ():
                group = reference.get("ref_group")
                if group is not None and group not in groups:
                    yield f"{name}: unknown group {group}"
            uses = references(entry, groups)
            for ref, count in Counter(use["ref"] for use in uses).items():
                if count > 1:
                    yield f"{name}: refers {count} times to {ref}"
                if ref not in attributes and not upstream.has_attribute(ref):
                    yield f"{name}: unknown attribute {ref}"
                emitted = section in SIGNALS and not _reserved(entry)
                if emitted and ref in attributes and _reserved(attributes[ref]):
                    yield f"{name}: is emitted, but {ref} is reserved"
            for use in uses:
                if not use.get("requirement_level"):
                    yield f"{name}: no requirement level for {use['ref']}"
                if (use["ref"] in attributes) == ("brief" in use):
                    yield f"{name}: {use['ref']} needs a brief here if it is upstream's, and only then"


def _signals(source: Source) -> Iterator[str]:
    """Signals have a requirement level, and are not more stable than what they require."""
    attributes = {entry["key"]: entry for entry in source.entries("attributes")}
    groups = {entry["id"]: entry for entry in source.entries("attribute_groups")}
    for section in SIGNALS:
        for entry in source.entries(section):
            name = entry[NAMED[section]]
            if not entry.get("requirement_level"):
                yield f"{name}: no requirement level"
            for use in references(entry, groups):
                attribute = attributes.get(use["ref"])
                if attribute is None or use.get("requirement_level") == "opt_in":
                    continue
                if STABILITIES.index(attribute["stability"]) < STABILITIES.index(entry["stability"]):
                    yield f"{name}: more stable than its attribute {use['ref']}"


def _spans(source: Source) -> Iterator[str]:
    """A span's type ends with its kind, and it has a rule for its name."""
    for entry in source.entries("spans"):
        if not entry["type"].endswith(f".{entry['kind']}"):
            yield f"{entry['type']}: does not end with its kind {entry['kind']}"
        if not entry["name"].get("note"):
            yield f"{entry['type']}: no rule for the span's name"


def _metrics(source: Source) -> Iterator[str]:
    """Units, instruments and bucket boundaries fit each other."""
    for entry in source.entries("metrics"):
        name, unit, histogram = entry["name"], entry["unit"], entry["instrument"] == "histogram"
        notes = annotations(entry)
        if unit not in UNITS and not UNIT_ANNOTATION.fullmatch(unit):
            yield f"{name}: unit {unit!r} is neither one of {sorted(UNITS)} nor a singular in braces"
        if name.endswith(".duration") and (unit != "s" or not histogram):
            yield f"{name}: a duration is a histogram in s"
        if name.endswith(("_total", ".total")):
            yield f"{name}: the suffix total is left to exporters"
        generation: Definition = notes.get("code_generation") or {}
        if generation.get("metric_value_type") not in ("int", "double"):
            yield f"{name}: metric_value_type is neither int nor double"
        if histogram and notes.get("observable"):
            yield f"{name}: a histogram cannot be observable"
        boundaries = notes.get("bucket_boundaries")
        exponential = bool(notes.get("exponential"))
        if exponential and not histogram:
            yield f"{name}: only a histogram can be exponential"
        if (histogram and not exponential) != (boundaries is not None):
            yield f"{name}: bucket boundaries belong to a histogram, and one that is not exponential needs them"
        if boundaries is not None and not all(low < high for low, high in pairwise(boundaries)):
            yield f"{name}: bucket boundaries do not ascend"


def _cardinality(source: Source) -> Iterator[str]:
    """Attributes of metrics have few values: the Python SDK keeps every combination, without a limit."""
    attributes = {entry["key"]: entry for entry in source.entries("attributes")}
    groups = {entry["id"]: entry for entry in source.entries("attribute_groups")}
    for entry in source.entries("metrics"):
        for use in references(entry, groups):
            ref = use["ref"]
            attribute = attributes.get(ref)
            if attribute is None:
                if ref in UPSTREAM_OFF_METRICS:
                    yield f"{entry['name']}: {ref} has too many values for a metric"
                continue
            kind = attribute["type"] if isinstance(attribute["type"], str) else "enum"
            if kind not in METRIC_ATTRIBUTE_TYPES:
                yield f"{entry['name']}: {ref} of type {kind} cannot be on a metric"
            if annotations(attribute).get("high_cardinality") and use.get("requirement_level") != "opt_in":
                yield f"{entry['name']}: {ref} has many values, so it can only be opt_in on a metric"


def _events(source: Source) -> Iterator[str]:
    """Events say with which severity they are logged."""
    for entry in source.entries("events"):
        if annotations(entry).get("severity") not in SEVERITIES:
            yield f"{entry['name']}: severity is not one of {sorted(SEVERITIES)}"


def _annotations(source: Source) -> Iterator[str]:
    """Annotations are known ones: Weaver passes any, so a misspelt one would go unnoticed."""
    for section, key in NAMED.items():
        for entry in source.entries(section):
            for unknown in sorted(set(annotations(entry)) - ANNOTATIONS):
                yield f"{entry[key]}: unknown annotation {unknown}"


def _imports(source: Source) -> Iterator[str]:
    """Imported metrics exist."""
    for pattern in source.imports("metrics"):
        if not upstream.has_metric(pattern):
            yield f"imports: no metric {pattern} upstream"


def _reserved(entry: Definition) -> bool:
    return bool(annotations(entry).get("reserved"))


NAMED = {"attributes": "key", "attribute_groups": "id", "spans": "type", "metrics": "name", "events": "name"}
"""The sections of the files, and in which field their entries have their name."""
SIGNALS = ("spans", "metrics", "events")
RULES = (
    _manifest,
    _names,
    _namespaces,
    _texts,
    _enumerations,
    _examples,
    _plurals,
    _directions,
    _references,
    _signals,
    _spans,
    _metrics,
    _cardinality,
    _events,
    _annotations,
    _imports,
)
