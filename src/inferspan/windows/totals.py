# SPDX-License-Identifier: Apache-2.0
"""What has been counted of a field since the process started, for metrics that never go down."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from inferspan.windows.summary import FieldSummary


@dataclass(frozen=True, slots=True)
class FieldTotals:
    """Counts of one field since the process started.

    ``total`` is the sum of its finite values; of a sum beyond a double's range, the largest double.
    """

    count: int = 0
    missing: int = 0
    infinite: int = 0
    zero: int = 0
    total: float = 0.0

    def __add__(self, other: FieldTotals) -> FieldTotals:
        return FieldTotals(
            self.count + other.count,
            self.missing + other.missing,
            self.infinite + other.infinite,
            self.zero + other.zero,
            min(max(self.total + other.total, -sys.float_info.max), sys.float_info.max),
        )


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one field is distributed since ``started``, in nanoseconds since the epoch.

    The summary has no categories, and nothing of the application's profilers.
    """

    started: int
    summary: FieldSummary
