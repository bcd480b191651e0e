# SPDX-License-Identifier: Apache-2.0
"""What was read of one value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Most elements that are copied as they are on the calling thread; a larger array is summarised there instead.
SMALL = 1024


class Lazy:
    """A large column that is not one array as it lies in memory: its missing values stand beside it, or it is in parts.

    Like ``Reading.array``, it is only for the calling thread, and only until the call goes on.
    """

    __slots__ = ("_read", "size")

    def __init__(self, size: int, read: Callable[[int, int], Any]) -> None:
        self.size = size
        self._read = read

    def array(self, start: int = 0, step: int = 1) -> Any:
        """Returns a private numpy array of every so manieth element, in the layout that the reading says."""
        return self._read(start, step)


class Reading:
    """What is known of one array, column or scalar.

    Attributes:
        type: element type (``float32``), or the value's own type where it was not read.
        shape: dimensions; ``()`` for a scalar, None where the value has none that can be known without its code.
        data: a private copy of the elements of a small value: raw bytes in C order, or a tuple of Python scalars.
        layout: numpy type string of ``data`` or ``array``; ``bfloat16`` where ``array`` holds its bits as uint16.
        array: a numpy view of a large value's own memory, or a `Lazy`. Only for the calling thread, and only until
            the call goes on: whoever keeps it keeps the application's memory alive.
        note: why the values were not read, or not all of them, or None.
        column: whether it is known to be a column, each of whose elements is of another row.
        counts: of values that are counted and no more, as text is: how many were looked at, and how many of those
            are missing.
        texts: some of the texts of a value, at most 256, each as `inferspan.text.abbreviated` has it, where the setting
            ``profile_text`` allows that; None where it does not, and where the value is no text.
        lengths: of some of the texts of a value, missing ones left out, the number of characters.
    """

    __slots__ = ("array", "column", "counts", "data", "layout", "lengths", "note", "shape", "texts", "type")

    def __init__(
        self,
        type: str,
        shape: tuple[int, ...] | None,
        data: bytes | tuple[Any, ...] | None = None,
        layout: str = "",
        array: Any = None,
        note: str | None = None,
        column: bool = False,
        counts: tuple[int, int] | None = None,
        texts: tuple[str, ...] | None = None,
        lengths: tuple[int, ...] | None = None,
    ) -> None:
        self.type = type
        self.shape = shape
        self.data = data
        self.layout = layout
        self.array = array
        self.note = note
        self.column = column
        self.counts = counts
        self.texts = texts
        self.lengths = lengths
