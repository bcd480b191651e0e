# SPDX-License-Identifier: Apache-2.0
"""Values of unknown classes are described by their class; nothing of theirs is accessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from inferspan_instrumentors.torch import TorchInstrumentor
from support.profiles import described, profiles
from support.telemetry import Telemetry
from values import hostile

from inferspan.recording.spans import profile_attributes

# By name: pytest looks at what it is given.
CASES = pytest.mark.parametrize("name", hostile.VALUES)


@pytest.fixture(autouse=True)
def armed() -> Iterator[None]:
    hostile.seen.clear()
    hostile.Meta.armed = True
    yield
    hostile.Meta.armed = False


class Identity(torch.nn.Module):
    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.inner = torch.nn.Identity()
        self.error = error

    def forward(self, value: Any, *, keyword: Any = None) -> Any:
        if self.error is not None:
            raise self.error
        return keyword


@CASES
def test_nothing_is_accessed(name: str) -> None:
    fields = profiles(hostile.VALUES[name])
    assert profile_attributes({"input": fields, "output": fields}, max_bytes=4096)
    assert not hostile.seen
    assert all("is not read" in (field.note or "") for field in fields if field.count is None)


@CASES
def test_nothing_is_accessed_around_a_call(name: str, attributes_of: Callable[[Any], dict[str, Any]]) -> None:
    attributes = attributes_of(hostile.VALUES[name])
    assert attributes["inferspan.input.profile.notes"]
    assert not hostile.seen


@CASES
@pytest.mark.parametrize("failing", [False, True], ids=["returns", "raises"])
def test_a_module_is_called_as_without_us(name: str, failing: bool, telemetry: Telemetry) -> None:
    value = hostile.VALUES[name]

    def call() -> Any:
        error = ValueError("no")
        try:
            return Identity(error if failing else None).eval()(value, keyword=value)
        except ValueError as raised:
            return raised is error

    plain = call()
    assert not hostile.seen
    telemetry.instrument(TorchInstrumentor())
    is_same = call() is plain
    (span,) = telemetry.spans()
    assert not hostile.seen
    assert is_same
    assert (span.attributes or {})["inferspan.input.profile.notes"]


def test_what_is_said() -> None:
    assert described(hostile.VALUES["opaque"]) == [
        ("x", "values.hostile.Opaque", None, "values.hostile.Opaque is not read")
    ]
    assert described(hostile.VALUES["array"]) == [
        ("x", "values.hostile.HostileNdarray", (3,), "values.hostile.HostileNdarray is not read, being a subclass")
    ]


class Functions(torch.overrides.TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


class Operations(torch.utils._python_dispatch.TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


MODES = pytest.mark.parametrize("mode", [Functions, Operations])
TENSORS = {
    "few": torch.ones(2, 3),
    "many": torch.ones(100, 200),
    "transposed": torch.ones(100, 200).T,
    "parameter": torch.nn.Parameter(torch.ones(3)),
    "sparse": torch.ones(3).to_sparse(),
    "number": torch.tensor(1.0),
}


@MODES
@pytest.mark.parametrize("tensor", TENSORS.values(), ids=TENSORS)
def test_a_mode_sees_nothing(mode: type[Functions], tensor: torch.Tensor) -> None:
    with mode() as one:
        assert profiles({"tensor": tensor, "more": [tensor, {"again": tensor}]})
    assert one.seen == []


@MODES
def test_a_mode_sees_of_a_module_what_it_sees_without_us(mode: type[Functions], telemetry: Telemetry) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU()).eval()

    def seen() -> list[str]:
        with mode() as one:
            model(TENSORS["few"])
        return one.seen

    plain = seen()
    telemetry.instrument(TorchInstrumentor())
    assert seen() == plain
