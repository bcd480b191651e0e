# SPDX-License-Identifier: Apache-2.0
"""What a user installs: the wheel alone, and beside the oldest OpenTelemetry that it claims to work with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from support import environments, launcher
from support.collector import Collector

UV = Path(sys.executable).with_name("uv")

#: Everything that `pip install inferspan` may bring: a new name here is a decision, not an accident.
LIGHT = {
    "inferspan",
    "numpy",
    "nvidia-ml-py",
    "opentelemetry-api",
    "opentelemetry-instrumentation",
    "opentelemetry-semantic-conventions",
    "packaging",
    "typing-extensions",
    "wrapt",
}


def lowest(package: str) -> str:
    """Returns the lower bound that pyproject.toml declares."""
    text = (launcher.ROOT / "pyproject.toml").read_text()
    found = re.search(rf'"{package}>=([^"]+)"', text)
    assert found, package
    return f"{package}=={found[1]}"


def test_light_install(tmp_path: Path) -> None:
    python = environments.foreign(tmp_path / "light", str(environments.wheel()))
    listed = subprocess.run(
        [UV, "pip", "list", "-q", "--format", "json", "--python", python], check=True, capture_output=True, text=True
    )
    assert {one["name"] for one in json.loads(listed.stdout)} <= LIGHT

    # Without an SDK the API's calls do nothing, and say nothing.
    program = (
        "import inferspan.auto, inferspan, sys\n"
        "with inferspan.inference('fraud') as call:\n"
        "    call.inputs([1.0, 2.0])\n"
        "print('numpy' in sys.modules)\n"
    )
    finished = subprocess.run([python, "-W", "error", "-c", program], capture_output=True, text=True)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "False\n", "")

    # The extra's command says what to install.
    said = subprocess.run([python, "-m", "inferspan", "run", "--", "true"], capture_output=True, text=True)
    assert said.returncode == 2
    assert "inferspan[run]" in said.stderr
    said = subprocess.run([python, "-m", "inferspan", "doctor"], capture_output=True, text=True)
    assert (said.returncode, said.stderr) == (1, "")
    assert "The launcher needs opentelemetry-sdk and opentelemetry-distro" in said.stdout
    assert "No library that inferspan instruments is installed here." in said.stdout


def test_oldest_opentelemetry(tmp_path: Path) -> None:
    python = environments.foreign(
        tmp_path / "oldest",
        f"inferspan[otlp] @ {environments.wheel().as_uri()}",
        "onnxruntime",
        lowest("opentelemetry-api"),
        lowest("opentelemetry-instrumentation"),
        lowest("opentelemetry-distro"),
        lowest("opentelemetry-exporter-otlp-proto-http"),
    )
    with Collector() as collector:
        finished = subprocess.run(
            [python.with_name("opentelemetry-instrument"), python, "examples/digits_onnx.py", "--seconds=2"],
            cwd=launcher.ROOT,
            env=launcher.environment(collector.endpoint_http),
            capture_output=True,
            text=True,
        )
        assert finished.returncode == 0, finished.stderr
        assert finished.stderr == "", "a fault of inferspan would be logged"
    spans = [span for span in collector.traces() if span.name == "infer digits"]
    # As last exported: the first call, when the model was cold, and the others.
    counts = {
        point.attributes.get("inferspan.cold"): point.count or 0
        for point in collector.metrics()
        if point.name == "inferspan.inference.duration"
    }
    assert counts == {True: 1, None: len(spans) - 1}
    assert len(spans) > 50
    # Arrays with an element that does not apply arrive whole.
    shown = {tuple(span.attributes["inferspan.input.names"]) for span in spans}
    assert shown == {("image",)}
