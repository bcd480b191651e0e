# SPDX-License-Identifier: Apache-2.0
"""No tensor, model or session outlives its caller's references: not even until the worker has run."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from inferspan_instrumentors.onnxruntime import OnnxRuntimeInstrumentor
from inferspan_instrumentors.torch import TorchInstrumentor
from onnxruntime.datasets import get_example
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from support.telemetry import Telemetry

from inferspan import identity, pipeline
from inferspan.recording import live, worker


class Refused(ValueError):
    """An exception that can be referred to weakly."""


class Model(torch.nn.Module):
    def __init__(self, *, fails: bool) -> None:
        super().__init__()
        self.fails = fails

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        local = x + 1
        if self.fails:
            raise Refused("no")
        return local


@pytest.fixture(params=[ALWAYS_ON, ALWAYS_OFF], ids=["sampled", "unsampled"])
def held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    """A worker that does not run: records stay in the queue until the test has looked."""
    queued: list[Any] = []

    def hold(record: Any) -> None:
        queued.append(record)
        live.handed_over(record)

    monkeypatch.setattr(worker, "hand_over", hold)
    with Telemetry(sampler=request.param) as telemetry:
        telemetry.instrument(TorchInstrumentor())
        telemetry.instrument(OnnxRuntimeInstrumentor())
        gc.disable()
        yield telemetry
        gc.enable()
        assert queued, "something was recorded"
        for record in queued:
            record.complete()


@pytest.mark.parametrize("size", [4, 100_000], ids=["small", "large"])
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "fails"])
def test_torch(held: Telemetry, *, size: int, fails: bool) -> None:
    model, x = Model(fails=fails).eval(), torch.zeros(1, size)
    result = None
    try:
        result = model(x)
    except Refused as error:
        found: list[weakref.ref[Any]] = [weakref.ref(error)]
    else:
        found = []
    found += [weakref.ref(one) for one in (model, x, result) if one is not None]
    del model, x, result
    assert [one() for one in found] == [None] * len(found)


@pytest.mark.parametrize("size", [4, 100_000], ids=["small", "large"])
def test_numpy_through_the_api(held: Telemetry, size: int) -> None:
    pipeline.configure(raise_faults=True)
    x = np.zeros((1, size))
    # The API's recorder is on the global providers: this one is on the test's.
    recorder = pipeline.recorder("test", system="_OTHER", **held.providers)
    call = recorder.start(identity.named("api"), inputs={"x": x})
    assert call is not None
    call.succeed({"y": x})
    found = weakref.ref(x)
    del x
    assert found() is None


@pytest.mark.parametrize("fails", [False, True], ids=["returns", "fails"])
def test_onnxruntime(held: Telemetry, *, fails: bool) -> None:
    session = ort.InferenceSession(get_example("sigmoid.onnx"))
    x = np.zeros((1, 2) if fails else (3, 4, 5), np.float32)
    results = None
    try:
        results = session.run(None, {"x": x})
    except Exception:
        pass
    found = [weakref.ref(session), weakref.ref(x)]
    if results is not None:
        found.append(weakref.ref(results[0]))
    del session, x, results
    assert [one() for one in found] == [None] * len(found)
