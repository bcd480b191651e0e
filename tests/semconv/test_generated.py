# SPDX-License-Identifier: Apache-2.0
"""What is generated is committed as it would be generated now, and is right."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import generate
import pytest
import registry
import rendering
import settings
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from inferspan import environment_variables
from inferspan.config import Config
from inferspan.semconv import attributes, events, metrics, schema

FILES = (*generate.REGISTRY_FILES, *generate.SETTINGS_FILES)
REGISTRY = registry.load()
INSTRUMENTS = [metric for metric in REGISTRY.metrics if metric.has_instrument]


def constants(module: Any) -> dict[str, str]:
    """The text constants of a module."""
    return {name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def test_the_committed_files_are_the_generated_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


def test_checking_names_stale_files_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in FILES:
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((generate.REPOSITORY / path).read_text("utf-8"), "utf-8")
    monkeypatch.setattr(generate, "REPOSITORY", tmp_path)
    stale = tmp_path / "src/inferspan/semconv/events.py"
    stale.write_text("", "utf-8")
    missing = tmp_path / "docs/semconv/spans.md"
    missing.unlink()

    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "stale: src/inferspan/semconv/events.py",
        "stale: docs/semconv/spans.md",
    ]
    assert stale.read_text("utf-8") == ""
    assert not missing.exists()

    assert generate.main([]) == 0
    assert missing.is_file()
    assert generate.main(["--check"]) == 0


def test_a_broken_registry_generates_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load() -> registry.Registry:
        raise registry.RegistryError("inferspan.size_: not lower-case words")

    monkeypatch.setattr(generate, "load", load)
    assert generate.main([]) == 1
    assert "inferspan.size_" in capsys.readouterr().err


def test_generating_is_deterministic() -> None:
    assert generate.render_registry(registry.load()) == generate.render_registry(registry.load())


def test_the_generated_code_is_formatted_and_clean() -> None:
    code = [path for path in FILES if path.endswith(".py")]
    for command in (["format", "--check"], ["check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", *code],
            cwd=generate.REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout


def test_every_attribute_has_a_constant_and_every_constant_an_attribute() -> None:
    own = [attribute.key for attribute in REGISTRY.attributes]
    expected = {registry.constant(key): key for key in [*own, *REGISTRY.upstream_attributes]}
    assert constants(attributes) == expected


def test_every_signal_has_a_constant() -> None:
    assert constants(metrics) == {metric.constant: metric.name for metric in REGISTRY.metrics}
    assert constants(events) == {event.constant: event.name for event in REGISTRY.events}
    assert REGISTRY.schema_url == schema.SCHEMA_URL


@pytest.mark.parametrize("key", REGISTRY.upstream_attributes)
def test_upstream_constants_are_those_of_the_installed_package(key: str) -> None:
    module = f"attributes.{key.split('.')[0]}_attributes"
    try:
        stable = importlib.import_module(f"opentelemetry.semconv.{module}")
    except ModuleNotFoundError:
        stable = importlib.import_module(f"opentelemetry.semconv._incubating.{module}")
    name = registry.constant(key)
    assert getattr(attributes, name) == getattr(stable, name)


@pytest.mark.parametrize("attribute", [each for each in REGISTRY.attributes if each.members], ids=lambda each: each.key)
def test_enumerations_have_their_values(attribute: registry.Attribute) -> None:
    values = getattr(attributes, rendering.class_name(attribute.key))
    assert constants(values) == {member.id.upper(): member.value for member in attribute.members}


def test_input_and_output_have_the_same_fields() -> None:
    assert attributes.INPUT.names == "inferspan.input.names"
    assert attributes.INPUT.counts == "inferspan.input.profile.counts"
    assert attributes.INPUT.field_count == "inferspan.input.field.count"
    assert tuple(key.replace(".input.", ".output.") for key in attributes.INPUT) == attributes.OUTPUT
    keys = {attribute.key for attribute in REGISTRY.attributes}
    sides = {key for key in keys if key.startswith(("inferspan.input.", "inferspan.output."))}
    assert sides - {*attributes.INPUT, *attributes.OUTPUT} == {"inferspan.input.profile.after_call"}


def test_only_emitted_metrics_have_a_factory() -> None:
    factories = {name for name, _ in inspect.getmembers(metrics, inspect.isfunction)}
    assert factories == {rendering.factory(metric) for metric in INSTRUMENTS}


@pytest.mark.parametrize("metric", INSTRUMENTS, ids=lambda each: each.name)
def test_a_factory_makes_the_instrument_of_the_registry(metric: registry.Metric) -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("test", schema_url=schema.SCHEMA_URL)
    factory = getattr(metrics, rendering.factory(metric))
    if metric.observable:

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(1)]

        instrument = factory(meter, callbacks=[observe])
    else:
        instrument = factory(meter)
        if metric.instrument == "histogram":
            instrument.record(0.00003)
        else:
            instrument.add(1)
    assert rendering.instrument_type(metric) in {parent.__name__ for parent in type(instrument).__mro__}

    data = reader.get_metrics_data()
    assert data
    (exported,) = data.resource_metrics[0].scope_metrics[0].metrics
    assert (exported.name, exported.unit, exported.description) == (metric.name, metric.unit, metric.brief)
    if metric.boundaries:
        (point,) = exported.data.data_points
        assert list(point.explicit_bounds) == list(metric.boundaries)


def test_the_names_load_nothing_of_opentelemetry() -> None:
    program = """
import sys
sys.path.insert(0, sys.argv[1])
import semconv.attributes, semconv.events, semconv.metrics, semconv.schema
print([name for name in sys.modules if name.split(".")[0] in ("opentelemetry", "inferspan", "dataclasses")])
"""
    package = generate.REPOSITORY / "src/inferspan"
    command = [sys.executable, "-I", "-S", "-c", program, str(package)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_module_of_variables_has_only_strings() -> None:
    tree = ast.parse(Path(environment_variables.__file__).read_text("utf-8"))
    for statement in tree.body:
        assert isinstance(statement, ast.Assign | ast.Expr), ast.unparse(statement)
        assert isinstance(statement.value, ast.Constant)
        assert isinstance(statement.value.value, str)
    names = constants(environment_variables)
    assert all(name == value for name, value in names.items())
    assert set(names) == {
        f"OTEL_PYTHON_INFERSPAN_{setting.name.upper()}"
        for setting in fields(Config)
        if not setting.metadata.get("internal")
    }


def test_settings_are_read_from_the_fields() -> None:
    @dataclass(frozen=True)
    class Settings:
        switch: bool = field(default=True, metadata={"help": "A switch."})
        limit: int = field(default=200, metadata={"help": "A limit."})
        names: "Mapping[str, str]" = field(default_factory=lambda: {"a": "b", "c": "d"}, metadata={"help": "Names."})
        empty: str = field(default="", metadata={"help": "A text."})
        hidden: bool = field(default=False, metadata={"help": "For tests.", "internal": True})

    found = settings.read(Settings)
    assert [(each.name, each.default) for each in found] == [
        ("switch", "true"),
        ("limit", "200"),
        ("names", "a=b,c=d"),
        ("empty", ""),
    ]
    assert found[0].variable == "OTEL_PYTHON_INFERSPAN_SWITCH"
    assert found[0].flag == "--inferspan_switch"
    files = generate.render_settings(Settings)
    assert (
        "| `OTEL_PYTHON_INFERSPAN_EMPTY` | `--inferspan_empty` | text | none | A text. |"
        in files["docs/configuration.md"]
    )
    assert "HIDDEN" not in "".join(files.values())


def test_the_reference_has_every_name_once_and_its_links_arrive() -> None:
    documents = {path.name: path.read_text("utf-8") for path in (generate.REPOSITORY / generate.DOCS).glob("*.md")}
    anchors = re.findall(r'<a id="([^"]+)">', documents["attributes.md"])
    assert sorted(anchors) == sorted(rendering.anchor(attribute.key) for attribute in REGISTRY.attributes)
    for name, text in documents.items():
        assert set(re.findall(r"attributes\.md#([a-z0-9-]+)", text)) <= set(anchors), name


@pytest.mark.parametrize("name", ["attributes", "metrics", "events"])
def test_what_is_reserved_has_a_section_of_its_own(name: str) -> None:
    text = (generate.REPOSITORY / generate.DOCS / f"{name}.md").read_text("utf-8")
    emitted, _, reserved = text.partition("## Reserved, not emitted yet")
    entries = getattr(REGISTRY, name)
    for entry in entries:
        title = entry.key if isinstance(entry, registry.Attribute) else entry.name
        heading = f"</a>`{title}`" if isinstance(entry, registry.Attribute) else f"# `{title}`\n"
        assert (heading in reserved) is entry.reserved, title
        assert (heading in emitted) is not entry.reserved, title
