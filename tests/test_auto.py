# SPDX-License-Identifier: Apache-2.0
"""`import inferspan.auto`: once, whoever else does it; nothing that is disabled; nothing that fails gets out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAUNCHER = Path(sys.executable).with_name("opentelemetry-instrument")

PROGRAM = """
import inferspan.auto
import importlib
importlib.reload(inferspan.auto)
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = trace.get_tracer_provider()
if not isinstance(provider, TracerProvider):
    provider = TracerProvider()
    trace.set_tracer_provider(provider)
provider.add_span_processor(SimpleSpanProcessor(exporter))

import numpy as np
import onnxruntime as ort
from onnxruntime.datasets import get_example
from inferspan_instrumentors.onnxruntime import OnnxRuntimeInstrumentor

session = ort.InferenceSession(get_example("sigmoid.onnx"), providers=["CPUExecutionProvider"])
session.run(None, {"x": np.zeros((3, 4, 5), np.float32)})
OnnxRuntimeInstrumentor().instrument()  # once more
session.run(None, {"x": np.zeros((3, 4, 5), np.float32)})
provider.force_flush()
names = [span.name for span in exporter.get_finished_spans()]
run = type(session).run
print(sorted(names), hasattr(run, "__wrapped__") and hasattr(run.__wrapped__, "__wrapped__"))
"""


def run(program: str, *, launcher: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    none = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    prefix = [str(LAUNCHER)] if launcher else []
    return subprocess.run(
        [*prefix, sys.executable, "-c", program],
        env={**clean, **none, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


@pytest.mark.parametrize("launcher", [False, True])
def test_twice_is_once(launcher: bool) -> None:
    finished = run(PROGRAM, launcher=launcher)
    assert finished.stdout == "['infer sigmoid', 'infer sigmoid', 'load sigmoid'] False\n"
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("launcher", [False, True])
def test_a_disabled_sdk_patches_nothing(launcher: bool) -> None:
    program = (
        "import inferspan.auto\nimport onnxruntime\nprint(hasattr(onnxruntime.InferenceSession.run, '__wrapped__'))"
    )
    assert run(program, launcher=launcher).stdout == "True\n"
    assert run(program, launcher=launcher, OTEL_SDK_DISABLED=" True ").stdout == "False\n"


@pytest.mark.parametrize(
    ("disabled", "patched"),
    [
        ("", "True"),
        ("inferspan_torch", "True"),
        ("inferspan_onnxruntime", "False"),
        ("requests, inferspan_onnxruntime ,x", "False"),
        ("*", "False"),
    ],
)
def test_disabled_instrumentations_are_left_out(disabled: str, patched: str) -> None:
    program = (
        "import inferspan.auto\nimport onnxruntime\nprint(hasattr(onnxruntime.InferenceSession.run, '__wrapped__'))"
    )
    assert run(program, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=disabled).stdout == f"{patched}\n"


def test_a_library_imported_before_is_patched_too() -> None:
    program = (
        "import onnxruntime\nimport inferspan.auto\nprint(hasattr(onnxruntime.InferenceSession.run, '__wrapped__'))"
    )
    assert run(program).stdout == "True\n"


def test_an_instrumentor_that_fails_stops_neither_the_others_nor_the_program() -> None:
    program = (
        "import logging, sys; logging.basicConfig()\n"
        "sys.modules['inferspan_instrumentors.onnxruntime'] = None\n"  # the first: its import fails
        "import inferspan.auto\n"
        "import onnxruntime\n"
        "from inferspan_instrumentors.thread_pools import ThreadPoolInstrumentor as Pools\n"
        "from inferspan_instrumentors.torch import TorchInstrumentor as Torch\n"
        "from inferspan_instrumentors.torchvision import TorchvisionInstrumentor as Torchvision\n"
        "from inferspan_instrumentors.transformers import TransformersInstrumentor as Transformers\n"
        "print(hasattr(onnxruntime.InferenceSession.run, '__wrapped__'))\n"
        "print(all(one().is_instrumented_by_opentelemetry for one in (Pools, Torch, Torchvision, Transformers)))"
    )
    finished = run(program)
    assert finished.stdout == "False\nTrue\n"
    assert finished.stderr.count("inferspan failed in auto") == 1


def test_a_patch_that_fails_leaves_the_library_as_it_was() -> None:
    program = (
        "import logging; logging.basicConfig()\n"
        "import inferspan_instrumentors.onnxruntime as ours\n"
        "def broken(*_): raise ZeroDivisionError\n"
        "ours._patch = broken\n"
        "import inferspan.auto\n"
        "import onnxruntime\n"
        "print(hasattr(onnxruntime.InferenceSession.run, '__wrapped__'))"
    )
    finished = run(program)
    assert finished.stdout == "False\n"
    assert "inferspan failed in patch" in finished.stderr
