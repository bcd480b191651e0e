# SPDX-License-Identifier: Apache-2.0
"""Lists of records, as JSON has them: turned into columns, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inferspan.values._cells import MAX_CELLS, is_scalar, read_cells
from inferspan.values._reading import Reading
from inferspan.values._types import class_of

#: Cells that are looked at in all columns together, unless the first record has more.
_MAX_CELLS = 4096


def read_records(
    value: list[Any], first_items: Callable[[dict[Any, Any], int], list[tuple[Any, Any]]], limit: int
) -> list[tuple[str, Reading]] | None:
    """Reads the columns of a list of records; a key that a record lacks is missing there.

    Args:
        value: a list or tuple.
        first_items: copies the first items of a dict.
        limit: most columns; the list has one more where there are more.

    Returns:
        Name and reading of each; None where it is no list of dicts whose keys are text and whose values are single
        ones: what holds arrays is no table.

    Raises:
        RuntimeError: another thread changes a record meanwhile.
    """
    total = len(value)
    rows = value[:MAX_CELLS]
    if not all(class_of(row) is dict for row in rows):
        return None
    columns: dict[str, list[Any]] = {}
    looked_at = cells = 0
    for row in rows:
        if looked_at and cells + len(columns) > _MAX_CELLS:
            break
        for key, cell in first_items(row, limit + 1):
            if class_of(key) is not str or not is_scalar(cell):
                return None
            column = columns.get(key)
            if column is None:
                if len(columns) > limit:
                    continue
                column = columns[key] = [None] * looked_at
            column.append(cell)
        looked_at += 1
        for column in columns.values():
            if len(column) < looked_at:
                column.append(None)
        cells += len(columns)
    if not columns:
        return None
    note = None if looked_at == total else f"first {looked_at} of {total}"
    return [(name, read_cells(column, (total,), note=note, column=True)) for name, column in columns.items()]
