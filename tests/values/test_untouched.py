# SPDX-License-Identifier: Apache-2.0
"""After an inference its values are as if it had not been looked at, and nothing refers to them."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import weakref
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from inferspan_instrumentors.torch import TorchInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from support.held import worker_held
from support.telemetry import Telemetry

TENSORS: dict[str, Callable[[], torch.Tensor]] = {
    "few": lambda: torch.arange(6.0).reshape(2, 3).clone(),
    "many": lambda: torch.arange(6000.0).reshape(2, 3000).clone(),
    "strided": lambda: torch.arange(12000.0)[::2].reshape(2, 3000),
    "parameter": lambda: torch.nn.Parameter(torch.ones(2, 3)),
}
EACH = pytest.mark.parametrize("make", TENSORS.values(), ids=TENSORS)


class Identity(torch.nn.Module):
    """Returns what it is given; it may fail after that."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.inner = torch.nn.Identity()
        self.fails = fails

    def forward(self, x: Any) -> Any:
        if self.fails:
            raise ValueError("after looking at it")
        return x


@pytest.fixture
def seen(telemetry: Telemetry) -> Callable[[Any], None]:
    """Has a module look at a value, as its input and its output."""
    telemetry.instrument(TorchInstrumentor())

    def look(value: Any) -> None:
        assert Identity().eval()(value) is value
        (span,) = telemetry.spans()
        assert (span.attributes or {})["inferspan.output.profile.counts"]

    return look


@EACH
def test_a_tensor_can_be_resized(make: Callable[[], torch.Tensor], seen: Callable[[Any], None]) -> None:
    value = make().detach()
    seen(value)
    value.resize_(50_000)
    assert value.untyped_storage().nbytes() >= 200_000
    value.untyped_storage().resize_(0)


@EACH
def test_a_tensor_can_be_set_to_another(make: Callable[[], torch.Tensor], seen: Callable[[Any], None]) -> None:
    value, other = make(), torch.zeros(7)
    seen(value)
    with torch.no_grad():
        value.set_(other)
    assert value.data_ptr() == other.data_ptr()


@EACH
def test_a_tensor_is_as_it_was(make: Callable[[], torch.Tensor], seen: Callable[[Any], None]) -> None:
    value, plain = make(), make()

    def state(tensor: torch.Tensor) -> Any:
        storage = tensor.untyped_storage()
        return (
            tensor._version,
            tensor.stride(),
            tensor.requires_grad,
            tensor.is_leaf,
            tensor.grad_fn,
            dict(vars(tensor)),
            storage.resizable(),
            storage.is_shared(),
            storage.nbytes(),
        )

    pointer = value.data_ptr()
    seen(value)
    assert state(value) == state(plain)
    assert value.data_ptr() == pointer
    assert torch.equal(value, plain)


@EACH
def test_a_tensor_is_pickled_saved_and_copied_as_it_was(
    make: Callable[[], torch.Tensor], seen: Callable[[Any], None]
) -> None:
    value, plain = make(), make()
    seen(value)

    def saved(tensor: torch.Tensor) -> bytes:
        file = io.BytesIO()
        torch.save(tensor, file)
        return file.getvalue()

    assert saved(value) == saved(plain)
    assert torch.equal(pickle.loads(pickle.dumps(value)), plain)
    assert torch.equal(copy.deepcopy(value), plain)


@pytest.mark.parametrize("size", [10, 5000])
def test_a_lazy_clone_stays_one(size: int, seen: Callable[[Any], None]) -> None:
    """Reading a copy-on-write tensor does not copy it: neither the clone nor the original."""
    original = torch.arange(float(size))
    clone = torch._lazy_clone(original)
    seen(clone)
    seen(original)
    assert torch._C._is_cow_tensor(clone)
    assert torch._C._is_cow_tensor(original)
    assert torch._C._data_address(clone) == torch._C._data_address(original)
    clone += 1
    assert original[1] == 1


class Box:
    """Something that can be referred to weakly, in place of a list."""

    def __init__(self, *items: Any) -> None:
        self.items = items


FRAME = {"a": [1.0, 2.0], "b": [1, 2], "c": ["x", "y"], "d": [True, False], "e": [datetime(2026, 1, 1)] * 2}
VALUES: dict[str, Callable[[], tuple[Any, Any]]] = {
    # what is given to the model, and what has to be gone afterwards
    "tensor": lambda: (one := torch.ones(2, 3), one),
    "large tensor": lambda: (one := torch.ones(200, 300), one),
    "strided tensor": lambda: (one := torch.ones(200, 300)[:, ::2], one),
    "array": lambda: (one := np.ones((2, 3)), one),
    "large array": lambda: (one := np.ones((200, 300)), one),
    "view": lambda: ((one := np.ones((200, 300)))[:, ::2], one),
    "tensor in a list": lambda: ([one := torch.ones(5000)], one),
    "tensor in a dict": lambda: ({"a": {"b": (one := torch.ones(5000))}}, one),
    "unknown": lambda: (one := Box(1), one),
    "sparse": lambda: (one := torch.eye(3).to_sparse(), one),
    "frame": lambda: (one := pd.DataFrame(FRAME), one),
    "large frame": lambda: (one := pd.concat([pd.DataFrame(FRAME)] * 1500), one),
    "frame of polars": lambda: (one := pl.DataFrame(FRAME), one),
    "large frame of polars": lambda: (one := pl.concat([pl.DataFrame(FRAME)] * 1500), one),
    "arrow": lambda: (one := pa.table(FRAME), one),
    "large arrow": lambda: (one := pa.concat_tables([pa.table(FRAME)] * 1500), one),
}


@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@pytest.mark.parametrize("sampled", [True, False], ids=["sampled", "not sampled"])
@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
def test_a_value_is_gone_before_the_worker_has_run(
    make: Callable[[], tuple[Any, Any]], sampled: bool, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By reference counts alone: no cycle of ours waits for the garbage collector."""
    model = Identity(fails=fails).eval()
    with Telemetry(sampler=ALWAYS_ON if sampled else ALWAYS_OFF) as telemetry:
        telemetry.instrument(TorchInstrumentor())
        gc.disable()
        try:
            with worker_held():
                given, subject = make()
                reference = weakref.ref(subject)
                try:
                    model(given)
                except ValueError:
                    pass
                del given, subject
                assert reference() is None
        finally:
            gc.enable()
        assert len(telemetry.spans()) == sampled
        assert len(telemetry.events()) == (fails and not sampled)
