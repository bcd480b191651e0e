# SPDX-License-Identifier: Apache-2.0
"""What the callbacks of instruments do first when metrics are collected: finish what is queued, so that it counts."""

from __future__ import annotations

import threading

from inferspan import clock
from inferspan.recording import worker

#: Most time between the callbacks of one collection, in nanoseconds.
_AT_ONCE = 1_000_000_000


class _Collecting(threading.local):
    """What the callbacks of one collection have in common: the thread, on which each follows the one before at once."""

    in_vain_until = 0


_collecting = _Collecting()


def drain() -> None:
    """Finishes what is queued, or waits for who does."""
    # The SDK calls back before it reads its instruments, so what is drained here is in the same collection. What
    # blocks is waited for by the first callback alone.
    if clock.monotonic() >= _collecting.in_vain_until and not worker.drain():
        _collecting.in_vain_until = clock.monotonic() + _AT_ONCE
