# SPDX-License-Identifier: Apache-2.0
"""What single parts cost: nested modules, failures, data profiles, being there and switched off, being imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from statistics import median
from time import perf_counter_ns
from typing import Any

import numpy as np
import torch
from inferspan_instrumentors.onnxruntime import OnnxRuntimeInstrumentor
from inferspan_instrumentors.torch import TorchInstrumentor, _call
from inferspan_instrumentors.torch._reentrancy import inside
from models import Leaf, small_session
from report import Result
from sides import Body, Ours, Plain, Providers, bare
from timing import Call, Probe, in_turns, medians, nothing, per_call

from inferspan import pipeline
from inferspan.recording import worker

_FRAMES = 30
#: Windows of tight loops are short, so that many of them are not cut by other processes.
_SHORT = 10


class Parts:
    """The measurements of single parts, in windows of their own."""

    def __init__(self, providers: Providers, plain: Plain, ours: Ours, *, windows: int) -> None:
        self._providers = providers
        self._plain = plain
        self._ours = ours
        self._windows = windows

    def results(self) -> Iterator[Result]:
        """Measures everything."""
        yield self._nested("known", at_most=150)
        yield self._nested("other", at_most=400)
        yield from self._failing()
        yield from self._profiles()
        yield from self._idle()
        yield from self._imports()

    def _nested(self, versions: str, *, at_most: float) -> Result:
        """A module called inside another one, of which there is a span already."""
        module, x = Leaf(), torch.ones(1)
        is_known = _call._is_known
        if versions == "other":
            _call._is_known = lambda function: False
        try:
            with _both(TorchInstrumentor(), torch.nn.Module, "__call__") as use:

                def window(side: str) -> float:
                    use(side)
                    inside.on = True
                    try:
                        return per_call(lambda: module(x), calls=2000)
                    finally:
                        inside.on = False

                found = self._in_short_turns({side: partial(window, side) for side in ("bare", "ours")})
        finally:
            _call._is_known = is_known
        return Result(
            name=f"nested module call, {versions} torch versions",
            seen=found["ours"] - found["bare"],
            unit="ns",
            at_most=at_most,
            detail=f"{found['ours']:.0f} against {found['bare']:.0f} ns",
        )

    def _failing(self) -> Iterator[Result]:
        """The caller's part of a call that raises through thirty frames, inputs profiled or not."""
        for profile in (False, True):
            ours = partial(self._halves, self._ours.call, _fails, profile=profile)
            plain = partial(self._halves, self._plain.call, _fails, profile=False)
            seen = in_turns(self._windows, {"ours": ours, "plain": plain, "bare": partial(self._halves, bare, _fails)})
            found = medians({name: [caller for caller, _ in windows] for name, windows in seen.items()})
            yield Result(
                name=f"a failing call, {_FRAMES} frames" + (", with the profile of [1,20]" if profile else ""),
                seen=(found["ours"] - found["bare"]) / 1e3,
                unit="µs",
                at_most=None if profile else 40,
                detail=f"on the caller; plain {(found['plain'] - found['bare']) / 1e3:.0f} µs",
            )

    def _profiles(self) -> Iterator[Result]:
        """What the profile of one input adds to the caller's and to the worker's part."""
        generator = np.random.default_rng(0)
        for name, shape in (
            ("[1,20]", (1, 20)),
            ("[32,20]", (32, 20)),
            ("an image, [1,3,224,224]", (1, 3, 224, 224)),
            ("logits, [32,1000]", (32, 1000)),
        ):
            ours = Ours(self._providers, inputs={"x": generator.standard_normal(shape, np.float32)}, outputs={})
            seen = in_turns(
                self._windows,
                {
                    "off": partial(self._halves, ours.call, nothing, profile=False),
                    "on": partial(self._halves, ours.call, nothing, profile=True),
                },
            )
            caller = medians({side: [half for half, _ in windows] for side, windows in seen.items()})
            back = medians({side: [half for _, half in windows] for side, windows in seen.items()})
            yield Result(
                name=f"the data profile of {name} adds",
                seen=(caller["on"] - caller["off"]) / 1e3,
                unit="µs",
                detail=f"on the caller; {(back['on'] - back['off']) / 1e3:.0f} µs on the worker",
            )

    def _halves(self, call: Call, body: Body, *, profile: bool = False, calls: int = 100) -> tuple[float, float]:
        """Returns nanoseconds a call on the caller, and on the worker, the one kept from the other.

        While its turn is taken the worker waits; what it would have done is then done here, and timed.
        """
        self._providers.settle()
        pipeline.configure(profile=profile, raise_faults=True)
        probe = Probe(body)
        with worker._turn:
            caller = median(probe.around(call) for _ in range(calls))
            begin = perf_counter_ns()
            worker.drain()
            back = (perf_counter_ns() - begin) / calls
        return caller, back

    def _idle(self) -> Iterator[Result]:
        """The smallest call of ONNX Runtime, instrumented while nobody listens, and while switched off."""
        session, feed = small_session()
        with _both(OnnxRuntimeInstrumentor(), type(session).__mro__[1], "run") as use:

            def window(side: str, *, enabled: bool = True) -> float:
                use(side)
                pipeline.configure(enabled=enabled, raise_faults=True)
                return per_call(lambda: session.run(None, feed), calls=500)

            found = self._in_short_turns(
                {
                    "bare": partial(window, "bare"),
                    "no SDK": partial(window, "ours"),
                    "disabled": partial(window, "ours", enabled=False),
                }
            )
        pipeline.configure(enabled=True, profile=True, raise_faults=True)
        for state in ("no SDK", "disabled"):
            yield Result(
                name=f"a small ONNX call, instrumented, {state}",
                seen=(found[state] - found["bare"]) / 1e3,
                unit="µs",
                at_most=1,
                detail=f"on top of {found['bare'] / 1e3:.1f} µs",
            )

    def _imports(self) -> Iterator[Result]:
        """What importing adds to a process that has imported OpenTelemetry's API, in fresh processes."""
        for name, statement, bound in (
            ("importing inferspan adds", "import inferspan", 30),
            ("importing all that its API needs adds", "from inferspan import *", None),
        ):
            yield Result(
                name=name,
                seen=median(_import_time(statement) for _ in range(min(self._windows, 7))),
                unit="ms",
                at_most=bound,
                detail="beyond the OpenTelemetry API",
            )

    def _in_short_turns(self, sides: Mapping[str, Callable[[], float]]) -> dict[str, float]:
        return medians(in_turns(_SHORT * self._windows, sides))


@contextmanager
def _both(instrumentor: Any, owner: Any, name: str) -> Iterator[Callable[[str], None]]:
    """Instruments, and hands out how to switch between the original method and the one that replaces it."""
    sides = {"bare": vars(owner)[name]}
    instrumentor.instrument()
    sides["ours"] = vars(owner)[name]
    assert sides["ours"] is not sides["bare"]
    try:
        yield lambda side: setattr(owner, name, sides[side])
    finally:
        setattr(owner, name, sides["ours"])
        instrumentor.uninstrument()


def _import_time(statement: str) -> float:
    code = (
        "import opentelemetry.context, opentelemetry.trace, opentelemetry.metrics, opentelemetry._logs, time\n"
        f"before = time.perf_counter()\n{statement}\nprint((time.perf_counter() - before) * 1e3)"
    )
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)


def _fails(depth: int = _FRAMES - 1) -> Any:
    if depth == 0:
        raise ArithmeticError("benchmark")
    return _fails(depth - 1)
