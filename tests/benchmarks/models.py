# SPDX-License-Identifier: Apache-2.0
"""What is called: an ONNX model of a few microseconds, one of half a millisecond, a torch module of nothing."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

_WIDTH = 512


def small_session() -> tuple[onnxruntime.InferenceSession, dict[str, Any]]:
    """Returns a session whose call takes about as long as one can take at the least, and its input."""
    return _session(width=8), {"x": np.ones((4, 8), np.float32)}


def call_of(microseconds: float) -> Callable[[], Any]:
    """Returns a call of ONNX Runtime that takes about so long, on this thread, without the interpreter lock."""
    session = _session(width=_WIDTH)
    rows = 16
    for _ in range(8):
        rows = max(1, round(rows * microseconds / _duration(session, rows)))
    feed = {"x": np.ones((rows, _WIDTH), np.float32)}
    return lambda: session.run(None, feed)


def _duration(session: onnxruntime.InferenceSession, rows: int) -> float:
    feed = {"x": np.ones((rows, _WIDTH), np.float32)}
    seen: list[int] = []
    for _ in range(100):
        before = perf_counter_ns()
        session.run(None, feed)
        seen.append(perf_counter_ns() - before)
    return median(seen) / 1e3


def _session(*, width: int) -> onnxruntime.InferenceSession:
    weight = numpy_helper.from_array(np.full((width, width), 1 / width, np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "benchmark",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", width])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class Leaf(torch.nn.Module):
    """A module that does nothing, so that only its being called is measured."""

    def forward(self, x: Any) -> Any:
        return x
