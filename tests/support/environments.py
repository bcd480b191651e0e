# SPDX-License-Identifier: Apache-2.0
"""Virtual environments like a user's: inferspan from its wheel, everything else from the registries.

They stay in ``.cache/environments`` of the repository, one for each set of requirements. The packages are the versions
of ``constraints.txt``, where it has them; inferspan is installed anew in every run of the tests.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support.launcher import ROOT

_UV = Path(sys.executable).with_name("uv")
_CONSTRAINTS = ROOT / "constraints.txt"
_FOLDER = ROOT / ".cache" / "environments"


@functools.cache
def wheel() -> Path:
    """Builds inferspan's wheel, once in a run of the tests."""
    folder = tempfile.mkdtemp(prefix="inferspan-wheel-")
    atexit.register(shutil.rmtree, folder)
    subprocess.run([_UV, "build", "-q", "--wheel", "-o", folder, ROOT], check=True)
    (found,) = Path(folder).glob("inferspan-*.whl")
    return found


@functools.cache
def environment(*requirements: str, extra: str = "otlp") -> Path:
    """Makes an environment with inferspan and these requirements, unless it is there.

    Args:
        *requirements: as for pip.
        extra: of inferspan.

    Returns:
        Its interpreter; programs that its packages bring lie beside it.
    """
    wanted = "\n".join((extra, *requirements)).encode()
    folder = _FOLDER / hashlib.sha256(wanted).hexdigest()[:16]
    inputs = (sys.version.encode(), (ROOT / "pyproject.toml").read_bytes(), _CONSTRAINTS.read_bytes())
    stamp = hashlib.sha256(b"".join(inputs)).hexdigest()
    stamp_file = folder / "inferspan.stamp"
    python = folder / "bin" / "python"
    install = [_UV, "pip", "install", "-q", "--python", python]
    if not stamp_file.exists() or stamp_file.read_text() != stamp:
        subprocess.run([_UV, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
        ours = f"inferspan[{extra}] @ {wheel().as_uri()}"
        subprocess.run([*install, "-c", _CONSTRAINTS, ours, *requirements], check=True)
        stamp_file.write_text(stamp)
    subprocess.run([*install, "--no-deps", "--reinstall", wheel()], check=True)
    return python


def foreign(path: Path, *requirements: str) -> Path:
    """Makes an environment that has these requirements and knows nothing of inferspan; returns its interpreter."""
    subprocess.run([_UV, "venv", "-q", "--python", sys.executable, path], check=True)
    python = path / "bin" / "python"
    subprocess.run([_UV, "pip", "install", "-q", "--python", python, *requirements], check=True)
    return python


@functools.cache
def kept(*requirements: str) -> Path:
    """Returns the interpreter of an environment as :func:`foreign` makes them, made only where it is not there yet."""
    wanted = "\n".join((sys.version, *requirements)).encode()
    folder = _FOLDER / hashlib.sha256(wanted).hexdigest()[:16]
    finished = folder / "finished"
    if not finished.exists():
        shutil.rmtree(folder, ignore_errors=True)
        foreign(folder, *requirements)
        finished.touch()
    return folder / "bin" / "python"


def folder(path: Path, *, extra: str = "otlp") -> Path:
    """Installs inferspan, and what it needs, into a folder that is to be put on ``PYTHONPATH``."""
    ours = f"inferspan[{extra}] @ {wheel().as_uri()}"
    install = [_UV, "pip", "install", "-q", "--python", sys.executable, "--target", path]
    subprocess.run([*install, "-c", _CONSTRAINTS, ours], check=True)
    return path
