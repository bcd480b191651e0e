# SPDX-License-Identifier: Apache-2.0
"""The ``inferspan`` command: a table of subcommands, each a module that is loaded when it is asked for."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


class _Subcommand(NamedTuple):
    module: str
    help: str


_SUBCOMMANDS = {
    "doctor": _Subcommand("inferspan.cli.doctor", "say what is installed and in force, and why there is no span"),
    "run": _Subcommand("inferspan.cli.run", "run a program and show in the terminal what its models do"),
}


class _Module(Protocol):
    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: without the program's name; by default the process's.

    Returns:
        The exit status.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # What follows the first "--" is another program's command line: argparse takes further ones out of it.
    end = given.index("--") if "--" in given else len(given)
    given, command = given[:end], given[end + 1 :]
    from inferspan import __version__

    parser = argparse.ArgumentParser(prog="inferspan", description="OpenTelemetry for model inference.")
    parser.add_argument("--version", action="version", version=f"inferspan {__version__}")
    subparsers = parser.add_subparsers(dest="subcommand", metavar="command", required=True)
    chosen: _Module | None = None
    for name, subcommand in _SUBCOMMANDS.items():
        subparser = subparsers.add_parser(name, help=subcommand.help)
        if name in given:
            chosen = cast("_Module", import_module(subcommand.module))
            chosen.add_arguments(subparser)
    parsed = parser.parse_args(given)
    if command:
        if not hasattr(parsed, "command"):
            parser.error(f"unrecognized arguments: -- {' '.join(command)}")
        parsed.command = [*parsed.command, *(["--"] if parsed.command else []), *command]
    assert chosen is not None
    return chosen.run(parsed)
