# SPDX-License-Identifier: Apache-2.0
"""Windows of data that is captured as an inference captures it."""

from __future__ import annotations

from typing import Any

from inferspan.profiling import Capture, capture
from inferspan.windows import FieldSummary, Window, WindowKey, Windows

INPUT = WindowKey(system="onnxruntime", model="fraud", version="3", direction="input")


def captured(value: Any, name: str = "x", **options: Any) -> list[Capture]:
    """Captures a value as an input; a dict as several."""
    values = value if type(value) is dict else {name: value}
    return capture(values, **{"inputs": True, "max_elements": 4_194_304, **options})


class Gathered:
    """Windows, and what they have been closed with."""

    def __init__(self, **options: Any) -> None:
        self.windows = Windows(**options)
        self.closed: list[Window] = []
        self.windows.on_close(self.closed.append)

    def add(self, value: Any, *, key: WindowKey = INPUT, **options: Any) -> None:
        """Adds the inputs of one inference."""
        self.windows.add(key, captured(value, **options))

    def close(self) -> Window:
        """Closes the only window that is open."""
        before = len(self.closed)
        self.windows.close_all()
        (window,) = self.closed[before:]
        return window


def window_of(*values: Any, key: WindowKey = INPUT, **options: Any) -> Window:
    """Returns the window of some inferences."""
    gathered = Gathered()
    for value in values:
        gathered.add(value, key=key, **options)
    return gathered.close()


def field_of(*values: Any, **options: Any) -> FieldSummary:
    """Returns the only field of the window of some inferences."""
    (field,) = window_of(*values, **options).fields.values()
    return field
