# SPDX-License-Identifier: Apache-2.0
"""Access to parsed JSON that may be anything: what is not as it should be is named by its place, and never quoted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, TypeVar

_Value = TypeVar("_Value")
_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}
#: A 64-bit count, and a sum of as many doubles or of their squares, in decimal digits.
_MOST_COUNT = 2**64
_MOST_DIGITS = 4096
#: Longest name of a member that an error says.
_MOST_SHOWN = 64


class WindowFileError(ValueError):
    """A file of windows cannot be read: it is none, is not complete, or says what cannot be."""


class Checked:
    """A value in a file, and where it is.

    Args:
        value: as parsed.
        place: of the value in the file: ``windows[0].fields[2].count``; empty for the whole of it.
    """

    __slots__ = ("_place", "_value")

    def __init__(self, value: Any, place: str = "") -> None:
        self._value = value
        self._place = place

    def fault(self, expected: str) -> WindowFileError:
        """Returns the error that something else was expected here; the value may be anybody's data, and is not told."""
        return WindowFileError(f"{self._place or 'the file'}: expected {expected}, found {_KINDS[type(self._value)]}")

    def _is(self, *kinds: type) -> bool:
        return type(self._value) in kinds  # and no subclass: a bool is no number

    def member(self, name: str) -> Checked:
        """Returns a member of an object; as null, where it has none of the name."""
        return Checked(self.mapping().get(name), f"{self._place}.{name[:_MOST_SHOWN]}".lstrip("."))

    def items(self) -> Iterator[Checked]:
        """Returns the items of a list."""
        if not self._is(list):
            raise self.fault("a list")
        return (Checked(item, f"{self._place}[{index}]") for index, item in enumerate(self._value))

    def whole(self, least: int = 0, most: int = _MOST_COUNT) -> int:
        """Returns a whole number between two, the latter excluded."""
        if not self._is(int) or not least <= self._value < most:
            raise self.fault(f"a whole number from {least} up" if least >= 0 else "a whole number")
        return self._value

    def number(self) -> float:
        """Returns a finite number."""
        if not self._is(int, float):
            raise self.fault("a number")
        try:
            found = float(self._value)
        except OverflowError:
            found = math.inf
        if not math.isfinite(found):
            raise self.fault("a finite number")
        return found

    def text(self) -> str:
        """Returns text."""
        if not self._is(str):
            raise self.fault("text")
        return self._value

    def fraction(self) -> Fraction:
        """Returns a fraction of two whole numbers: ``-7/4``."""
        text = self.text()
        numerator, slash, denominator = text.partition("/")
        if len(text) > _MOST_DIGITS or not slash or not denominator.isdecimal() or not denominator.strip("0"):
            raise self.fault("a fraction")
        if not numerator.removeprefix("-").isdecimal():
            raise self.fault("a fraction")
        return Fraction(int(numerator), int(denominator))

    def mapping(self) -> dict[str, Any]:
        """Returns an object as it is."""
        if not self._is(dict):
            raise self.fault("an object")
        return self._value

    def optional(self, read: Callable[[Checked], _Value]) -> _Value | None:
        """Returns what is read of it, or None of null."""
        return None if self._value is None else read(self)
