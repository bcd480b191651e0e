# SPDX-License-Identifier: Apache-2.0
"""Tables as lines of text: exactly as many as they have rows, whatever the width of the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Fewest columns of the terminal that a shortened cell keeps.
_SHORTEST = 8


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        header: its heading.
        cells: one for each row.
        align: text to the left, numbers to the right.
        drop: where the table is too wide, the columns with the highest number go first; with 0 it stays.
        shorten: whether cells may be cut to make room, once no column is left to drop.
    """

    header: str | Text
    cells: Sequence[Text]
    align: Literal["left", "right"] = "right"
    drop: int = 0
    shorten: bool = False

    @property
    def width(self) -> int:
        """Width of the widest cell."""
        header = self.header if isinstance(self.header, str) else self.header.plain
        return max(cell_len(header), max((cell.cell_len for cell in self.cells), default=0))


def table(columns: Sequence[Column], *, width: int, indent: int = 1) -> list[Text]:
    """Lays out a table.

    Gaps shrink first, then columns go, then cells are cut.

    Args:
        columns: all with the same number of cells.
        width: what the terminal has.
        indent: spaces before the first column.

    Returns:
        The heading and a line for each row, none wider than ``width``.
    """
    available = width - indent
    kept = list(columns)
    gap = 2 if _total(kept, 2) <= available else 1
    while _total(kept, gap) > available and any(column.drop for column in kept):
        kept.remove(max(kept, key=lambda column: column.drop))
    if _total(kept, 2) <= available:
        gap = 2
    widths = {id(column): column.width for column in kept}
    for column in kept:
        excess = sum(widths.values()) + gap * (len(kept) - 1) - available
        if column.shorten and excess > 0:
            widths[id(column)] = max(column.width - excess, min(column.width, _SHORTEST))
    headers = [
        column.header.copy() if isinstance(column.header, Text) else Text(column.header, style="dim") for column in kept
    ]
    rows = [headers, *([column.cells[row].copy() for column in kept] for row in range(len(kept[0].cells)))]
    return [_line(row, kept, [widths[id(column)] for column in kept], gap, indent, width) for row in rows]


def _total(columns: Sequence[Column], gap: int) -> int:
    return sum(column.width for column in columns) + gap * (len(columns) - 1)


def _line(
    cells: Sequence[Text], columns: Sequence[Column], widths: Sequence[int], gap: int, indent: int, width: int
) -> Text:
    line = Text(" " * indent)
    for position, (cell, column, cell_width) in enumerate(zip(cells, columns, widths, strict=True)):
        if position:
            line.append(" " * gap)
        cell.truncate(cell_width, overflow="ellipsis")
        cell.align(column.align, cell_width)
        line.append_text(cell)
    line.rstrip()
    line.truncate(width, overflow="ellipsis")
    return line
