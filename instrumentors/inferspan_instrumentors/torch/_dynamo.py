# SPDX-License-Identifier: Apache-2.0
"""Keeps Dynamo from seeing us: its references to ``Module.__call__``, what it traces, and our own frames.

Dynamo compares ``Module.__call__`` with what it found when it was first imported, to jump straight to ``forward``:
patched before that import, our function is the one it finds; afterwards its two references are set to ours. Where it
does not jump, because the module has hooks, it traces the original in place of ours.

Where a compiled function runs a frame eagerly, Dynamo's callback is still active and would compile what we do as if
it were the application's. Our two frames around the call are marked to be skipped, as torch's own are; what they
call runs with the callback off, as under ``torch._dynamo.disable``. What the model does is traced as without us.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

import wrapt

from inferspan import faults
from inferspan.instrumentor import Patches

_NAMES = (
    ("torch._dynamo.utils", "unpatched_nn_module_call"),
    ("torch._dynamo.variables.nn_module", "unpatched_nn_module_call"),
)


def _no_callback(_callback: Any) -> Any:
    return None


#: Sets Dynamo's callback on this thread and returns the one before; without Dynamo there is none.
set_callback: Callable[[Any], Any] = _no_callback


def trace_instead(replacement: Any, original: Any) -> None:
    """Has Dynamo trace the original where it meets the replacement, as it does for what ``torch.compile`` returns."""
    replacement._torchdynamo_inline = original


def repair(owner: type, original: Any, replacement: Any, patches: Patches) -> None:
    """Sets what Dynamo remembers of ``Module.__call__`` to ours, until it is undone."""

    def set_name(module: Any, name: str) -> None:
        found: Any = getattr(module, name, None)
        if found is replacement:
            # Imported while we are in place: the original is what it is to have when we are gone.
            setattr(module, name, original)
        elif found is not original or vars(owner)["__call__"] is not replacement:
            # Another tool's function is left alone: it has repaired Dynamo for itself. Nor is there anything to
            # repair where we have been undone before Dynamo was imported.
            return
        patches.replace(module, name, replacement)

    for module_name, name in _NAMES:
        _when_imported(module_name, lambda module, name=name: set_name(module, name))


def skip(*codes: CodeType) -> None:
    """Has Dynamo run these frames as they are, and trace what they call: now, or once it is imported."""

    def hook(eval_frame: Any) -> None:
        global set_callback
        native = sys.modules["torch"]._C._dynamo.eval_frame
        skip_code = getattr(eval_frame, "skip_code", None) or native.skip_code
        for code in codes:
            skip_code(code)
        set_callback = native.set_eval_frame

    _when_imported("torch._dynamo.eval_frame", hook)


def _when_imported(name: str, act: Callable[[Any], None]) -> None:
    def hook(module: Any) -> None:
        try:
            act(module)
        except Exception:
            faults.caught("patch")

    if name in sys.modules:
        hook(sys.modules[name])
    else:
        wrapt.register_post_import_hook(hook, name)


def graphs() -> int:
    """Returns how many graphs were compiled so far in this process: one more after a call makes it a cold one."""
    utilities: Any = sys.modules.get("torch._dynamo.utils")
    counters = getattr(utilities, "counters", None)  # not there yet while another thread imports it
    return 0 if counters is None else counters["stats"]["unique_graphs"]
