# SPDX-License-Identifier: Apache-2.0
"""Cases of the matrix: export, TorchScript, fx, functional transforms, fake tensors, and modes."""

from __future__ import annotations

import io
from typing import Any

import torch
from models import Mlp, batch, mlp, numbers
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call, grad, jvp, stack_module_state, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


def _program(*, strict: bool) -> dict[str, Any]:
    program = torch.export.export(mlp(), (batch(),), strict=strict)
    stacks = [
        list(node.meta["nn_module_stack"].values()) for node in program.graph.nodes if "nn_module_stack" in node.meta
    ]
    traces = [node.meta.get("stack_trace") for node in program.graph.nodes]
    return {
        "graph": str(program.graph),
        "modules": stacks,
        "traces": traces,
        "result": numbers(program.module()(batch())),
    }


def strict_export() -> Any:
    return _program(strict=True)


def nonstrict_export() -> Any:
    return _program(strict=False)


def unflattened_export() -> Any:
    program = torch.export.export(mlp(), (batch(),), strict=True)
    return numbers(torch.export.unflatten(program)(batch()))


def jit_script() -> Any:
    scripted = torch.jit.script(mlp())
    return [str(scripted.graph), numbers(scripted(batch()))]


def jit_script_of_a_function_with_a_module() -> Any:
    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)

    return torch.jit.script(Holder().eval()).code


def jit_trace() -> Any:
    traced = torch.jit.trace(mlp(), batch())
    return [str(traced.graph), numbers(traced(batch()))]


def jit_trace_unchecked() -> Any:
    return str(torch.jit.trace(mlp(), batch(), check_trace=False).inlined_graph)


def jit_load() -> Any:
    file = io.BytesIO()
    torch.jit.save(torch.jit.freeze(torch.jit.script(mlp())), file)
    file.seek(0)
    return numbers(torch.jit.load(file)(batch()))


def fx_trace() -> Any:
    graph = torch.fx.symbolic_trace(mlp())
    return [graph.code, numbers(graph(batch()))]


def fx_trace_with_leaves() -> Any:
    class Tracer(torch.fx.Tracer):
        def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
            return type(m).__name__ == "Block"

    return str(Tracer().trace(mlp()))


def proxy_tensors() -> Any:
    return [make_fx(mlp())(batch()).code, make_fx(torch.relu, tracing_mode="fake")(batch()).code]


def vmap_over_inputs() -> Any:
    return numbers(vmap(mlp())(batch()))


def vmap_over_models() -> Any:
    models = [mlp(), mlp()]
    parameters, buffers = stack_module_state(models)
    template = Mlp().to("meta").eval()

    def call(parameters: Any, buffers: Any, x: Tensor) -> Tensor:
        return functional_call(template, (parameters, buffers), (x,))

    return numbers(vmap(call, in_dims=(0, 0, None))(parameters, buffers, batch()))


def functional() -> Any:
    model = mlp()
    return numbers(functional_call(model, {name: p * 2 for name, p in model.named_parameters()}, (batch(),)))


def gradients() -> Any:
    model = mlp()
    tangent = jvp(model, (batch(),), (torch.ones(2, 8),))[1]
    return [numbers(grad(lambda x: model(x).sum())(batch())), numbers(tangent)]


def fake_tensors() -> Any:
    with FakeTensorMode() as mode:
        return [str(type(mlp()(mode.from_tensor(batch())))), list(mlp()(torch.empty(3, 8)).shape)]


def meta_device() -> Any:
    model = mlp().to("meta")
    result = model(torch.empty(2, 8, device="meta"))
    return [str(result.device), list(result.shape)]


class _Functions(TorchFunctionMode):
    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._seen.append(getattr(function, "__name__", str(function)))
        return function(*args, **(kwargs or {}))


class _Operators(TorchDispatchMode):
    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self._seen = seen

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._seen.append(str(function))
        return function(*args, **(kwargs or {}))


def torch_function_mode() -> Any:
    """A mode of the application's sees its own calls, and none of ours."""
    seen: list[str] = []
    with _Functions(seen):
        mlp()(batch())
    return seen


def torch_dispatch_mode() -> Any:
    seen: list[str] = []
    model, x = mlp(), batch()
    with _Operators(seen):
        model(x)
    return seen


def tensor_subclass() -> Any:
    """A subclass that counts: what is not the application's own call is not made."""
    seen: list[str] = []

    class Watched(Tensor):
        @classmethod
        def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(getattr(function, "__name__", str(function)))
            return super().__torch_function__(function, types, args, kwargs or {})

    result = mlp()(batch().as_subclass(Watched))
    return [type(result).__name__, seen]


def example_inputs_of_modules() -> Any:
    """torch's own quantization patches ``Module.__call__`` for the time of one call."""
    from torch.ao.quantization.utils import get_fqn_to_example_inputs

    return sorted(get_fqn_to_example_inputs(mlp(), (batch(),)))


def onnx_export_legacy() -> Any:
    file = io.BytesIO()
    torch.onnx.export(mlp(), (batch(),), file, dynamo=False)
    return len(file.getvalue())
