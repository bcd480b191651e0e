# SPDX-License-Identifier: Apache-2.0
"""What inferspan itself dropped, by reason: nothing is lost quietly."""

from __future__ import annotations

import threading

#: Items by ``inferspan.self.drop.reason``, since the process started.
counts: dict[str, int] = {}

_lock = threading.Lock()


def count(reason: str, items: int = 1) -> None:
    """Counts what was dropped."""
    with _lock:
        counts[reason] = counts.get(reason, 0) + items


def forget() -> None:
    """Starts anew in a forked child: what was counted so far, the parent reports."""
    global _lock
    _lock = threading.Lock()
    counts.clear()
