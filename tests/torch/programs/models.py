# SPDX-License-Identifier: Apache-2.0
"""The models of the compatibility matrix, and what its cases share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Case = Callable[[], Any]


def numbers(value: Tensor) -> list[float]:
    """What a result says, in a form that JSON keeps."""
    return [round(number, 5) for number in value.detach().flatten().tolist()]


def batch() -> Tensor:
    return torch.linspace(-1, 1, 16).reshape(2, 8)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.linear(x))


class Mlp(nn.Module):
    """Three blocks, so that there are calls nested twice."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(), Block(), Block())

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


class Outer(nn.Module):
    """Has a function instead of a child: calls what was compiled before, from inside another module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.child = Block()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.child(x))


class Breaking(nn.Module):
    """Has a graph break between two children."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Block(), Block()

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        torch._dynamo.graph_break()
        return self.second(x)


class Failing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = Block()

    def forward(self, x: Tensor) -> Tensor:
        x = self.block(x)
        raise LookupError("nothing there")


def mlp() -> Mlp:
    return Mlp().eval()


class Counting:
    """A compiler backend that runs graphs as they are, and keeps how many and how large they were."""

    def __init__(self) -> None:
        self.graphs: list[int] = []

    def __call__(self, graph: Any, _inputs: Any) -> Any:
        self.graphs.append(sum(node.op.startswith("call") for node in graph.graph.nodes))
        return graph.forward
