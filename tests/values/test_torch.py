# SPDX-License-Identifier: Apache-2.0
"""What is read of tensors, and what is not, and why."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from support.profiles import described, profile
from torch._subclasses.fake_tensor import FakeTensorMode

NO_MEMORY = "it has no memory of its own"
X = torch.arange(6.0).reshape(2, 3)


def _freed() -> torch.Tensor:
    value = torch.ones(5000)
    value.untyped_storage().resize_(0)
    return value


def _shrunk() -> torch.Tensor:
    value = torch.ones(5000)
    value.untyped_storage().resize_(4000)
    return value


def _from_file() -> torch.Tensor:
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(bytes(40_000))
    value = torch.from_file(file.name, shared=True, size=10_000)
    Path(file.name).unlink()
    return value


def _quantised() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(X, 0.1, 0, torch.quint8)


NOT_READ: dict[str, tuple[Callable[[], Any], str, tuple[int, ...] | None, str]] = {
    "complex": (lambda: X.to(torch.complex64), "complex64", (2, 3), "complex64 is not profiled"),
    "conjugate": (lambda: X.to(torch.complex64).conj(), "complex64", (2, 3), "complex64 is not profiled"),
    "negative view": (
        lambda: torch.complex(X, X).conj().imag,
        "float32",
        (2, 3),
        "negative view: its memory holds other values",
    ),
    "float8": (lambda: X.to(torch.float8_e4m3fn), "float8_e4m3fn", (2, 3), "float8_e4m3fn is not profiled"),
    "quantised": (_quantised, "quint8", (2, 3), "quint8 is not profiled"),
    "sparse": (lambda: X.to_sparse(), "float32", (2, 3), "sparse_coo layout is not read"),
    "sparse rows": (lambda: X.to_sparse_csr(), "float32", (2, 3), "sparse_csr layout is not read"),
    "mkldnn": (lambda: X.to_mkldnn(), "float32", (2, 3), "_mkldnn layout is not read"),
    "meta": (lambda: X.to("meta"), "float32", (2, 3), "on meta"),
    "nested": (lambda: torch.nested.nested_tensor([X, X]), "float32", None, "nested tensors are not read"),
    "jagged": (
        lambda: torch.nested.nested_tensor([X, X], layout=torch.jagged),
        "torch.nested._internal.nested_tensor.NestedTensor",
        None,
        "torch.nested._internal.nested_tensor.NestedTensor is not read",
    ),
    "fake": (
        lambda: FakeTensorMode().from_tensor(X),
        "torch._subclasses.fake_tensor.FakeTensor",
        None,
        "torch._subclasses.fake_tensor.FakeTensor is not read",
    ),
    "freed": (_freed, "float32", (5000,), NO_MEMORY),
    "shrunk": (_shrunk, "float32", (5000,), "its storage is smaller than it says"),
    "zero tensor": (lambda: torch._efficientzerotensor(3), "float32", (3,), NO_MEMORY),
    "file": (_from_file, "float32", (10_000,), "memory-mapped: reading it could fault pages in"),
    "uninitialised": (
        lambda: torch.nn.UninitializedParameter(),
        "torch.nn.parameter.UninitializedParameter",
        None,
        "torch.nn.parameter.UninitializedParameter is not read",
    ),
    "size": (lambda: X.shape, "torch.Size", None, "torch.Size is not read"),
    "generator": (lambda: torch.Generator(), "torch._C.Generator", None, "torch._C.Generator is not read"),
}


@pytest.mark.filterwarnings("ignore:.*(nested|Sparse|CSR|from_file|TypedStorage).*:UserWarning")
@pytest.mark.parametrize(("make", "type_name", "shape", "note"), NOT_READ.values(), ids=NOT_READ)
def test_not_read(make: Callable[[], Any], type_name: str, shape: tuple[int, ...] | None, note: str) -> None:
    assert described(make()) == [("x", type_name, shape, note)]


READ: dict[str, tuple[Callable[[], torch.Tensor], str, float]] = {
    "float64": (lambda: X.double(), "float64", 2.5),
    "float16": (lambda: X.half(), "float16", 2.5),
    "bfloat16": (lambda: X.bfloat16(), "bfloat16", 2.5),
    "bfloat16, large": (lambda: torch.full((5000,), 3.0, dtype=torch.bfloat16), "bfloat16", 3.0),
    "int64": (lambda: X.long(), "int64", 2.5),
    "uint64": (lambda: torch.tensor([2**63, 2**63], dtype=torch.uint64), "uint64", 2.0**63),
    "bool": (lambda: X.bool(), "bool", 5 / 6),
    "number": (lambda: torch.tensor(3.0), "float32", 3.0),
    "parameter": (lambda: torch.nn.Parameter(X.clone()), "float32", 2.5),
    "requires grad": (lambda: X.clone().requires_grad_() * 2, "float32", 5.0),
    "transposed": (lambda: X.T, "float32", 2.5),
    "every other": (lambda: torch.arange(10_000.0)[::2], "float32", 4999.0),
    "channels last": (lambda: torch.ones(2, 3, 40, 40).to(memory_format=torch.channels_last), "float32", 1.0),
    "expanded": (lambda: torch.tensor(3.0).expand(300, 400), "float32", 3.0),
    "windows": (lambda: torch.arange(6000.0).unfold(0, 8, 1), "float32", 2999.5),
    "with an offset": (lambda: torch.arange(10_000.0)[8000:], "float32", 8999.5),
    "with an offset, few": (lambda: torch.arange(10_000.0)[9000:9003], "float32", 9001.0),
    "with an offset, transposed": (lambda: torch.arange(100.0).reshape(10, 10)[5:].T, "float32", 74.5),
    "with an offset, bfloat16": (lambda: torch.arange(200).bfloat16()[100:103], "bfloat16", 101.0),
    "inference mode": (lambda: _in_inference_mode(), "float32", 2.5),
    "shared": (lambda: torch.full((5000,), 3.0).share_memory_(), "float32", 3.0),
    "of numpy's": (lambda: torch.from_numpy(np.full(5000, 3.0)), "float64", 3.0),
}


def _in_inference_mode() -> torch.Tensor:
    with torch.inference_mode():
        return X + 0


@pytest.mark.parametrize(("make", "type_name", "mean"), READ.values(), ids=READ)
def test_read(make: Callable[[], torch.Tensor], type_name: str, mean: float) -> None:
    value = make()
    found = profile(value)
    assert (found.type, found.shape, found.count) == (type_name, tuple(value.shape), value.numel())
    assert (found.mean, found.note) == (pytest.approx(mean), None)


def test_nothing_in_it() -> None:
    found = profile(torch.empty(0, 3))
    assert (found.shape, found.count, found.mean, found.note) == ((0, 3), 0, None, None)


def _vmapped(look: Callable[[Any], Any]) -> None:
    torch.vmap(look)(X)


def _differentiated(look: Callable[[Any], Any]) -> None:
    torch.func.grad(lambda x: look(x).sum())(X)


def _with_tangents(look: Callable[[Any], Any]) -> None:
    torch.func.jvp(look, (X,), (X,))


def _functionalised(look: Callable[[Any], Any]) -> None:
    torch.func.functionalize(look)(X)


TRANSFORMS = {
    "vmap": (_vmapped, (3,)),
    "grad": (_differentiated, (2, 3)),
    "jvp": (_with_tangents, (2, 3)),
    "functionalize": (_functionalised, (2, 3)),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(("transform", "shape"), TRANSFORMS.values(), ids=TRANSFORMS)
def test_wrapped_by_a_transform(transform: Callable[[Any], None], shape: tuple[int, ...]) -> None:
    found: list[Any] = []

    def look(x: torch.Tensor) -> torch.Tensor:
        found.extend(described(x))
        return x * 1

    transform(look)
    assert found == [("x", "float32", shape, NO_MEMORY)]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning", "ignore:`torch.jit:FutureWarning")
@pytest.mark.parametrize("value", [torch.ones(3), torch.tensor(2.0)], ids=["vector", "number"])
def test_a_trace_has_nothing_of_ours(value: torch.Tensor) -> None:
    """Neither an operation, nor a warning that a size was turned into a number."""

    def traced(look: Callable[[Any], Any]) -> str:
        def one(x: torch.Tensor) -> torch.Tensor:
            look(x)
            return x * 2

        return str(torch.jit.trace(one, value, check_trace=False).inlined_graph).split("#")[0]

    assert traced(described).count("aten::") == traced(lambda _: None).count("aten::")


@pytest.fixture
def mesh() -> Iterator[Any]:
    from torch.distributed.device_mesh import init_device_mesh

    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield init_device_mesh("cpu", (1,))
    finally:
        dist.destroy_process_group()


@pytest.mark.skipif(not dist.is_available(), reason="this torch has no torch.distributed")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_distributed(mesh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a DTensor is asked for: it might be a collective operation, which would wait for other processes."""
    from torch.distributed.tensor import DTensor, Replicate, distribute_tensor

    value = distribute_tensor(X, mesh, [Replicate()])
    dispatched: list[Any] = []
    monkeypatch.setattr(DTensor, "__torch_dispatch__", classmethod(lambda _, *args: dispatched.append(args)))
    monkeypatch.setattr(DTensor, "__torch_function__", classmethod(lambda _, *args: dispatched.append(args)))
    name = "torch.distributed.tensor.DTensor"
    assert described(value) == [("x", name, None, f"{name} is not read")]
    assert not dispatched
