# SPDX-License-Identifier: Apache-2.0
"""What is a table, profiled column by column, and what is one tensor: one rule, told in docs/data-profiles.md.

1. What has columns of its own is a table: a frame, a dict of columns, a list of records. Each column is a field of its
   name.
2. Of a model that ``inferspan.describe(features=...)`` names the columns of, an input of as many is one.
3. What ``inferspan.describe(table=...)`` says of any other array counts.
4. Where nothing is said, a two-dimensional input of numbers with at most `MAX_COLUMNS` columns is one, unless the call
   is given token ids: beside them are masks and positions, sequences as they are.
5. Everything else is one field: images, embeddings, logits, sequences, and what a model returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from inferspan.values import Reading

#: Most columns of what is taken for a table without being said to be one.
MAX_COLUMNS = 64
#: Most columns of any table of one array: no window or span has room for more.
MAX_FEATURES = 1024
#: Names of values that are token ids where they are whole numbers, in any engine.
_TOKEN_IDS = frozenset(("input_ids", "decoder_input_ids", "negative_prompt_ids", "sequences"))

_Said = TypeVar("_Said")


def is_token_ids(name: str) -> bool:
    """Returns whether a value of whole numbers is token ids, of which statistics mean nothing."""
    return name.rpartition(".")[2] in _TOKEN_IDS


def likely_columns(reading: Reading) -> int:
    """Returns how many columns an input has of which nothing is said; 0 where it is no table."""
    shape = reading.shape
    if shape is None or len(shape) != 2 or shape[1] > MAX_COLUMNS or (reading.data is None and reading.array is None):
        return 0
    return shape[1]


def columns_of(
    name: str,
    reading: Reading,
    features: Mapping[str, Sequence[str]],
    table: Mapping[str, bool],
    *,
    inputs: bool,
    guesses: bool,
) -> tuple[int, Sequence[str] | None]:
    """Decides by what is said; where a value cannot be the table that it is said to be, its reading gets a note.

    Args:
        name: of the value.
        reading: of the value.
        features: names of columns, by name of the value; under ``""`` of any input that has as many.
        table: what is said to be a table, or to be none; likewise.
        inputs: whether it is an input, which is what is meant by ``""``.
        guesses: whether a value of few columns is one where nothing is said.

    Returns:
        How many columns it has, and their names; 0 where it is one field, and no names where none are known.
    """
    shape = reading.shape
    if shape is None or not 1 <= len(shape) <= 2 or (reading.data is None and reading.array is None) or reading.column:
        return 0, None
    width = shape[-1]
    said = _said(table, name, inputs)
    names = _said(features, name, inputs)
    if said is False or not width:
        return 0, None
    is_named = names is not None and len(names) == width
    if not is_named:
        if names and name in features:
            _note(reading, f"{len(names)} features are named, it has {width}")
        if not (said or (said is None and guesses and likely_columns(reading))):
            return 0, None
    if width > MAX_FEATURES:
        _note(reading, f"profiled as a whole, having more than {MAX_FEATURES} columns")
        return 0, None
    return width, names if is_named else None


def _said(all_said: Mapping[str, _Said], name: str, inputs: bool) -> _Said | None:
    found = all_said.get(name)
    return all_said.get("") if found is None and inputs else found


def _note(reading: Reading, note: str) -> None:
    reading.note = note if reading.note is None else f"{reading.note}; {note}"
