# SPDX-License-Identifier: Apache-2.0
"""What inferspan itself dropped, by reason: nothing is lost quietly."""

from __future__ import annotations

#: Items by ``inferspan.self.drop.reason``, since the process started.
counts: dict[str, int] = {}


def count(reason: str, items: int = 1) -> None:
    """Counts what was dropped."""
    counts[reason] = counts.get(reason, 0) + items
