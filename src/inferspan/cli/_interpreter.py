# SPDX-License-Identifier: Apache-2.0
"""Which Python a command runs in, and whether the launcher can get into it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PYTHON = re.compile(r"(python|pypy)[0-9.]*t?$")
_PROBE = "import inferspan, opentelemetry.instrumentation, opentelemetry.distro"
_PROBE_SECONDS = 20
#: Longest first line of a script that a kernel reads.
_SHEBANG_BYTES = 256
_OPTIONS_WITH_VALUE = "cmWX"


@dataclass(frozen=True)
class Interpreter:
    """The Python that a command runs in, with the arguments that it gets."""

    executable: str
    arguments: Sequence[str]


def find_interpreter(command: Sequence[str], environment: Mapping[str, str]) -> Interpreter | None:
    """Finds the Python of a command: the command itself, or what the first line of a script names.

    Args:
        command: program and arguments.
        environment: of the program; its ``PATH`` counts.

    Returns:
        The interpreter, or ``None`` for what is no Python program.
    """
    path = environment.get("PATH")
    program = shutil.which(command[0], path=path)
    if program is None:
        return None
    if _PYTHON.match(os.path.basename(program)):
        return Interpreter(program, command[1:])
    words = _shebang(program)
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    if not words or not _PYTHON.match(os.path.basename(words[0])):
        return None
    interpreter = shutil.which(words[0], path=path)
    return None if interpreter is None else Interpreter(interpreter, [*words[1:], program, *command[1:]])


def _shebang(program: str) -> list[str]:
    try:
        with open(program, "rb") as file:
            line = file.read(_SHEBANG_BYTES).partition(b"\n")[0]
    except OSError:
        return []
    return line[2:].decode(errors="replace").split() if line.startswith(b"#!") else []


def shutting_out(arguments: Sequence[str]) -> str | None:
    """The first of an interpreter's options that keeps the launcher out: ``-I``, ``-E`` or ``-S``.

    The launcher puts a ``sitecustomize`` module on ``PYTHONPATH``: the first two make Python ignore the
    variable, the third makes it not look for the module. https://docs.python.org/3/using/cmdline.html
    """
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        position += 1
        if not argument.startswith("-") or argument in ("-", "--"):
            return None
        if argument.startswith("--"):
            # The only long option with a value of its own.
            position += argument == "--check-hash-based-pycs"
            continue
        for index, letter in enumerate(argument[1:], start=1):
            if letter in "IES":
                return f"-{letter}"
            if letter in _OPTIONS_WITH_VALUE:
                if letter in "cm":
                    return None
                position += index == len(argument) - 1
                break
    return None


def can_be_instrumented(interpreter: str, environment: Mapping[str, str]) -> bool:
    """Asks an interpreter whether it can import what the launcher needs."""
    try:
        answer = subprocess.run(
            [interpreter, "-c", _PROBE],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0
