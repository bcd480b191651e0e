# SPDX-License-Identifier: Apache-2.0
"""The registry of semantic conventions in `model/`: read, checked, resolved, and ready to generate from.

Weaver does this and more, but no package index has it; see README.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rules import check
from source import MODEL, Definition, Source, annotations, members, read, references


class RegistryError(Exception):
    """The registry breaks rules; the message has one of them a line."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One value of an enumeration."""

    id: str
    value: str
    brief: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """An attribute that this registry defines; `type` is `enum` where it has members."""

    key: str
    type: str
    brief: str
    stability: str
    note: str = ""
    members: Sequence[Member] = ()
    examples: Sequence[Any] = ()
    reserved: bool = False

    @property
    def constant(self) -> str:
        """The name of the constant that holds the key."""
        return constant(self.key)


@dataclass(frozen=True, kw_only=True)
class AttributeUse:
    """An attribute on a signal.

    Attributes:
        key: The attribute's name.
        attribute: Its definition; None where it is one of upstream's.
        brief: What it is on this signal.
        requirement: `required`, `conditionally_required`, `recommended` or `opt_in`.
        condition: When the requirement holds, in words; empty where always.
        sampling_relevant: Whether it has to be set when the span starts.
    """

    key: str
    attribute: Attribute | None
    requirement: str
    brief: str
    condition: str = ""
    sampling_relevant: bool = False


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What spans, metrics and events have in common."""

    name: str
    brief: str
    stability: str
    requirement: str
    attributes: Sequence[AttributeUse]
    note: str = ""
    reserved: bool = False

    @property
    def constant(self) -> str:
        """The name of the constant that holds the name."""
        return constant(self.name)


@dataclass(frozen=True, kw_only=True)
class Span(Signal):
    """A kind of span; its `name` is the type, `name_pattern` how its instances are called."""

    kind: str
    name_pattern: str


@dataclass(frozen=True, kw_only=True)
class Metric(Signal):
    """A metric; `value_type` is `int` or `double`, `boundaries` are those of a histogram's buckets.

    One that is `exponential` is a histogram whose data points we make ourselves: no instrument records its values.
    """

    instrument: str
    unit: str
    value_type: str
    observable: bool = False
    exponential: bool = False
    boundaries: Sequence[float] = ()

    @property
    def has_instrument(self) -> bool:
        """Whether there is an instrument of the API behind it."""
        return not self.reserved and not self.exponential

    @property
    def kind(self) -> str:
        """The kind of its instrument, in words."""
        return (
            self.instrument
            + (", observable" if self.observable else "")
            + (", exponential" if self.exponential else "")
        )


@dataclass(frozen=True, kw_only=True)
class Event(Signal):
    """A log record with an event name."""

    severity: str


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The whole registry: references resolved, attributes as they are listed, signals sorted by name."""

    schema_url: str
    upstream_schema_url: str
    attributes: Sequence[Attribute]
    spans: Sequence[Span]
    metrics: Sequence[Metric]
    events: Sequence[Event]
    imported_metrics: Sequence[str] = ()

    @property
    def upstream_attributes(self) -> list[str]:
        """The names of the attributes that signals take from upstream."""
        signals: list[Signal] = [*self.spans, *self.metrics, *self.events]
        return sorted({use.key for signal in signals for use in signal.attributes if use.attribute is None})


def constant(name: str) -> str:
    """The name of the Python constant for a name of the registry."""
    return name.replace(".", "_").upper()


def load(model: Path = MODEL) -> Registry:
    """Reads, checks and resolves a registry.

    Args:
        model: The folder that holds `manifest.yaml` and the definitions.

    Raises:
        RegistryError: The registry breaks a rule.
    """
    source = read(model)
    findings = check(source)
    if findings:
        raise RegistryError("\n".join(findings))
    return resolve(source)


def resolve(source: Source) -> Registry:
    """Makes the objects of a registry that is known to be correct."""
    attributes = {entry["key"]: _attribute(entry) for entry in source.entries("attributes")}
    groups = {entry["id"]: entry for entry in source.entries("attribute_groups")}

    def signal(entry: Definition, name: str) -> dict[str, Any]:
        return {
            "name": entry[name],
            "brief": entry["brief"],
            "note": entry.get("note", ""),
            "stability": entry["stability"],
            "requirement": entry["requirement_level"],
            "attributes": [_use(reference, attributes) for reference in references(entry, groups)],
            "reserved": annotations(entry).get("reserved", False),
        }

    return Registry(
        schema_url=source.manifest["schema_url"],
        upstream_schema_url=source.manifest["dependencies"][0]["schema_url"],
        attributes=list(attributes.values()),
        spans=_sorted(
            Span(**signal(entry, "type"), kind=entry["kind"], name_pattern=entry["name"]["note"])
            for entry in source.entries("spans")
        ),
        metrics=_sorted(
            Metric(
                **signal(entry, "name"),
                instrument=entry["instrument"],
                unit=entry["unit"],
                value_type=annotations(entry)["code_generation"]["metric_value_type"],
                observable=annotations(entry).get("observable", False),
                exponential=annotations(entry).get("exponential", False),
                boundaries=[float(boundary) for boundary in annotations(entry).get("bucket_boundaries", ())],
            )
            for entry in source.entries("metrics")
        ),
        events=_sorted(
            Event(**signal(entry, "name"), severity=annotations(entry)["severity"])
            for entry in source.entries("events")
        ),
        imported_metrics=source.imports("metrics"),
    )


def _attribute(entry: Definition) -> Attribute:
    return Attribute(
        key=entry["key"],
        type=entry["type"] if isinstance(entry["type"], str) else "enum",
        brief=entry["brief"],
        note=entry.get("note", ""),
        stability=entry["stability"],
        members=[
            Member(id=member["id"], value=member["value"], brief=member["brief"], note=member.get("note", ""))
            for member in members(entry)
        ],
        examples=entry.get("examples", ()),
        reserved=annotations(entry).get("reserved", False),
    )


def _use(reference: Definition, attributes: Mapping[str, Attribute]) -> AttributeUse:
    level = reference["requirement_level"]
    requirement, condition = (level, "") if isinstance(level, str) else next(iter(level.items()))
    attribute = attributes.get(reference["ref"])
    return AttributeUse(
        key=reference["ref"],
        attribute=attribute,
        brief=reference["brief"] if attribute is None else attribute.brief,
        requirement=requirement,
        condition=condition,
        sampling_relevant=reference.get("sampling_relevant", False),
    )


_SignalT = TypeVar("_SignalT", bound=Signal)


def _sorted(signals: Iterable[_SignalT]) -> list[_SignalT]:
    return sorted(signals, key=lambda signal: signal.name)
