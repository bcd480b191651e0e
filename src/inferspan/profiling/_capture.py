# SPDX-License-Identifier: Apache-2.0
"""The half of profiling that has to happen on the calling thread, while the values are what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inferspan import faults
from inferspan.profiling._tables import columns_of, is_token_ids, likely_columns
from inferspan.profiling.budget import Allowance
from inferspan.values import Reading, class_of, join, reader_of, walk

if TYPE_CHECKING:
    from inferspan.profiling.profilers import Selection

_NOTHING_SAID: dict[str, Any] = {}


class Capture:
    """One tensor, column or number as it was at the call; nothing in it refers to the application's memory.

    Attributes:
        name: of the input or output.
        reading: type, shape, note, and the values of a small one.
        columns: of a table, how many it has: the values are its rows, one after the other. 0 for one field.
        names: of the columns, where they are known.
        moments: of a large one, already computed: one entry for the whole, then one a column.
        kept: of a large one, what the application's own profilers will be given, if any of them wants it.
        sampled: whether the moments are those of a sample.
    """

    # What most have in common is the class's: each store takes its time on the calling thread.
    columns: int = 0
    names: Sequence[str] | None = None
    moments: Any = None
    kept: Any = None
    sampled: bool = False

    def __init__(self, name: str, reading: Reading, columns: int = 0, names: Sequence[str] | None = None) -> None:
        self.name = name
        self.reading = reading
        if columns:
            self.columns = columns
            self.names = names

    @classmethod
    def without_values(cls, name: str, note: str) -> Capture:
        """Names a value that could not be read, with the reason."""
        return cls(name, Reading("unknown", None, note=note))

    @property
    def dimensions(self) -> tuple[int, ...] | None:
        """The shape, in which the rows of a column are told from the elements of a vector: ``(rows, 1)``."""
        shape = self.reading.shape
        return (*shape, 1) if self.reading.column and shape is not None else shape

    def name_of(self, column: int) -> str:
        """Returns the name of a column, of which there are as many as ``columns`` says."""
        return f"{self.name}.{column}" if self.names is None else self.names[column]


def capture(
    values: Mapping[str, Any],
    *,
    features: Mapping[str, Sequence[str]] = _NOTHING_SAID,
    table: Mapping[str, bool] = _NOTHING_SAID,
    inputs: bool = False,
    max_elements: int,
    token_ids: bool = False,
    profilers: Selection | None = None,
    allowance: Allowance | None = None,
) -> list[Capture]:
    """Reads values on the calling thread.

    A frame, a dict of columns and a list of records give one capture a column. So that whoever asks finds one rule:
    `inferspan.profiling._tables` says when an array is a table as well.

    Args:
        values: what the call was given or has returned, by name.
        features: names of columns by name of the value; under ``""``, of every two-dimensional input that has as
            many columns.
        table: whether a value is a table, by its name; under ``""``, whether the inputs are.
        inputs: whether the values are a model's inputs, and not its outputs.
        max_elements: a larger array is read from a sample.
        token_ids: profile those too, instead of describing them.
        profilers: the application's own.
        allowance: pays for what it takes to summarise large arrays: one that it cannot pay in full is read from a
            sample. Without one everything is read in full.

    Returns:
        One capture a tensor, column or scalar found, no two of one name. It never raises: a value that cannot be read
        is named with the reason.
    """
    captures: list[Capture] = []
    large: list[Capture] | None = None
    taken: set[str] | None = None
    guesses = inputs
    for key, value in list(values.items()):
        owner = key if type(key) is str else join("", key)
        try:
            reader = reader_of(class_of(value))
            found = walk(value, owner) if reader is None else ((owner, reader(value)),)
        except Exception:
            faults.caught("values")
            found = ((owner, Reading("unknown", None, note="could not be read")),)
        for name, reading in found:
            if captures:  # else there is none to be told from
                if taken is None:
                    taken = {captures[0].name}
                if name in taken:
                    name = _another(name, owner, taken)
                taken.add(name)
            if "int" in reading.type and not token_ids and is_token_ids(name):
                reading = Reading(reading.type, reading.shape, note="token ids are not profiled")
                guesses = False
            captures.append(Capture(name, reading))
    for one in captures:
        reading = one.reading
        if features or table:
            one.columns, one.names = columns_of(one.name, reading, features, table, inputs=inputs, guesses=guesses)
        elif guesses:
            columns = likely_columns(reading)
            if columns:
                one.columns = columns
        if reading.array is not None:
            if profilers is not None:
                one.kept = profilers.keep(one, allowance)
            if large is None:
                large = []
            large.append(one)
    if large:
        _summarise_large(large, max_elements, allowance)
    return captures


def _another(name: str, owner: str, taken: set[str]) -> str:
    """Returns a name for what would share its own: an item of two dicts, one of several columns of one name."""
    longer = join(owner, name)
    found, number = longer, len(taken)  # from there on few are taken, however many share a name
    while found in taken:
        found = f"{longer}.{number}"
        number += 1
    return found


def _summarise_large(captures: Sequence[Capture], max_elements: int, allowance: Allowance | None) -> None:
    # Imported here: numpy is the application's, and is there as soon as an array is.
    from inferspan.profiling import _large

    left = _large.most_for_a_call()
    for one in captures:
        try:
            left -= _large.summarise(one, max_elements=max_elements, allowance=allowance, most=left)
        except Exception:
            faults.caught("profile")
            one.reading.note = "could not be profiled"
            one.columns, one.names = 0, None
        finally:
            one.reading.array = None
