# SPDX-License-Identifier: Apache-2.0
"""The two lines that inferspan logs of its own accord: that it works, and why it does not.

At the first inference of a process, where it goes. And a minute after the first call that was skipped, if no call has
been recorded by then, why: a thread waits for that moment, which is started by the first skipped call, so that neither
recorded nor skipped calls ever look at a clock, and a forked child has its own.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from inferspan import config, faults, reasons
from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import OperationName, SelfSkipReason

#: Reasons for which somebody may wait for spans in vain. The others are a choice of the application's, or what was
#: called is no model: a process that only prepares data is not warned of that.
WORTH_A_WARNING = frozenset(
    {
        SelfSkipReason.NO_PROVIDER,
        SelfSkipReason.SUPPRESSED,
        SelfSkipReason.TRAINING,
        SelfSkipReason.LEAF,
        SelfSkipReason.FAULT,
    }
)

#: Whether this process has recorded an inference, and said so.
heard = False
#: What it has said.
said: str | None = None
_watching = False

_log = logging.getLogger("inferspan")


def recorded(attributes: Mapping[str, Any], destination: Callable[[], str]) -> None:
    """Says of the first inference of this process which model it was, and where its span goes.

    Args:
        attributes: of its span, from the start.
        destination: says where spans go.
    """
    global heard, said
    if heard or attributes[names.INFERSPAN_OPERATION_NAME] == OperationName.LOAD:
        return
    heard = True
    try:
        version = attributes.get(names.INFERSPAN_MODEL_VERSION)
        name = attributes[names.INFERSPAN_MODEL_NAME] + ("" if version is None else f" {version}")
        said = f"model {name} ({attributes[names.INFERSPAN_SYSTEM_NAME]}); spans go to {destination()}"
        _log.info("First inference recorded: %s", said)
    except Exception:
        faults.caught("notices")


def skipped(reason: str, top: Callable[[], tuple[str, int] | None]) -> None:
    """Starts to wait for the moment at which a process without any recorded inference is told why.

    Args:
        reason: of the first skipped call, or the first for this reason.
        top: says the most frequent reason, and for how many calls.
    """
    global _watching
    seconds = config.in_force.warn_after_seconds
    if heard or _watching or not seconds or reason not in WORTH_A_WARNING:
        return
    _watching = True
    try:
        threading.Thread(target=_watch, args=(seconds, top), name="inferspan-notices", daemon=True).start()
    except RuntimeError:  # no more threads, or the interpreter is going down: nobody is told
        return


def _watch(seconds: int, top: Callable[[], tuple[str, int] | None]) -> None:
    time.sleep(seconds)
    try:
        found = top()
        if heard or found is None:
            return
        reason, calls = found
        _log.warning(
            "No inference was recorded so far: %d %s skipped (%s). %s %s",
            calls,
            "call was" if calls == 1 else "calls were",
            reason,
            reasons.WHY[reason],
            reasons.ADVICE[reason],
        )
    except Exception:
        faults.caught("notices")


def _after_fork_in_child() -> None:
    global heard, said, _watching
    heard = False
    said = None
    _watching = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
