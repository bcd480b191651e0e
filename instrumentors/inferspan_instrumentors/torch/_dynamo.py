# SPDX-License-Identifier: Apache-2.0
"""Keeps Dynamo from seeing us: its references to ``Module.__call__``, and our own frames.

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


def repair(original: Any, replacement: Any, patches: Patches) -> None:
    """Sets what Dynamo, imported already, remembers of ``Module.__call__`` to ours."""
    for module_name, name in _NAMES:
        module = sys.modules.get(module_name)
        # Another tool's function there is left alone: it has repaired Dynamo for itself.
        if module is not None and getattr(module, name, None) is original:
            patches.replace(module, name, replacement)


def skip(*codes: CodeType) -> None:
    """Has Dynamo run these frames as they are, and trace what they call: now, or once it is imported."""

    def hook(eval_frame: Any) -> None:
        global set_callback
        try:
            native = sys.modules["torch"]._C._dynamo.eval_frame
            skip_code = getattr(eval_frame, "skip_code", None) or native.skip_code
            for code in codes:
                skip_code(code)
            set_callback = native.set_eval_frame
        except Exception:
            faults.caught("patch")

    if "torch._dynamo.eval_frame" in sys.modules:
        hook(sys.modules["torch._dynamo.eval_frame"])
    else:
        wrapt.register_post_import_hook(hook, "torch._dynamo.eval_frame")
