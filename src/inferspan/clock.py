# SPDX-License-Identifier: Apache-2.0
"""The two clocks, in one place so that tests can fix them.

Callers say ``clock.wall()`` and ``clock.monotonic()``, never ``from … import``.
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns

#: Nanoseconds since the epoch, for timestamps.
wall = time_ns
#: Nanoseconds on a clock that never steps, for durations.
monotonic = perf_counter_ns
