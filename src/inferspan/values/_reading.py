# SPDX-License-Identifier: Apache-2.0
"""What was read of one value."""

from __future__ import annotations

from typing import Any

#: Most elements that are copied as they are on the calling thread; a larger array is summarised there instead.
SMALL = 1024


class Reading:
    """What is known of one array or scalar.

    Attributes:
        type: element type (``float32``), or the value's own type where it was not read.
        shape: dimensions; ``()`` for a scalar, None where the value has none that can be known without its code.
        data: a private copy of the elements of a small value: raw bytes in C order, or a tuple of Python scalars.
        layout: numpy type string of ``data`` or ``array``; ``bfloat16`` where ``array`` holds its bits as uint16.
        array: a numpy view of a large value's own memory. Only for the calling thread, and only until the call
            goes on: whoever keeps it keeps the application's memory alive.
        note: why the values were not read, or None.
    """

    __slots__ = ("array", "data", "layout", "note", "shape", "type")

    def __init__(
        self,
        type: str,
        shape: tuple[int, ...] | None,
        data: bytes | tuple[Any, ...] | None = None,
        layout: str = "",
        array: Any = None,
        note: str | None = None,
    ) -> None:
        self.type = type
        self.shape = shape
        self.data = data
        self.layout = layout
        self.array = array
        self.note = note
