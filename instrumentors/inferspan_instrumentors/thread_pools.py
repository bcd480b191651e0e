# SPDX-License-Identifier: Apache-2.0
"""Carries a request's context to the thread of a pool that does its work, as `asyncio.to_thread` does by itself.

That is ``ThreadPoolExecutor.submit``, which ``map`` and ``loop.run_in_executor`` come to. A ``threading.Thread`` is
left alone: one that is first needed, and started, while a request is handled often goes on to serve all others, and
would say that it does so for the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from inferspan import contexts
from inferspan.instrumentor import InferspanInstrumentor, Patches
from inferspan.recorder import Recorder
from inferspan.semconv.attributes import SystemName

__all__ = ["ThreadPoolInstrumentor"]


class ThreadPoolInstrumentor(InferspanInstrumentor):
    """Instruments ``concurrent.futures.ThreadPoolExecutor``."""

    system = SystemName.OTHER

    def targets(self) -> Iterable[tuple[str, Callable[[ModuleType, Recorder, Patches], None]]]:
        """Returns the module that defines it."""
        return [("concurrent.futures.thread", _patch)]


def _patch(module: Any, recorder: Recorder, patches: Patches) -> None:
    def submit(original: Any, pool: Any, args: Any, kwargs: Any) -> Any:
        if not args:  # an error of the caller's, to be raised as it is
            return original(pool, **kwargs)
        function, *rest = args
        return original(pool, contexts.carried(function), *rest, **kwargs)

    patches.wrap(module.ThreadPoolExecutor, "submit", submit, when=recorder.listened_to)
