# SPDX-License-Identifier: Apache-2.0
"""The native kernel is built where there is a compiler, and only there; the wheel's name says which."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import environments, launcher

UV = Path(sys.executable).with_name("uv")
SAYS = (
    "import logging, numpy; logging.basicConfig(level='INFO', format='%(levelname)s %(message)s')\n"
    "from inferspan import config; config.load()\n"
    "from inferspan.profiling import kernel\n"
    "(one,) = kernel.moments(numpy.arange(5.0), '<f8')\n"
    "print(kernel.name(), one.mean, one.maximum)\n"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Unpacks the source distribution: nothing was built there before."""
    subprocess.run([UV, "build", "-q", "--sdist", "-o", tmp_path, launcher.ROOT], check=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    subprocess.run(["tar", "xf", archive, "-C", tmp_path], check=True)
    (folder,) = (one for one in tmp_path.iterdir() if one.is_dir())
    return folder


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "INFERSPAN_"))}


def build(source: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [UV, "build", "--wheel", "-o", source.parent / "dist", source],
        env=clean() | variables,
        capture_output=True,
        text=True,
    )


def say(python: Path, **variables: str) -> tuple[str, str]:
    finished = subprocess.run([python, "-c", SAYS], env=clean() | variables, capture_output=True, text=True, check=True)
    return finished.stdout.strip(), finished.stderr.strip()


def test_with_a_compiler(source: Path, tmp_path: Path) -> None:
    finished = build(source, INFERSPAN_NATIVE="1")
    assert finished.returncode == 0, finished.stderr
    (wheel,) = (source.parent / "dist").glob("*.whl")
    assert "-cp310-abi3-" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert "inferspan/profiling/_compiled.abi3.so" in names
    assert not [name for name in names if name.endswith((".c", ".h", ".inc"))]
    python = environments.foreign(tmp_path / "native", str(wheel))
    printed, logged = say(python)
    assert printed.startswith("native, ")
    assert printed.endswith(" 2.0 4.0")
    assert logged == f"INFO Kernel of data profiles: {printed.removesuffix(' 2.0 4.0')}"
    assert say(python, OTEL_PYTHON_INFERSPAN_PROFILE_KERNEL="numpy") == (
        "numpy 2.0 4.0",
        "INFO Kernel of data profiles: numpy",
    )


def test_without_a_compiler(source: Path, tmp_path: Path) -> None:
    assert build(source, CC="false", INFERSPAN_NATIVE="1").returncode != 0
    finished = build(source, CC="false")
    assert finished.returncode == 0, finished.stderr
    assert "no native kernel was built, numpy does its work" in finished.stderr
    (wheel,) = (source.parent / "dist").glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]
    python = environments.foreign(tmp_path / "pure", str(wheel))
    assert say(python) == ("numpy 2.0 4.0", "INFO Kernel of data profiles: numpy")
    printed, logged = say(python, OTEL_PYTHON_INFERSPAN_PROFILE_KERNEL="native")
    assert printed == "numpy 2.0 4.0"
    assert logged.startswith("WARNING Kernel of data profiles: numpy. The native one that ")
    doctor = subprocess.run([python, "-m", "inferspan", "doctor"], capture_output=True, text=True)
    (row,) = [line for line in doctor.stdout.splitlines() if "kernel of data profiles" in line]
    assert row.split()[-1] == "numpy"
