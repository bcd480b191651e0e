# SPDX-License-Identifier: Apache-2.0
"""Whether a program can be run under the launcher, before it is."""

from __future__ import annotations

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
LAUNCHER = "opentelemetry-instrument"


class CannotRunError(Exception):
    """The program cannot be run.

    Attributes:
        status: exit status for that.
    """

    def __init__(self, reason: str, *, status: int = _USAGE) -> None:
        super().__init__(reason)
        self.status = status


def launcher_for(command: Sequence[str], *, tool: str) -> str:
    """Returns the path of the launcher for a program.

    Args:
        command: program and arguments.
        tool: the command that is to run it, for what is said to the user.

    Raises:
        CannotRunError: it cannot be run, or something that this needs is not installed.
    """
    if not command:
        raise CannotRunError(f"which program? For example: {tool} -- python app.py")
    if os.name != "posix":
        raise CannotRunError("this system has no signals and process groups as it needs them: use Linux, macOS or WSL")
    missing = [package for module, package in _NEEDED.items() if not is_installed(module)]
    launcher = find_launcher()
    if missing or launcher is None:
        raise CannotRunError(f"{', '.join(missing or [LAUNCHER])} is missing: pip install 'inferspan[run]'")

    from inferspan.cli import _environment

    if shutil.which(command[0], path=_environment.search_path(os.environ)) is None:
        raise _why_not_runnable(command, tool)
    return launcher


def is_installed(module: str) -> bool:
    """Returns whether a module can be imported, without importing it; only its parents are."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        # A parent package is missing.
        return False


def find_launcher() -> str | None:
    """Returns the launcher of this environment, activated or not; else one that the shell would find."""
    beside = os.path.join(os.path.dirname(sys.executable), LAUNCHER)
    return beside if os.access(beside, os.X_OK) else shutil.which(LAUNCHER)


def _why_not_runnable(command: Sequence[str], tool: str) -> CannotRunError:
    if not os.path.exists(command[0]):
        return CannotRunError(f"{command[0]}: command not found", status=_NOT_FOUND)
    if command[0].endswith(".py"):
        return CannotRunError(
            f"{command[0]} is not a program. Did you mean: {tool} -- python {command[0]}", status=_CANNOT_EXECUTE
        )
    return CannotRunError(f"{command[0]}: cannot be executed", status=_CANNOT_EXECUTE)
