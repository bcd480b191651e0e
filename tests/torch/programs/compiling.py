# SPDX-License-Identifier: Apache-2.0
"""Cases of the matrix: Dynamo's graphs, breaks, guards and recompilations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from models import Block, Breaking, Counting, Failing, Mlp, Outer, batch, mlp, numbers
from torch import Tensor, nn

import inferspan


def _guards(function: Any) -> list[dict[str, int]]:
    """Counts the guards by kind, for each graph that was compiled of a function's code."""
    code = getattr(function, "__code__", None) or function.__func__.__code__
    return [
        dict(Counter(line.split(":")[0].strip("| +-") for line in str(entry.guard_manager).splitlines()))
        for entry in torch._dynamo.eval_frame._debug_get_cache_entry_list(code)
    ]


def _compiled(
    make: Callable[[Any], Any], *inputs: Tensor, guards_of: Any = Mlp.forward, **described: Any
) -> dict[str, Any]:
    """Compiles, calls with each of the inputs, and says what was compiled."""
    backend = Counting()
    called = make(backend)
    results = [numbers(called(x)) for x in inputs]
    return {"graphs": backend.graphs, "guards": _guards(guards_of), "results": results, **described}


def explain() -> Any:
    said = torch._dynamo.explain(mlp())(batch())
    kinds = Counter(guard.create_fn_name() for guard in said.out_guards)
    return [said.graph_count, said.graph_break_count, said.op_count, len(said.out_guards), dict(kinds)]


def compile_module() -> Any:
    model = mlp()
    return _compiled(lambda backend: torch.compile(model, backend=backend), batch(), batch(), batch())


def compile_module_fullgraph() -> Any:
    model = mlp()
    return _compiled(lambda backend: torch.compile(model, backend=backend, fullgraph=True), batch(), batch())


def compile_function_fullgraph() -> Any:
    model = mlp()

    def function(x: Tensor) -> Tensor:
        return model(x) + model(x)

    return _compiled(
        lambda backend: torch.compile(function, backend=backend, fullgraph=True), batch(), guards_of=function
    )


def module_compile_fullgraph() -> Any:
    model = mlp()

    def make(backend: Any) -> Any:
        model.compile(backend=backend, fullgraph=True)
        return model

    return _compiled(make, batch(), batch())


def compiled_child_of_an_eager_module() -> Any:
    model = mlp()
    backend = Counting()
    model.blocks[1] = torch.compile(model.blocks[1], backend=backend, fullgraph=True)
    return [numbers(model(batch())), backend.graphs]


def nested_and_not() -> Any:
    """Compiled outside any module, then called from inside one: one graph for both."""
    model = mlp()

    def function(x: Tensor) -> Tensor:
        return model(x)

    backend = Counting()
    compiled = torch.compile(function, backend=backend, fullgraph=True)
    with torch.no_grad():
        compiled(batch())
        Outer(compiled).eval()(batch())
        compiled(batch())
    return [backend.graphs, _guards(function)]


def nested_and_not_with_hooks() -> Any:
    """Dynamo traces the call of a module with hooks, where it jumps to ``forward`` without."""
    model = mlp()
    model.blocks[0].register_forward_hook(lambda module, inputs, output: output + 1)

    def function(x: Tensor) -> Tensor:
        return model.blocks(x)

    backend = Counting()
    compiled = torch.compile(function, backend=backend, fullgraph=True)
    with torch.no_grad():
        compiled(batch())
        Outer(compiled).eval()(batch())
        compiled(batch())
    return [backend.graphs, _guards(function)]


def hooks_in_a_compiled_module() -> Any:
    model = mlp()
    model.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 2,))
    model.register_forward_hook(lambda module, inputs, output: output + 1)
    return _compiled(lambda backend: torch.compile(model, backend=backend, fullgraph=True), batch(), batch())


def recompile_for_a_shape() -> Any:
    model = mlp()
    return _compiled(
        lambda backend: torch.compile(model, backend=backend, fullgraph=True), batch(), batch()[:1], torch.ones(5, 8)
    )


def recompile_for_training() -> Any:
    model = mlp()
    backend = Counting()
    compiled = torch.compile(model, backend=backend, fullgraph=True)
    for training in (False, True, False):
        compiled.train(training)
        compiled(batch())
    return backend.graphs


def lazy_module() -> Any:
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU()).eval()
    backend = Counting()
    return [list(torch.compile(model, backend=backend)(batch()).shape), backend.graphs]


def graph_break_in_a_module() -> Any:
    model = Breaking().eval()
    return _compiled(
        lambda backend: torch.compile(model, backend=backend), batch(), batch(), guards_of=Breaking.forward
    )


def graph_break_between_calls() -> Any:
    """What follows a break in the frame is compiled on its own: no module is called eagerly."""
    model = mlp()

    def function(x: Tensor) -> Tensor:
        x = x + 1
        torch._dynamo.graph_break()
        return model(x)

    return _compiled(lambda backend: torch.compile(function, backend=backend), batch(), batch(), guards_of=function)


def eager_call_under_dynamo() -> Any:
    """Dynamo gives up on the frame, and its callback is active while the module is called eagerly."""
    model = mlp()

    def function(x: Tensor) -> Tensor:
        for _ in range(2):
            torch._dynamo.graph_break()
            x = model(x)
        return x

    return _compiled(lambda backend: torch.compile(function, backend=backend), batch(), batch())


def eager_failure_under_dynamo() -> Any:
    model = Failing().eval()

    def function(x: Tensor) -> Tensor:
        for _ in range(2):
            torch._dynamo.graph_break()
            try:
                x = model(x)
            except LookupError:
                x = x + 1
        return x

    return _compiled(
        lambda backend: torch.compile(function, backend=backend), batch(), batch(), guards_of=Failing.forward
    )


def disabled_module_in_a_compiled_function() -> Any:
    model = mlp()
    disabled = torch._dynamo.disable(model)

    def function(x: Tensor) -> Tensor:
        return disabled(x + 1) * 2

    return _compiled(lambda backend: torch.compile(function, backend=backend), batch(), batch(), guards_of=function)


def manual_in_compiled() -> Any:
    model = mlp()

    def function(x: Tensor) -> Tensor:
        with inferspan.labels(segment="eu"), inferspan.batch([]), inferspan.stage("whole"):
            with inferspan.inference(model="manual") as call:
                call.inputs(x)
                y = model(x)
                call.outputs(y)
            return y if inferspan.current_id() is None else -y

    return _compiled(
        lambda backend: torch.compile(function, backend=backend, fullgraph=True), batch(), guards_of=function
    )


def decorated_in_compiled() -> Any:
    model = mlp()

    @inferspan.inference(model="manual")
    def inner(x: Tensor) -> Tensor:
        return model(x)

    def function(x: Tensor) -> Tensor:
        return inner(x) + 1

    return _compiled(
        lambda backend: torch.compile(function, backend=backend, fullgraph=True), batch(), guards_of=function
    )


def compiled_training_step() -> Any:
    """Loss and gradients through AOTAutograd."""
    model = Block().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    losses: list[float] = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = compiled(batch()).square().mean()
        loss.backward()
        optimizer.step()
        losses += numbers(loss)
    return losses
