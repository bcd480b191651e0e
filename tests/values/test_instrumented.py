# SPDX-License-Identifier: Apache-2.0
"""Strange values on their way through the runtimes: results and errors as without us, and notes on the span."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from inferspan_instrumentors.onnxruntime import OnnxRuntimeInstrumentor
from inferspan_instrumentors.torch import TorchInstrumentor
from onnxruntime.datasets import get_example
from support.telemetry import Telemetry

NOTES = "inferspan.input.profile.notes"
SHAPE = (3, 4, 5)
X = np.linspace(-1, 1, 60, dtype=np.float32).reshape(SHAPE)


def _mapped(path: Path) -> Any:
    X.tofile(path)
    return np.memmap(path, np.float32, shape=SHAPE)


FEEDS: dict[str, tuple[Callable[[Path], Any], str | None]] = {
    "array": (lambda _: X, None),
    "transposed": (lambda _: np.asfortranarray(X), None),
    "expanded": (lambda _: np.broadcast_to(np.float32(1), SHAPE), None),
    "big-endian": (lambda _: X.astype(">f4"), None),
    "masked": (
        lambda _: np.ma.masked_less(X, 0),
        f"x: {np.ma.MaskedArray.__module__}.MaskedArray is not read, being a subclass",
    ),
    "memmap": (_mapped, "x: numpy.memmap is not read, being a subclass"),
    "asarray of a memmap": (
        lambda path: np.asarray(_mapped(path)),
        "x: memory-mapped: reading it could fault pages in",
    ),
    "value": (lambda _: ort.OrtValue.ortvalue_from_numpy(X), None),
    "list": (lambda _: X.tolist(), None),
    "wrong type": (lambda _: X.astype(np.float64), None),
    "complex": (lambda _: X.astype(complex), "x: complex numbers are not profiled"),
    "text": (lambda _: X.astype(str), "x: text is not profiled"),
    "numbers as objects": (lambda _: X.astype(object), None),
    "objects": (lambda _: np.full(SHAPE, object()), "x: Python objects are not read"),
    "no rows": (lambda _: X[:0], None),
    "None": (lambda _: None, None),
    "generator": (lambda _: (row for row in X), "x: generator is not read"),
    "tensor": (lambda _: torch.from_numpy(X), None),
}


@pytest.mark.parametrize(("make", "note"), FEEDS.values(), ids=FEEDS)
def test_a_session(make: Callable[[Path], Any], note: str | None, telemetry: Telemetry, tmp_path: Path) -> None:
    session = ort.InferenceSession(get_example("sigmoid.onnx"), providers=["CPUExecutionProvider"])
    value = make(tmp_path / "values.bin")

    def outcome() -> Any:
        try:
            (result,) = session.run(None, {"x": value})
            return type(result), result.tolist()
        except Exception as error:
            return type(error), str(error)

    plain = outcome()
    telemetry.instrument(OnnxRuntimeInstrumentor())
    assert outcome() == plain
    (span,) = telemetry.spans()
    attributes = span.attributes or {}
    assert attributes["inferspan.input.names"] == ("x",)
    assert attributes.get(NOTES) == ((note,) if note else None)
    assert span.status.is_ok == (plain[0] is np.ndarray)


def test_a_feed_that_is_no_dict(telemetry: Telemetry) -> None:
    session = ort.InferenceSession(get_example("sigmoid.onnx"), providers=["CPUExecutionProvider"])
    telemetry.instrument(OnnxRuntimeInstrumentor())
    for feed in ([1], None, {1: X}, {}):
        with pytest.raises((AttributeError, TypeError, ValueError, RuntimeError)):
            session.run(None, feed)
    assert len(telemetry.spans()) == 4


class Twice(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Identity()

    def forward(self, x: Any, *more: Any, **named: Any) -> Any:
        return x * 2


INPUTS: dict[str, tuple[Callable[[], Any], str | None]] = {
    "tensor": (lambda: torch.ones(3, 2), None),
    "sparse": (lambda: torch.eye(3).to_sparse(), "x: sparse_coo layout is not read"),
    "complex": (lambda: torch.ones(3, dtype=torch.complex64), "x: complex64 is not profiled"),
    "meta": (lambda: torch.ones(3, device="meta"), "x: on meta"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(3)]), "x: nested tensors are not read"),
    "array": (lambda: X, None),
    "number": (lambda: 3, None),
    "text": (lambda: "secret", "x: text is not profiled"),
    "list": (lambda: [1, 2], None),
    "unknown": (lambda: type("Mine", (), {"__mul__": lambda self, _: self})(), f"x: {__name__}.Mine is not read"),
    "None": (lambda: None, None),
    "dict": (lambda: {"a": 1}, None),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize(("make", "note"), INPUTS.values(), ids=INPUTS)
def test_a_module(make: Callable[[], Any], note: str | None, telemetry: Telemetry) -> None:
    model, value = Twice().eval(), make()

    def outcome() -> Any:
        try:
            result = model(value)
            return type(result), str(result)
        except Exception as error:
            return type(error), str(error)

    plain = outcome()
    telemetry.instrument(TorchInstrumentor())
    assert outcome() == plain
    (span,) = telemetry.spans()
    attributes = span.attributes or {}
    assert attributes["inferspan.input.field.count"] == 1
    assert attributes.get(NOTES) == ((note,) if note else None)


def test_generators_are_not_consumed(telemetry: Telemetry) -> None:
    telemetry.instrument(TorchInstrumentor())

    class Streams(Twice):
        def forward(self, x: Any, *more: Any, **named: Any) -> Any:
            return (2 * item for item in x)

    given = iter([1, 2, 3])
    assert list(Streams().eval()(given)) == [2, 4, 6]
    (span,) = telemetry.spans()
    assert (span.attributes or {})["inferspan.output.types"] == ("generator",)
