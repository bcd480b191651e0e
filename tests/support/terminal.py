# SPDX-License-Identifier: Apache-2.0
"""As much of a terminal (ECMA-48, DEC VT100) as is needed to see what a program has drawn in it."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(r"\x1b(?:\[(?P<parameters>[0-9;?]*)(?P<final>[A-Za-z])|(?P<escape>[78DM]))")


class Terminal:
    """A screen with a scrolling region, and the lines that have left it at the top."""

    def __init__(self, *, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.history: list[str] = []
        self._screen = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._saved = (0, 0)
        self._top, self._bottom = 0, rows - 1
        self._rest = ""

    @property
    def screen(self) -> list[str]:
        """Its lines, from the top, without spaces at their ends."""
        return ["".join(line).rstrip() for line in self._screen]

    @property
    def region(self) -> tuple[int, int]:
        """First and last row of the scrolling region, from 0."""
        return self._top, self._bottom

    def feed(self, text: str) -> None:
        """Does what the text says; a sequence may be cut anywhere."""
        text, self._rest = self._rest + text, ""
        position = 0
        while position < len(text):
            character = text[position]
            if character == "\x1b":
                found = _SEQUENCE.match(text, position)
                if found is None:
                    assert len(text) - position < 24, f"unknown sequence {text[position : position + 24]!r}"
                    self._rest = text[position:]
                    return
                self._control(found)
                position = found.end()
                continue
            position += 1
            if character == "\r":
                self._column = 0
            elif character == "\n":
                self._index()
            elif character >= " ":
                self._screen[self._row][self._column] = character
                self._column = min(self._column + 1, self.columns - 1)

    def _control(self, found: re.Match[str]) -> None:
        if found["escape"]:
            if found["escape"] == "7":
                self._saved = (self._row, self._column)
            elif found["escape"] == "8":
                self._row, self._column = self._saved
            elif found["escape"] == "D":
                self._index()
            return
        if found["parameters"].startswith("?"):
            return
        numbers = [int(number) for number in found["parameters"].split(";") if number]
        first = numbers[0] if numbers else 0
        if found["final"] == "r":
            self._top = (numbers[0] if numbers else 1) - 1
            self._bottom = (numbers[1] if len(numbers) > 1 else self.rows) - 1
            self._row = self._column = 0
        elif found["final"] == "H":
            self._row = min((numbers[0] if numbers else 1), self.rows) - 1
            self._column = (numbers[1] if len(numbers) > 1 else 1) - 1
        elif found["final"] == "A":
            self._row = max(self._row - max(first, 1), self._top)
        elif found["final"] == "K":
            start = 0 if first == 2 else self._column
            self._screen[self._row][start:] = [" "] * (self.columns - start)
        elif found["final"] == "J":
            self._screen[self._row][self._column :] = [" "] * (self.columns - self._column)
            for row in range(self._row + 1, self.rows):
                self._screen[row] = [" "] * self.columns
        else:
            assert found["final"] == "m", f"unknown sequence {found[0]!r}"

    def _index(self) -> None:
        if self._row != self._bottom:
            self._row = min(self._row + 1, self.rows - 1)
            return
        gone = self._screen.pop(self._top)
        if self._top == 0:
            self.history.append("".join(gone).rstrip())
        self._screen.insert(self._bottom, [" "] * self.columns)
