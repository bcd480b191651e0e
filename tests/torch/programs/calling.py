# SPDX-License-Identifier: Apache-2.0
"""Cases of the matrix: hooks, exceptions, copies, generators, autograd, threads, and what Python sees of the method."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from models import Block, Failing, Mlp, batch, mlp, numbers
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def eager() -> Any:
    return numbers(mlp()(batch()))


def hooks() -> Any:
    """In their order, with what they were given; one replaces the input, another the output."""
    model = mlp()
    log: list[Any] = []

    def before(module: nn.Module, args: Any, kwargs: Any) -> Any:
        log.append(["before", type(module).__name__, sorted(kwargs)])
        return (), {"x": kwargs["x"] * 2}

    def after(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        log.append(["after", type(module).__name__, len(args)])
        return output + 1

    model.register_forward_pre_hook(before, with_kwargs=True)
    model.register_forward_hook(after)
    model.register_forward_hook(lambda *_: log.append(["always"]), always_call=True)
    return [numbers(model(x=batch())), log]


def global_hooks() -> Any:
    log: list[str] = []
    handles = [
        nn.modules.module.register_module_forward_pre_hook(lambda module, _: log.append(type(module).__name__)),
        nn.modules.module.register_module_forward_hook(lambda module, *_: log.append(type(module).__name__)),
    ]
    result = numbers(mlp()(batch()))
    for handle in handles:
        handle.remove()
    return [result, log]


def always_called_hook_of_a_failure() -> Any:
    model = Failing().eval()
    seen: list[Any] = []
    model.register_forward_hook(lambda module, inputs, output: seen.append(output), always_call=True)
    try:
        model(batch())
    except LookupError as error:
        return [str(error), seen]
    return None


def _raised(model: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """Type, message, and the frames of the traceback below the patched method."""
    try:
        model(*args, **kwargs)
    except BaseException as error:
        frames = [[Path(frame.filename).name, frame.name] for frame in traceback.extract_tb(error.__traceback__)]
        names = [name for _, name in frames]
        below = len(names) - 1 - names[::-1].index("_call_impl") if "_call_impl" in names else 0
        return [type(error).__name__, str(error), frames[below:], repr(error.__cause__), repr(error.__context__)]
    return None


def failure() -> Any:
    return _raised(Failing().eval(), batch())


def wrong_arguments() -> Any:
    return [_raised(mlp()), _raised(mlp(), batch(), nothing=1), _raised(nn.Module().eval(), 1)]


def interruptions() -> Any:
    class Interrupted(nn.Module):
        def __init__(self, error: BaseException) -> None:
            super().__init__()
            self.block, self.error = Block(), error

        def forward(self, x: Tensor) -> Tensor:
            raise self.error

    errors = (KeyboardInterrupt(), SystemExit(3), GeneratorExit())
    return [_raised(Interrupted(error).eval(), batch()) for error in errors]


def copies() -> Any:
    model = mlp()
    model(batch())
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    made = [
        copy.copy(model),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        torch.load(file, weights_only=False),
    ]
    return [sorted(model.__dict__), sorted(model.state_dict()), [numbers(one(batch())) for one in made]]


def pickled_bytes() -> Any:
    """A model's pickle is, byte for byte, the one that it would be."""
    model = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Identity())).eval()  # storages are numbered by their address
    model(batch())
    return pickle.dumps(model).hex()


def parameters_shared_in_place() -> Any:
    """Storages stay resizable, and versions as they were."""
    model, x = mlp(), batch()
    with torch.inference_mode():
        result = model(x)
    x.untyped_storage().resize_(256)
    result.untyped_storage().resize_(512)
    return [x._version, x.untyped_storage().nbytes(), result.untyped_storage().nbytes(), result.is_inference()]


def generator() -> Any:
    class Streaming(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()

        def forward(self, x: Tensor) -> Iterator[Tensor]:
            for _ in range(3):
                x = self.block(x)
                yield x

    stream = Streaming().eval()(batch())
    return [inspect.isgenerator(stream), [numbers(item) for item in stream]]


def training_step() -> Any:
    model = Mlp().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses: list[float] = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = model(batch()).square().mean()
        loss.backward()
        optimizer.step()
        losses += numbers(loss)
    return losses


def checkpointed() -> Any:
    """Recomputed in backward."""
    results: list[Any] = []
    for reentrant in (False, True):
        model = mlp()
        x = batch().requires_grad_()
        y = checkpoint(model, x, use_reentrant=reentrant)
        y.sum().backward()
        results.append([numbers(y), numbers(x.grad)])
    return results


def backward_hooks() -> Any:
    model, seen = mlp(), []
    model.register_full_backward_hook(lambda module, inputs, outputs: seen.append([numbers(inputs[0])]))
    x = batch().requires_grad_()
    model(x).sum().backward()
    return [seen, numbers(x.grad)]


def threads() -> Any:
    model, results = mlp(), [None] * 4

    def call(index: int) -> None:
        results[index] = numbers(model(batch()))

    started = [threading.Thread(target=call, args=(index,)) for index in range(4)]
    for one in started:
        one.start()
    for one in started:
        one.join()
    return results


def own_call() -> Any:
    """A class that overrides ``__call__``, and one that is called by ``super()``."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return super().__call__(*args, **kwargs) + 1

        def forward(self, x: Tensor) -> Tensor:
            return self.block(x)

    return numbers(Own().eval()(batch()))


def parameters_that_collide() -> Any:
    """Names of ours must not shadow keyword arguments of the application's."""

    class Keywords(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()

        def forward(self, module: Any, args: Any, kwargs: Any, original: Any) -> Any:
            return self.block(module) + args + kwargs + original

    return numbers(Keywords().eval()(args=1, module=batch(), kwargs=2, original=3))


def what_python_sees() -> Any:
    call = nn.Module.__call__
    return [
        call.__name__,
        call.__qualname__,
        call.__module__,
        call.__doc__,
        str(inspect.signature(call)),
        inspect.getsource(call),
        inspect.isfunction(call),
        call is nn.Module._wrapped_call_impl,
        str(inspect.signature(mlp())),
    ]
