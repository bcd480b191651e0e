# SPDX-License-Identifier: Apache-2.0
"""What is installed in this environment and in force: packages, libraries, settings, entry points, endpoint."""

from __future__ import annotations

import logging
import platform
import sys
from dataclasses import fields
from importlib import metadata
from typing import TYPE_CHECKING, Any

from inferspan import config, status
from inferspan.cli import _endpoint
from inferspan.cli._diagnosis import switched_off
from inferspan.cli._launching import LAUNCHER, find_launcher, is_installed
from inferspan.cli._probe import SUPPORTED_LIBRARIES
from inferspan.cli._report import Report, Section
from inferspan.text import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGES = (
    "inferspan",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation",
    "opentelemetry-distro",
    "wrapt",
    "numpy",
)
#: What the launcher cannot do without.
_NEEDED = ("opentelemetry-sdk", "opentelemetry-distro")
_EXPORTERS = "opentelemetry-exporter-"
_INSTALL = "pip install 'inferspan[otlp]'"

#: Groups of entry points by which the launcher finds inferspan, and where ours are.
_GROUPS = ("opentelemetry_instrumentor", "opentelemetry_environment_variables")
_INSTRUMENTORS = _GROUPS[0]
_OURS = ("inferspan", "inferspan_instrumentors")

#: Variables of OpenTelemetry that decide whether and where telemetry goes.
_VARIABLES = (
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "OTEL_LOGS_EXPORTER",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "OTEL_PYTHON_DISTRO",
    "OTEL_PYTHON_CONFIGURATOR",
    "OTEL_CONFIG_FILE",
)
_OF_EXPORTERS = "OTEL_EXPORTER_OTLP_"


def examine(environ: Mapping[str, str]) -> Report:
    """Examines the environment of this interpreter.

    Args:
        environ: variables of the environment.
    """
    report = Report(f"inferspan doctor · Python {platform.python_version()} · {sys.executable}")
    _packages(report)
    _libraries(report)
    _entry_points(report)
    _settings(report, environ)
    _variables(report, environ)
    off = switched_off(environ)
    if off is not None:
        report.problems.append(off)
    _sampler(report, environ)
    _export(report, environ)
    return report


def _packages(report: Report) -> None:
    exporters = sorted(
        {
            distribution.name
            for distribution in metadata.distributions()
            if distribution.name and distribution.name.lower().startswith(_EXPORTERS)
        }
    )
    rows = [(name, _version(name) or "not installed") for name in (*_PACKAGES, *exporters)]
    report.sections.append(Section("Installed", [*rows, ("kernel of data profiles", status.kernel_here())]))
    missing = [name for name in _NEEDED if _version(name) is None]
    if missing:
        report.problems.append(f"The launcher needs {' and '.join(missing)}, not installed here: {_INSTALL}")
    elif find_launcher() is None:
        report.problems.append(f"{LAUNCHER} is neither beside {sys.executable} nor on PATH: {_INSTALL}")


def _libraries(report: Report) -> None:
    owners = metadata.packages_distributions()
    rows: list[tuple[str, str]] = []
    for name in SUPPORTED_LIBRARIES:
        if is_installed(name):
            versions = [f"{owner} {_version(owner)}" for owner in dict.fromkeys(owners.get(name, ()))]
            rows.append((name, ", ".join(versions) or "found, of unknown version"))
        else:
            rows.append((name, "not installed"))
    report.sections.append(Section("Libraries that are instrumented", rows))
    if not any(is_installed(name) for name in SUPPORTED_LIBRARIES):
        report.remarks.append(
            "No library that inferspan instruments is installed here. For any other there is inferspan.inference()."
        )


def _entry_points(report: Report) -> None:
    rows: list[tuple[str, str]] = []
    for group in _GROUPS:
        ours = [one for one in metadata.entry_points(group=group) if one.module.partition(".")[0] in _OURS]
        for one in ours:
            try:
                one.load()
            except Exception as error:
                rows.append((one.name, f"cannot be loaded: {type(error).__name__}: {error}"))
                report.problems.append(f"The launcher cannot load {one.name} ({one.value}): {error}")
            else:
                rows.append((one.name, one.value))
        if not ours:
            report.problems.append(
                f"The launcher finds nothing of inferspan among the entry points {group}: its metadata are not "
                "installed beside its code. Install the package instead of copying it."
            )
    report.sections.append(Section("Entry points that the launcher finds", rows))


def _settings(report: Report, environ: Mapping[str, str]) -> None:
    warnings = _Warnings()
    logger = logging.getLogger("inferspan")
    logger.addHandler(warnings)
    propagates, logger.propagate = logger.propagate, False
    try:
        settings = config.Config.from_environment(environ)
    finally:
        logger.removeHandler(warnings)
        logger.propagate = propagates
    origins = config.origins(environ)
    rows: list[tuple[str, str]] = []
    known = {config.PREFIX + setting.name.upper() for setting in fields(settings)}
    for setting in fields(settings):
        if not setting.metadata["internal"]:
            value: Any = getattr(settings, setting.name)
            rows.append((setting.name, f"{value if value not in ({}, None, '') else '-'} ({origins[setting.name]})"))
    report.sections.append(Section("Settings", rows))
    report.remarks += warnings.messages
    report.remarks += [
        f"{name} is set, but inferspan has no such setting."
        for name in sorted(environ)
        if name.startswith(config.PREFIX) and name not in known
    ]


class _Warnings(logging.Handler):
    """Keeps what is logged, for the report."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _variables(report: Report, environ: Mapping[str, str]) -> None:
    names = [*(name for name in _VARIABLES if environ.get(name)), *_exporter_variables(environ)]
    rows = [(name, _shown(name, environ[name])) for name in names]
    report.sections.append(Section("Environment", rows or [("OTEL_*", "none of those that matter is set")]))


def _exporter_variables(environ: Mapping[str, str]) -> list[str]:
    return sorted(name for name in environ if name.startswith(_OF_EXPORTERS) and environ[name])


def _shown(name: str, value: str) -> str:
    if name.endswith("HEADERS"):
        # Their values are keys.
        return ", ".join(part.partition("=")[0].strip() + "=…" for part in value.split(","))
    return without_secrets(value) if name.endswith("ENDPOINT") else value


def _sampler(report: Report, environ: Mapping[str, str]) -> None:
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    argument = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    if sampler.endswith("always_off"):
        report.problems.append(
            f"OTEL_TRACES_SAMPLER={sampler} samples every trace away: metrics arrive, but no span and no data profile."
        )
    elif sampler.endswith("traceidratio") and argument and not _ratio(argument):
        report.problems.append(f"OTEL_TRACES_SAMPLER_ARG={argument} samples every trace away.")


def _ratio(text: str) -> float:
    """A ratio, as the SDK reads it: all, where it is not a number."""
    try:
        return float(text)
    except ValueError:
        return 1.0


def _export(report: Report, environ: Mapping[str, str]) -> None:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or not is_installed("opentelemetry.sdk.trace"):
        return
    answer = _endpoint.send_test_span(environ)
    report.sections.append(Section("Endpoint", [(answer.exporter, answer.said)]))
    if not answer.accepted:
        report.problems.append(answer.advice)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
