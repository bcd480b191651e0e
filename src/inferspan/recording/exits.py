# SPDX-License-Identifier: Apache-2.0
"""The ways in which a process ends by its own choice: what has finished is exported before.

Exit hooks run when the interpreter returns. Services leave otherwise too, and what the SDK's batch processor and metric
reader hold is lost then, an interval's worth of requests:

- A server that a signal has stopped sends itself the same signal once it has shut down, so that whoever waits for the
  process learns what ended it: `signal.raise_signal` (uvicorn by itself, in its workers, and in gunicorn's).
- A forked worker leaves by `os._exit`, not to run its parent's hooks (multiprocessing, Celery).

So these two functions are replaced by ones that export first and then do what they are asked. There is no handler of
ours for any signal: it would hide the default action from programs that look for it, would leave the process running
while its main thread is in C code, and a server's own would replace it. A signal that the program does not handle ends
it at once, as it would without us.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from inferspan import faults
from inferspan.recording import crash, live, profiles, providers, worker

#: Longest delay of an exit, in seconds: a Collector that does not answer must not keep a process from ending.
PATIENCE = 5.0
#: What asks a process to end. Not among them: signals that say that it is broken, which must leave it as it is.
_REQUESTS = frozenset(
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)

_replaced = False


def watch() -> None:
    """Sees to every exit from now on; to be called whenever a provider appears."""
    # Handlers run last in, first out: registered again for each provider, ours runs before the provider's own.
    atexit.unregister(finish)
    atexit.register(finish)
    global _replaced
    if not _replaced:
        _replaced = True
        os._exit = _exporting_first(os._exit, when=lambda *_: True)
        signal.raise_signal = _exporting_first(signal.raise_signal, when=_ends_this_process)


def finish() -> None:
    """Ends and records what there is, before the providers shut down."""
    live.interrupt_all()
    worker.finish_inline_from_now_on()
    profiles.close_all()
    crash.finish()


def _exporting_first(leave: Callable[..., Any], *, when: Callable[..., bool]) -> Callable[..., Any]:
    @functools.wraps(leave)
    def leave_exported(*args: Any, **kwargs: Any) -> Any:
        try:
            if when(*args, **kwargs):
                _export()
        except Exception:
            faults.caught("exit")
        except BaseException:
            # What a signal's handler raises here, a second Ctrl-C: the process has asked to leave already.
            pass
        return leave(*args, **kwargs)

    return leave_exported


def _ends_this_process(number: int, /) -> bool:
    # The first process of a container outlives its own signals, and comes to its exit hooks.
    return number in _REQUESTS and signal.getsignal(number) == signal.SIG_DFL and os.getpid() != 1


def _export() -> None:
    """Finishes and exports, where this very process has inferred."""
    if not live.calls and not worker.has_records():
        return
    # On another thread: this one may be in a signal handler, above a frame that holds one of the SDK's locks.
    thread = threading.Thread(target=_finish_and_flush, name="inferspan-exit", daemon=True)
    thread.start()
    thread.join(PATIENCE)


def _finish_and_flush() -> None:
    finish()
    for provider in providers.tied():
        try:
            provider.force_flush()
        except Exception:
            faults.caught("exit")
