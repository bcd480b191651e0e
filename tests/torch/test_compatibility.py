# SPDX-License-Identifier: Apache-2.0
"""Everything that torch does with modules goes as it does without us, whichever was there first.

One program runs all cases in a process of its own, unpatched and patched in several ways; see `programs/matrix.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

# A test may have to wait for its program, and that for those before it.
pytestmark = pytest.mark.timeout(900)

PROGRAM = Path(__file__).parent / "programs" / "matrix.py"
TESTS = Path(__file__).parents[1]

PATCHED = ("early", "late", "unknown-early", "unknown-late")
UNDONE = ("undone-early", "undone-late")

#: The inferences of each case: what the outermost module is, once a call.
SPANS: dict[str, list[str]] = {
    "eager": ["infer Mlp"],
    "hooks": ["infer Mlp"],
    "global_hooks": ["infer Mlp"],
    "always_called_hook_of_a_failure": ["infer Failing"],
    "failure": ["infer Failing"],
    "wrong_arguments": ["infer Mlp"] * 2,  # the third is a bare Module, which is no model
    "interruptions": ["infer Interrupted"] * 3,
    "copies": ["infer Mlp"] * 5,
    "pickled_bytes": ["infer Sequential"],
    "parameters_shared_in_place": ["infer Mlp"],
    # The body of a generator runs after the call, so each of its steps is an outermost call of its own.
    "generator": ["infer Streaming", *["infer Block"] * 3],
    "training_step": [],
    "checkpointed": ["infer Mlp"] * 2,  # recomputing it in backward is none
    "backward_hooks": ["infer Mlp"],
    "threads": ["infer Mlp"] * 4,
    "own_call": ["infer Own"],
    "parameters_that_collide": ["infer Keywords"],
    "what_python_sees": [],
    "explain": ["infer Mlp"],
    "compile_module": ["infer Mlp"] * 3,
    "compile_module_fullgraph": ["infer Mlp"] * 2,
    # A compiled function has no module's call left in it: the decorator and the context manager are for those.
    "compile_function_fullgraph": [],
    "module_compile_fullgraph": ["infer Mlp"] * 2,
    "compiled_child_of_an_eager_module": ["infer Mlp"],
    "nested_and_not": ["infer Outer"],
    "nested_and_not_with_hooks": ["infer Outer"],
    "hooks_in_a_compiled_module": ["infer Mlp"] * 2,
    "recompile_for_a_shape": ["infer Mlp"] * 3,
    "recompile_for_training": ["infer Mlp"] * 2,  # the one between them trains
    "lazy_module": ["infer Sequential"],
    "graph_break_in_a_module": ["infer Breaking"] * 2,
    "graph_break_between_calls": [],
    "eager_call_under_dynamo": ["infer Mlp"] * 4,
    "eager_failure_under_dynamo": ["infer Failing"] * 4,
    "disabled_module_in_a_compiled_function": ["infer Mlp"] * 2,
    "manual_in_compiled": [],
    "decorated_in_compiled": [],
    "compiled_training_step": [],
    "strict_export": ["infer Mlp"],
    "nonstrict_export": ["infer Mlp"],
    "unflattened_export": ["infer Mlp"],
    "jit_script": ["infer Mlp"],
    "jit_script_of_a_function_with_a_module": [],
    "jit_trace": ["infer Mlp"],
    "jit_trace_unchecked": [],
    "jit_load": ["infer Mlp"],
    "fx_trace": ["infer Mlp"],
    "fx_trace_with_leaves": [],
    "proxy_tensors": [],
    "vmap_over_inputs": [],
    "vmap_over_models": [],
    "functional": ["infer Mlp"],
    "gradients": [],
    "fake_tensors": [],
    "meta_device": ["infer Mlp"],
    "torch_function_mode": ["infer Mlp"],
    "torch_dispatch_mode": [],
    "tensor_subclass": ["infer Mlp"],
    "example_inputs_of_modules": ["infer Mlp"],
    "onnx_export_legacy": [],
}


def _run(mode: str) -> dict[str, Any]:
    paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, str(PROGRAM), mode],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def matrix() -> Iterator[Callable[[str], dict[str, Any]]]:
    """Results by way of patching; the programs run two at a time."""
    with ThreadPoolExecutor(2) as pool:
        running = {mode: pool.submit(_run, mode) for mode in ("unpatched", *PATCHED, *UNDONE)}
        yield lambda mode: running[mode].result()
        for one in running.values():
            one.cancel()


def test_unpatched_every_case_works(matrix: Callable[[str], dict[str, Any]]) -> None:
    results = matrix("unpatched")
    assert list(results) == list(SPANS)
    raised = {name: case["result"] for name, case in results.items() if isinstance(case["result"], dict)}
    assert not {name: result["raised"] for name, result in raised.items() if "raised" in result}
    assert not any(case["spans"] for case in results.values())


@pytest.mark.parametrize("case", SPANS)
@pytest.mark.parametrize("mode", [*PATCHED, *UNDONE])
def test_as_unpatched(matrix: Callable[[str], dict[str, Any]], mode: str, case: str) -> None:
    unpatched, patched = matrix("unpatched")[case], matrix(mode)[case]
    assert patched["result"] == unpatched["result"]
    assert patched["dynamo"] == unpatched["dynamo"]
    assert patched["spans"] == (SPANS[case] if mode in PATCHED else [])
    assert not patched["faults"]
