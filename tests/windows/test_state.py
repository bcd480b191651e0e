# SPDX-License-Identifier: Apache-2.0
"""What windows take of the memory: bounded for fields, and the same after any number of inferences."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import numpy as np
import psutil
import pytest
from support.windows import INPUT, captured

from inferspan import config
from inferspan.profiling import Capture
from inferspan.values import Reading
from inferspan.windows import Window, Windows, file

MIB = 2**20
#: What a field may take that has an open window and one that was closed: 10 000 of them 64 MB.
BYTES = 6400
OUTPUT = INPUT._replace(direction="output")


def grown(work: Callable[[], object]) -> float:
    """Returns by how many MiB memory has grown that work has taken and what it returns still takes."""
    gc.collect()
    tracemalloc.start()
    try:
        kept = work()
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del kept
    return taken / MIB


def filled(kind: str, fields: int) -> tuple[Windows, list[Window]]:
    """Windows of many fields with many buckets each: one window is open, and one was closed."""
    rng = np.random.default_rng(20240131)
    windows, closed = Windows(), list[Window]()
    windows.on_close(closed.append)
    dtype = np.dtype(kind)
    for _ in range(2):
        windows.close_all()
        for model in range(4):
            rows = rng.normal(0, 1 if dtype.kind == "f" else 100, (300, fields // 4)).astype(dtype)
            reading = Reading(dtype.name, rows.shape, data=rows.tobytes(), layout=dtype.str)
            windows.add(INPUT._replace(model=f"model {model}"), [Capture("x", reading, fields // 4)])
    windows.totals()
    assert sum(len(window.fields) for window in closed) == len(windows.totals()) == fields
    return windows, closed


# Those of whole numbers have frequent values besides.
@pytest.mark.parametrize(("kind", "fields"), [("float32", 2000), ("int16", 400)])
def test_fields_with_an_open_window_and_a_closed_one(kind: str, fields: int) -> None:
    config.load(window_inferences=10**6, window_seconds=3600)
    filled(kind, 4)  # what is imported and cached is not of the fields
    taken = grown(lambda: filled(kind, fields)) * MIB / fields
    assert 1400 < taken < BYTES, taken


def test_a_million_inferences_take_no_more_than_some() -> None:
    config.load(window_inferences=20_000, window_seconds=3600)
    windows = Windows()
    captures = captured({"x": np.arange(20, dtype=np.float32).reshape(1, 20), "y": [1.5]})
    outputs = captured(np.ones(3, np.float32))
    process = psutil.Process()
    sizes: list[int] = []
    for _ in range(10):
        for _ in range(100_000):
            windows.add(INPUT, captures)
            windows.add(OUTPUT, outputs)
        windows.totals()
        gc.collect()
        sizes.append(process.memory_info().rss)
    assert sizes[-1] - sizes[1] < 4 * MIB, sizes
    assert windows.totals()[INPUT, "x.19"].count == 1_000_000


def test_what_waits_is_bounded_over_all_tensors() -> None:
    config.load(window_inferences=10**6, window_seconds=3600)
    size = 4000

    def work() -> Windows:
        windows = Windows()
        for _ in range(50):
            readings = [Reading("float64", (500,), data=bytes(bytearray(size)), layout="<f8") for _ in range(400)]
            windows.add(INPUT, [Capture(f"tensor {number}", one) for number, one in enumerate(readings)])
        return windows

    # Of 76 MiB, and beside the state of the fields.
    assert grown(work) < 8


def test_a_closed_window_is_small_in_a_file() -> None:
    config.load(window_inferences=10**6, window_seconds=3600)
    _, closed = filled("float32", 400)
    assert len(file.dumps(closed)) < 400 * 2048
