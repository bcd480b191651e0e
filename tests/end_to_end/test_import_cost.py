# SPDX-License-Identifier: Apache-2.0
"""What a program imports because of us: no library that it does not import itself."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support import launcher


def imported(stderr: str) -> set[str]:
    """Returns the top-level modules of ``-X importtime``'s report."""
    return {
        line.rpartition("|")[2].strip().partition(".")[0]
        for line in stderr.splitlines()
        if line.startswith("import time:")
    }


@pytest.mark.parametrize("library", ["torch", "onnxruntime", "numpy", "transformers"])
def test_a_program_without_models_pays_for_none(library: str) -> None:
    env = launcher.environment("http://127.0.0.1:9", OTEL_TRACES_EXPORTER="none", PYTHONPROFILEIMPORTTIME="1")
    env |= {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    finished = launcher.run("-c", "print('done')", env=env)
    assert finished.stdout == "done\n"
    names = imported(finished.stderr)
    assert "inferspan_instrumentors" in names, "the instrumentors were loaded"
    assert library not in names


@pytest.mark.parametrize("statement", ["import inferspan", "import inferspan.auto"])
def test_importing_inferspan_imports_neither_sdk_nor_numpy(statement: str) -> None:
    program = f"import sys; {statement}; print(*sorted(sys.modules))"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(finished.stdout.split())
    assert not modules & {"numpy", "torch", "onnxruntime", "rich", "opentelemetry.sdk"}


def test_an_attribute_of_the_package_is_loaded_when_it_is_used() -> None:
    told = "print('inferspan.api' in sys.modules)"
    program = f"import sys, inferspan; {told}; inferspan.inference; {told}"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == ["False", "True"]
