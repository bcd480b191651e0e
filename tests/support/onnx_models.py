# SPDX-License-Identifier: Apache-2.0
"""ONNX models whose answers tell which of them answered."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper


def adding(number: float, *, graph: str = "main_graph", version: int = 0, **metadata: str) -> onnx.ModelProto:
    """Returns a model that adds a number to what it is given: ``y = x + number``, of two columns."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in "xy")
    weight = helper.make_tensor("number", TensorProto.FLOAT, [1], [number])
    node = helper.make_node("Add", ["x", "number"], ["y"])
    model = helper.make_model(
        helper.make_graph([node], graph, [x], [y], [weight]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    model.model_version = version
    helper.set_model_props(model, metadata)
    return model
