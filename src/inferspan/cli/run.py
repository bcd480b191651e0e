# SPDX-License-Identifier: Apache-2.0
"""``inferspan run -- python app.py``: the program under the launcher, and in the terminal what its models do.

The program is started with ``opentelemetry-instrument`` and exports to a receiver in this process, on a port
of the loopback interface that the system chooses. While it runs, a few lines at the bottom of the terminal
show what arrives, if standard error is a terminal; at the end comes a summary on standard error. Standard
input, output and error are the program's own.
"""

from __future__ import annotations

import argparse
import sys

from inferspan.cli._launching import CannotRunError, launcher_for

_TOOL = "inferspan run"
_USAGE = 2


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
    try:
        launcher = launcher_for(command, tool=_TOOL)
    except CannotRunError as error:
        return _refuse(error.status, str(error))

    from inferspan.cli._child import end_like
    from inferspan.cli._session import Session

    try:
        session = Session(command, launcher=launcher, save=arguments.save, live=not arguments.no_live)
    except OSError as error:
        return _refuse(_USAGE, f"cannot write {error.filename}: {error.strerror}")
    return end_like(session.run())


def _refuse(status: int, reason: str) -> int:
    print(f"{_TOOL}: {reason}", file=sys.stderr)
    return status
