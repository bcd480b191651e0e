# SPDX-License-Identifier: Apache-2.0
"""The worker, held back: what is handed to it stays in the queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from inferspan.recording import worker


@contextmanager
def worker_held() -> Iterator[None]:
    """Keeps the worker from finishing anything, as if it had not got to run yet."""
    with worker._turn:
        yield
