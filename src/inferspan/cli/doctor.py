# SPDX-License-Identifier: Apache-2.0
"""``inferspan doctor``: what is installed and in force, and whether telemetry can leave.

``inferspan doctor -- python app.py`` runs the program as ``inferspan run`` does, and says at its end what was patched,
which models were seen, and which calls made no span and why.
"""

from __future__ import annotations

import argparse
import os
import sys

from inferspan.cli._launching import CannotRunError, launcher_for

_TOOL = "inferspan doctor"
_USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.usage = "inferspan doctor [--save FILE] [-- command ...]"
    parser.description = (
        "Say what is installed, which settings are in force and from where, and whether the endpoint takes a test "
        "span. With a command: run the program under opentelemetry-instrument, its telemetry kept on this machine, "
        "and say what was patched and seen, and why calls made no span."
    )
    parser.epilog = (
        "The exit status is 1 where something prevents telemetry; with a command it is the program's own. With a "
        "command the report goes to standard error."
    )
    parser.add_argument("--save", metavar="FILE", help="write the telemetry of the program to FILE, as OTLP JSON lines")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a program and its arguments")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        With a program its exit status; without, 1 where something prevents telemetry.
    """
    if not arguments.command:
        return _examine_installation(with_save=arguments.save is not None)
    try:
        launcher = launcher_for(arguments.command, tool=_TOOL)
    except CannotRunError as error:
        return _refuse(error.status, str(error))

    from inferspan.cli._child import end_like
    from inferspan.cli._examination import Examination

    try:
        examination = Examination(arguments.command, launcher=launcher, save=arguments.save, live=False)
    except OSError as error:
        return _refuse(_USAGE, f"cannot write {error.filename}: {error.strerror}")
    return end_like(examination.run())


def _examine_installation(*, with_save: bool) -> int:
    if with_save:
        return _refuse(
            _USAGE, "--save is for the telemetry of a program: inferspan doctor --save FILE -- python app.py"
        )

    from inferspan.cli._installation import examine
    from inferspan.cli._report import text_of

    report = examine(os.environ)
    print(text_of(report), end="")
    return 1 if report.problems else 0


def _refuse(status: int, reason: str) -> int:
    print(f"{_TOOL}: {reason}", file=sys.stderr)
    return status
