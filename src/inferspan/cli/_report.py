# SPDX-License-Identifier: Apache-2.0
"""A report in plain text: sections of rows, then what is wrong."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inferspan.cli._format import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH = 100
_LEAST_WIDTH = 40
#: Widest first column that is aligned.
_MAX_NAME = 44


@dataclass(frozen=True)
class Section:
    """Rows of a name and what is said of it.

    Attributes:
        title: heading.
        rows: at least one is shown: where there are none, the section is left out.
    """

    title: str
    rows: Sequence[tuple[str, str]]


@dataclass
class Report:
    """Everything that was found.

    Attributes:
        title: first line.
        sections: what is.
        problems: what prevents telemetry, each with what to do. Indented lines are commands to copy.
        remarks: what does not prevent it, but may surprise.
        good: what to say where there is no problem.
    """

    title: str
    sections: list[Section] = field(default_factory=list[Section])
    problems: list[str] = field(default_factory=list[str])
    remarks: list[str] = field(default_factory=list[str])
    good: str = "Nothing prevents telemetry."


def text_of(report: Report) -> str:
    """Returns a report as lines of text, as wide as the terminal or ``COLUMNS``, else 100 columns."""
    width = max(shutil.get_terminal_size((_WIDTH, 0)).columns, _LEAST_WIDTH)
    lines = [plain(report.title)]
    for section in report.sections:
        if section.rows:
            lines += ["", section.title, *_table(section.rows, width)]
    lines += ["", *_numbered("Remarks", report.remarks, width)] if report.remarks else []
    lines += ["", *_numbered("Problems", report.problems, width)] if report.problems else ["", report.good]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    column = min(max(len(name) for name, _ in rows), _MAX_NAME) + 2
    lines: list[str] = []
    for name, said in rows:
        first = f"  {plain(name):{column}}"
        lines += textwrap.wrap(
            plain(said) or "-",
            width,
            initial_indent=first,
            subsequent_indent=" " * (column + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _numbered(title: str, items: Sequence[str], width: int) -> list[str]:
    lines = [title]
    for number, item in enumerate(items, start=1):
        first = f"  {number}. "
        for line in item.splitlines():
            if line.startswith(" "):
                lines.append(f"     {line}")
                continue
            lines += textwrap.wrap(
                plain(line),
                width,
                initial_indent=first,
                subsequent_indent="     ",
                break_on_hyphens=False,
                break_long_words=False,
            )
            first = "     "
    return lines
