# SPDX-License-Identifier: Apache-2.0
"""How names and texts of the registry are written into code and documents: the filters of the templates."""

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from registry import Attribute, AttributeUse, Member, Metric, Registry, Signal, constant

WIDTH = 108
DIRECTIONS = ("input", "output")
UPSTREAM_DOCUMENTS = "https://opentelemetry.io/docs/specs/semconv/registry/attributes"

_SECTIONS = {
    "input": "Input",
    "output": "Output",
    "field": "Fields",
    "window": "Windows",
    "self": "inferspan itself",
}
"""The parts of the namespace that have a section of their own in the reference of attributes."""
_INSTRUMENTS: Mapping[tuple[str, bool], tuple[str, str]] = {
    ("counter", False): ("counter", "Counter"),
    ("counter", True): ("observable_counter", "ObservableCounter"),
    ("updowncounter", False): ("up_down_counter", "UpDownCounter"),
    ("updowncounter", True): ("observable_up_down_counter", "ObservableUpDownCounter"),
    ("gauge", False): ("gauge", "Gauge"),
    ("gauge", True): ("observable_gauge", "ObservableGauge"),
    ("histogram", False): ("histogram", "Histogram"),
}
"""How the meter's method and the class are called, by the kind of instrument and whether it is observable."""


@dataclass(frozen=True)
class Families:
    """The attributes that exist alike for input and output.

    Attributes:
        fields: What they describe, without the direction.
        directions: For each direction the constant of each field.
    """

    fields: Sequence[str]
    directions: Mapping[str, Mapping[str, str]]


def families(registry: Registry) -> Families:
    """Finds the attributes that exist alike for input and output.

    A field is named by what follows `inferspan.<direction>.`, without `profile.`, which most of them have.
    """
    keys = [attribute.key for attribute in registry.attributes]
    first, *others = (f"inferspan.{direction}." for direction in DIRECTIONS)
    suffixes = [key.removeprefix(first) for key in keys if key.startswith(first)]
    shared = [suffix for suffix in suffixes if all(other + suffix in keys for other in others)]
    fields = {suffix.removeprefix("profile.").replace(".", "_"): suffix for suffix in shared}
    return Families(
        fields=list(fields),
        directions={
            direction: {name: constant(f"inferspan.{direction}.{suffix}") for name, suffix in fields.items()}
            for direction in DIRECTIONS
        },
    )


def api_types(registry: Registry) -> list[str]:
    """The names of the API's types that the module of metrics needs."""
    emitted = [metric for metric in registry.metrics if metric.has_instrument]
    callbacks = ["CallbackT"] if any(metric.observable for metric in emitted) else []
    return sorted({"Meter", *callbacks, *(instrument_type(metric) for metric in emitted)})


# Python


def literal(value: object) -> str:
    """A value as Python source, lists as tuples; ruff brings the quotes into line."""
    return repr(tuple(cast("list[object]", value)) if isinstance(value, list) else value)


def class_name(key: str) -> str:
    """The class of an enumeration's values: `inferspan.io.direction` gives `IoDirection`."""
    words = key.replace(".", "_").split("_")[1:]
    return "".join(word.capitalize() for word in words)


def factory(metric: Metric) -> str:
    """The function that creates a metric's instrument."""
    return "create_" + "_".join(metric.name.split(".")[1:])


def api_instrument(metric: Metric) -> str:
    """The end of the name of the meter's method that creates the instrument."""
    return _INSTRUMENTS[metric.instrument, metric.observable][0]


def instrument_type(metric: Metric) -> str:
    """The class of the instrument in the API."""
    return _INSTRUMENTS[metric.instrument, metric.observable][1]


def docstring(subject: Attribute | Member | Signal, indent: int = 0, extra: str = "") -> str:
    """A docstring of brief, note and extra lines, with its quotes."""
    reserved = "" if isinstance(subject, Member) or not subject.reserved else "Reserved, not emitted yet. "
    return paragraph_docstring(reserved + subject.brief, subject.note, extra, indent=indent)


def paragraph_docstring(brief: str, *further: str, indent: int = 0) -> str:
    """A docstring of paragraphs, with its quotes; lines that end within a paragraph stay."""
    paragraphs = [_wrapped(f'"""{brief}', indent), *(_wrapped(paragraph, indent) for paragraph in further)]
    body = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return textwrap.indent(body + ('\n"""' if "\n" in body else '"""'), " " * indent)


def _wrapped(paragraph: str, indent: int) -> str:
    lines = paragraph.strip().split("\n")
    width = WIDTH - indent
    return "\n".join(textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in lines)


# Markdown


def attribute_sections(registry: Registry) -> list[tuple[str, list[Attribute]]]:
    """The attributes that are emitted, in the sections of their reference."""
    sections: dict[str, list[Attribute]] = {"Inference and model": []}
    for attribute in registry.attributes:
        if not attribute.reserved:
            title = _SECTIONS.get(attribute.key.split(".")[1], "Inference and model")
            sections.setdefault(title, []).append(attribute)
    return list(sections.items())


def anchor(key: str) -> str:
    """The anchor of an attribute within its reference, as upstream writes them."""
    return key.replace(".", "-").replace("_", "-")


def upstream_link(key: str) -> str:
    """An attribute of upstream, with a link to its definition."""
    return f"[`{key}`]({UPSTREAM_DOCUMENTS}/{key.split('.')[0]}/#{anchor(key)})"


def attribute_link(use: AttributeUse) -> str:
    """An attribute of a signal, with a link to its definition."""
    return f"[`{use.key}`](attributes.md#{anchor(use.key)})" if use.attribute else upstream_link(use.key)


def value_type(use: AttributeUse) -> str:
    """The type of an attribute of a signal."""
    return use.attribute.type if use.attribute else "as upstream"


def requirement(use: AttributeUse) -> str:
    """The requirement level of an attribute of a signal, with its condition."""
    level = f"`{words(use.requirement)}`"
    return cell(f"{level}: {use.condition}") if use.condition else level


def examples(attribute: Attribute) -> str:
    """The examples of an attribute."""
    if attribute.members:
        return "; ".join(f"`{member.value}`" for member in attribute.members[:3])
    return "; ".join(
        f"`{example if isinstance(example, str) else json.dumps(example)}`" for example in attribute.examples
    )


def numbers(values: Sequence[float]) -> str:
    """Numbers as one reads them: without an exponent, and without the fraction of whole ones."""
    return "`" + ", ".join(f"{value:f}".rstrip("0").rstrip(".") for value in values) + "`"


def words(identifier: str) -> str:
    """An identifier as words, the first with a capital."""
    return identifier.replace("_", " ").capitalize()


def one_line(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


def cell(text: str) -> str:
    """A text that can stand in a table."""
    return one_line(text).replace("|", "\\|")


FILTERS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        anchor,
        api_instrument,
        attribute_link,
        attribute_sections,
        cell,
        class_name,
        constant,
        docstring,
        examples,
        factory,
        instrument_type,
        literal,
        numbers,
        one_line,
        paragraph_docstring,
        requirement,
        upstream_link,
        value_type,
        words,
    )
}
