# SPDX-License-Identifier: Apache-2.0
"""A process that keeps the windows of many features, or of many inferences, and says how much memory that takes."""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil

from inferspan import config, pipeline, profiling
from inferspan.windows import Window, WindowKey, Windows

_COLUMNS = 1000


def _resident() -> int:
    """Returns the bytes of memory that the process has, what it has let go of given back first."""
    gc.collect()
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return psutil.Process().memory_info().rss


def _add(windows: Windows, key: WindowKey, values: Any) -> None:
    given = profiling.capture(
        {"x": values}, table={"x": True}, inputs=True, max_elements=config.in_force.profile_max_elements
    )
    windows.add(key, given)


def features(count: int) -> dict[str, float]:
    """Fills two windows of as many features, of which the closed one stays as the reference, and adds as many more."""
    keys = [WindowKey("onnxruntime", f"model {index}", "1", None, "input") for index in range(count // _COLUMNS)]
    rng = np.random.default_rng(0)
    rows = [rng.normal(0, scale, (10, _COLUMNS)).astype(np.float32) for scale in (1e-3, 1.0, 1e3) for _ in range(10)]
    warm = Windows()
    _add(warm, keys[0], rows[0])
    warm.close_all()
    references: list[Window] = []
    before = _resident()
    windows = Windows()
    windows.on_close(references.append)
    for _ in range(2):
        windows.close_all()
        for key in keys:
            for values in rows:
                _add(windows, key, values)
    for key in keys:  # with nothing waiting, the states are all there is
        _add(windows, key._replace(version="2"), rows[0])
    windows.totals()
    taken = _resident() - before
    kept = sum(len(reference.fields) for reference in references)
    return {"bytes": taken, "fields": kept, "overflowed": windows.overflowed}


def inferences(count: int) -> dict[str, float]:
    """Adds as many inferences of one row, and returns how much memory the last nine tenths of them have added."""
    key = WindowKey("onnxruntime", "benchmark", "1", None, "input")
    windows = Windows()
    values = np.random.default_rng(0).standard_normal((1, 20), np.float32)
    last: list[Window] = []

    def close(window: Window) -> None:
        last[:] = [window]

    windows.on_close(close)
    before = 0
    for index in range(count):
        if index == count // 10:
            before = _resident()
        _add(windows, key, values)
    return {"bytes": _resident() - before}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("features", "inferences"))
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    pipeline.configure(raise_faults=True)
    print(json.dumps((features if arguments.what == "features" else inferences)(arguments.count)))
