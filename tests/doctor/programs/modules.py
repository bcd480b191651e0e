# SPDX-License-Identifier: Apache-2.0
"""Calls torch modules twice without making an inference, for one reason that the argument says."""

import sys
from typing import Any

import torch
from torch import Tensor, nn

X = torch.ones(2, 4)


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def training() -> None:
    model = Classifier().train()
    model(X)
    model(X)


def leaf() -> None:
    """The layers of a model whose ``forward`` is called directly, past the model."""
    Classifier().eval().forward(X)


def loss() -> None:
    criterion = nn.MSELoss().eval()
    criterion(X, X)
    criterion(X, X)


def transform() -> None:
    from torchvision.transforms import v2

    resize = v2.Resize(8).eval()
    resize(torch.zeros(3, 16, 16, dtype=torch.uint8))
    resize(torch.zeros(3, 16, 16, dtype=torch.uint8))


def tracing() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        model = Classifier().eval()
        model(torch.ones(2, 4))
        model(torch.ones(2, 4))


def nested() -> None:
    """Replicas, as ``DataParallel`` makes them, are part of the call that made them."""
    model = Classifier().eval()
    replica = model._replicate_for_data_parallel()
    replica.forward = model.forward
    replica(X)
    replica(X)


class Settings:
    """The application's own, which fails where inferspan looks for a name."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("this is no setting")


def _failing() -> nn.Module:
    model = Classifier().eval()
    model.config = Settings()
    return model


def fault() -> None:
    model = _failing()
    model(X)
    model(X)


def switched_itself_off() -> None:
    """Fails as often as is allowed; then even what would not fail is skipped."""
    model = _failing()
    model(X)
    model(X)
    Classifier().eval()(X)
    Classifier().eval()(X)


def unknown_version() -> None:
    """A torch with another ``Module.__call__``, as a later one may have."""
    from inferspan_instrumentors.torch import TorchInstrumentor

    TorchInstrumentor().uninstrument()
    original: Any = nn.Module.__call__

    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return original(self, *args, **kwargs)

    nn.Module.__call__ = call
    TorchInstrumentor().instrument()
    Classifier().eval()(X)


globals()[sys.argv[1]]()
