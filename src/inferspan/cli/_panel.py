# SPDX-License-Identifier: Apache-2.0
"""A few lines at the bottom of the terminal that stay while a program writes above them.

The program keeps the terminal itself: no pipe and no pseudo-terminal stands between, so progress bars,
prompts and debuggers work, and what it writes is never held back. The lower lines are taken out of the
terminal's scrolling region (DECSTBM) and drawn with the cursor saved and restored, as package managers do for
their progress bar. A display that moves the cursor up and writes over what is there, as rich's does, would
write over the program's own lines: it cannot know where a program that shares the terminal has left the
cursor. Each change is one ``write``, so that it does not mix with what the program writes at the same moment.

A program that takes the whole screen for itself (an editor, a pager) does not go together with it; hence
``--no-live``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAVE, _RESTORE = "\x1b7", "\x1b8"
_ALL_ROWS = "\x1b[r"
_ERASE_LINE, _ERASE_BELOW = "\x1b[2K", "\x1b[J"
#: Down one line in the same column; at the bottom of the scrolling region, its lines move up.
_INDEX = "\x1bD"


class Panel:
    """Lines at the bottom of a terminal.

    Args:
        descriptor: of the terminal, open for writing.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._height = 0
        self._size = os.terminal_size((0, 0))

    @property
    def size(self) -> os.terminal_size | None:
        """Size of the terminal; ``None`` when it has gone away."""
        try:
            return os.get_terminal_size(self._descriptor)
        except OSError:
            return None

    def draw(self, lines: Sequence[str]) -> None:
        """Shows lines, instead of those before; the panel grows for them, but never shrinks.

        Args:
            lines: with colours, none wider than the terminal.
        """
        size = self.size
        if size is None or not self._in_foreground():
            return
        text = ""
        if size != self._size:
            text += self._outgrown()
            self._size = size
        text += self._grown(min(len(lines), size.lines - 2))
        text += _SAVE
        first = size.lines - self._height + 1
        for row in range(self._height):
            text += f"\x1b[{first + row};1H{_ERASE_LINE}{lines[row] if row < len(lines) else ''}"
        self._write(text + _RESTORE)

    def remove(self) -> None:
        """Gives the lines back to the program, empty."""
        if self._in_foreground():
            self._write(self._removed() if self.size == self._size else self._outgrown())
        self._height = 0

    def _grown(self, height: int) -> str:
        more = height - self._height
        if more <= 0:
            return ""
        self._height = height
        # Down and up again: that makes room below the cursor, and moves what is above only if there was none.
        room = _INDEX * more + f"\x1b[{more}A"
        return f"{room}{_SAVE}\x1b[1;{self._size.lines - height}r{_RESTORE}"

    def _removed(self) -> str:
        if not self._height:
            return ""
        first = max(self._size.lines - self._height + 1, 1)
        rows = "".join(f"\x1b[{row};1H{_ERASE_LINE}" for row in range(first, self._size.lines + 1))
        self._height = 0
        return f"{_SAVE}{_ALL_ROWS}{rows}{_RESTORE}"

    def _outgrown(self) -> str:
        """After a change of size, terminals differ in where the lines are now: but it is below the cursor."""
        if not self._height:
            return ""
        self._height = 0
        return f"{_SAVE}{_ALL_ROWS}{_RESTORE}{_ERASE_BELOW}"

    def _in_foreground(self) -> bool:
        """Whether the terminal is ours: after Ctrl-Z and ``bg`` it is the shell's."""
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            # Not the terminal that controls this process: no shell contends for it.
            return True

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", errors="replace")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            # The terminal has gone away; the program decides what that means.
            self._height = 0
