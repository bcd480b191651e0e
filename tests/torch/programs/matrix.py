# SPDX-License-Identifier: Apache-2.0
"""Runs everything that torch does with modules, and prints what came of each case as JSON.

Started in a process of its own, with the way of patching as its argument:

- ``unpatched``: inferspan is not there;
- ``early``: instrumented before torch is imported, as under the launcher;
- ``late``: instrumented after torch and Dynamo are imported, as in a notebook;
- ``unknown-early``, ``unknown-late``: the same, with a torch whose ``Module.__call__`` is not the one known;
- ``undone-early``, ``undone-late``: instrumented, used, and uninstrumented.

A case's result has to be the same in all of them; its spans are listed beside it.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from typing import Any

from support.telemetry import Telemetry

from inferspan import faults, pipeline

_telemetry = Telemetry()


def _instrument() -> Any:
    from inferspan_instrumentors.torch import TorchInstrumentor

    instrumentor = TorchInstrumentor()
    instrumentor.instrument(**_telemetry.providers)
    return instrumentor


def _import_dynamo() -> None:
    importlib.import_module("torch._dynamo")


def _forget_the_body() -> None:
    """Makes the instrumentor take this torch for one that it does not know."""
    from inferspan_instrumentors.torch import _call

    _call._KNOWN_BODY = "def _wrapped_call_impl(self): ..."


def _use() -> None:
    """Infers once, eager and compiled, so that there is something to undo."""
    import torch

    class Used(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return x + 1

    used = Used().eval()
    used(torch.ones(2))
    torch.compile(used, backend="eager")(torch.ones(2))
    assert len(_telemetry.spans()) == 2
    torch._dynamo.reset()


def _prepare(mode: str) -> None:
    if mode == "unpatched":
        return
    kind, _, order = mode.rpartition("-")
    if kind == "unknown":
        _forget_the_body()
    if order == "late":
        _import_dynamo()
    instrumentor = _instrument()
    if kind == "undone":
        _use()
        instrumentor.uninstrument()


def _run(case: Any) -> dict[str, Any]:
    import torch

    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    torch.manual_seed(0)
    try:
        result = case()
    except Exception as error:
        result = {"raised": f"{type(error).__name__}: {str(error).splitlines()[:1]}"}
    counters = {name: dict(counts) for name, counts in torch._dynamo.utils.counters.items() if counts}
    spans = [span.name for span in _telemetry.spans()]
    return {"result": result, "dynamo": counters, "spans": spans, "faults": dict(faults.counts)}


def main(mode: str) -> None:
    warnings.simplefilter("ignore")  # those of torch about its own parts: not what is compared
    pipeline.configure(raise_faults=True)
    _prepare(mode)
    import cases

    print(json.dumps({name: _run(case) for name, case in cases.all_cases().items()}))


if __name__ == "__main__":
    main(sys.argv[1])
