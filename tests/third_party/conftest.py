# SPDX-License-Identifier: Apache-2.0
"""Environments of services that others wrote, each of its own, with the wheel that a user installs."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import launcher
from support.collector import Collector

UV = Path(sys.executable).with_name("uv")
#: What a user installs besides inferspan for the spans of requests: the instrumentation of the web framework.
FRAMEWORK = "opentelemetry-instrumentation-fastapi"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "-q", "--wheel", "-o", folder, launcher.ROOT], check=True)
    (found,) = folder.glob("inferspan-*.whl")
    return found


@pytest.fixture(scope="session")
def environment(wheel: Path) -> Callable[..., Path]:
    """Makes environments; they are kept, for what is installed is large and pinned."""

    def make(name: str, *requirements: str) -> Path:
        """Returns the folder of the programs of an environment with these requirements, and inferspan as it is now."""
        wanted = (*requirements, FRAMEWORK)
        digest = hashlib.sha256("\n".join((sys.version, *wanted)).encode()).hexdigest()[:12]
        programs = launcher.ROOT / ".cache" / "third_party" / f"{name}-{digest}" / "bin"
        if not programs.exists():
            subprocess.run([UV, "venv", "-q", "--python", sys.executable, programs.parent], check=True)
        install = [UV, "pip", "install", "-q", "--python", programs / "python", "-c", launcher.ROOT / "constraints.txt"]
        ours = f"inferspan[otlp] @ {wheel.as_uri()}"
        subprocess.run([*install, "--reinstall-package", "inferspan", *wanted, ours], check=True)
        return programs

    return make


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as one:
        yield one
