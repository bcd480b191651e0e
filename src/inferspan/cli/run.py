# SPDX-License-Identifier: Apache-2.0
"""``inferspan run -- python app.py``: the program under the launcher, and in the terminal what its models do.

The program is started with ``opentelemetry-instrument`` and exports to a receiver in this process, on a port
of the loopback interface that the system chooses. While it runs, a few lines at the bottom of the terminal
show what arrives, if standard error is a terminal; at the end comes a summary on standard error. Standard
input, output and error are the program's own.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE = 2
#: Exit statuses of a shell for a command that it cannot run.
_CANNOT_EXECUTE, _NOT_FOUND = 126, 127

_NEEDED = {
    "rich": "rich",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.distro": "opentelemetry-distro",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
}
_LAUNCHER = "opentelemetry-instrument"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.usage = "inferspan run [--save FILE] [--no-live] -- command ..."
    parser.description = (
        "Run a program under opentelemetry-instrument and show what its models do: rate, errors, latency, "
        "the data that goes in and comes out, and the last failures. It needs no Collector, and nothing "
        "leaves this machine."
    )
    parser.epilog = (
        "The directory of this interpreter comes first on the program's PATH, so that `python` is the one that "
        "inferspan is installed for. Exporters, endpoints and export intervals are set for this run, and what is meant "
        "for another endpoint (headers, certificates, OTEL_CONFIG_FILE) is left out; samplers, limits and the service "
        "name stay. Exit status and signals are the program's own."
    )
    parser.add_argument("--save", metavar="FILE", help="write the telemetry that arrives to FILE, as OTLP JSON lines")
    parser.add_argument("--no-live", action="store_true", help="show nothing while the program runs, only a summary")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the program and its arguments")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        The program's exit status. If a signal ended the program, the same one ends this process.
    """
    command: list[str] = arguments.command
    if not command:
        return _refuse(_USAGE, "which program? For example: inferspan run -- python app.py")
    if os.name != "posix":
        return _refuse(
            _USAGE, "this system has no signals and process groups as it needs them: use Linux, macOS or WSL"
        )
    missing = [package for module, package in _NEEDED.items() if not _is_installed(module)]
    launcher = _find_launcher()
    if missing or launcher is None:
        return _refuse(_USAGE, f"{', '.join(missing or [_LAUNCHER])} is missing: pip install 'inferspan[run]'")

    from inferspan.cli import _environment

    if shutil.which(command[0], path=_environment.search_path(os.environ)) is None:
        return _refuse(*_why_not_runnable(command))

    from inferspan.cli._child import end_like
    from inferspan.cli._session import Session

    try:
        session = Session(command, launcher=launcher, save=arguments.save, live=not arguments.no_live)
    except OSError as error:
        return _refuse(_USAGE, f"cannot write {error.filename}: {error.strerror}")
    return end_like(session.run())


def _refuse(status: int, reason: str) -> int:
    print(f"inferspan run: {reason}", file=sys.stderr)
    return status


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        # A parent package is missing.
        return False


def _find_launcher() -> str | None:
    """The launcher of this environment, activated or not; else one that the shell would find."""
    beside = os.path.join(os.path.dirname(sys.executable), _LAUNCHER)
    return beside if os.access(beside, os.X_OK) else shutil.which(_LAUNCHER)


def _why_not_runnable(command: Sequence[str]) -> tuple[int, str]:
    if not os.path.exists(command[0]):
        return _NOT_FOUND, f"{command[0]}: command not found"
    if command[0].endswith(".py"):
        return (
            _CANNOT_EXECUTE,
            f"{command[0]} is not a program. Did you mean: inferspan run -- python {command[0]}",
        )
    return _CANNOT_EXECUTE, f"{command[0]}: cannot be executed"
