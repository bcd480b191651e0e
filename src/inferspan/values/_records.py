# SPDX-License-Identifier: Apache-2.0
"""Lists of records, as JSON has them: turned into columns, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, cast

from inferspan.values._cells import MAX_CELLS, are_scalars, are_texts, read_cells
from inferspan.values._reading import Reading
from inferspan.values._types import class_of

#: Cells that are looked at in all records together, unless the first has more.
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
    items: list[tuple[tuple[str, ...], tuple[Any, ...]]] = []
    cells = 0
    for row in rows:
        if items and cells + len(items[0][0]) > _MAX_CELLS:
            break
        keys, values = _unzipped(first_items(row, limit + 1))
        if not are_scalars(values) or not are_texts(keys):
            return None
        items.append((keys, values))
        cells += len(keys)
    note = None if len(items) == total else f"first {len(items)} of {total}"
    columns = _columns(items, limit + 1)
    return [(key, read_cells(column, (total,), note=note, column=True)) for key, column in columns] or None


def _unzipped(items: list[tuple[Any, Any]]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    return cast("Any", tuple(zip(*items, strict=True)) or ((), ()))


def _columns(items: list[tuple[tuple[str, ...], tuple[Any, ...]]], limit: int) -> Iterable[tuple[str, Sequence[Any]]]:
    first, _ = items[0]
    if all(keys == first for keys, _ in items):
        return zip(first, zip(*(values for _, values in items), strict=True), strict=True)
    # Not all have the same keys, or not in the same order.
    names = islice(dict.fromkeys(key for keys, _ in items for key in keys), limit)
    records = [dict(zip(keys, values, strict=True)) for keys, values in items]
    return [(name, [record.get(name) for record in records]) for name in names]
