# SPDX-License-Identifier: Apache-2.0
"""The half of profiling that has to happen on the calling thread, while the values are what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inferspan import faults
from inferspan.profiling._tables import columns_of, is_token_ids, likely_columns
from inferspan.values import Lazy, Reading, join, walk

if TYPE_CHECKING:
    from inferspan.profiling.profilers import Selection

#: Elements read of an array that is too large to be read in full.
SAMPLE_OF_HUGE = 16_384
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
    """

    __slots__ = ("columns", "kept", "moments", "name", "names", "reading")

    def __init__(self, name: str, reading: Reading, columns: int = 0, names: Sequence[str] | None = None) -> None:
        self.name = name
        self.reading = reading
        self.columns = columns
        self.names = names
        self.moments: Any = None
        self.kept: Any = None

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

    Returns:
        One capture a tensor, column or scalar found, no two of one name. It never raises: a value that cannot be read
        is named with the reason.
    """
    captures: list[Capture] = []
    taken: set[str] = set()
    guesses = inputs
    for key, value in list(values.items()):
        owner = key if type(key) is str else join("", key)
        try:
            found = walk(value, owner)
        except Exception:
            faults.caught("values")
            found = [(owner, Reading("unknown", None, note="could not be read"))]
        for name, reading in found:
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
            one.columns = likely_columns(reading)
        if reading.array is not None:
            if profilers is not None:
                one.kept = profilers.keep(one)
            _summarise_large(one, max_elements)
    return captures


def _another(name: str, owner: str, taken: set[str]) -> str:
    """Returns a name for what would share its own: an item of two dicts, one of several columns of one name."""
    longer = join(owner, name)
    found, number = longer, 2
    while found in taken:
        found = f"{longer}.{number}"
        number += 1
    return found


def _summarise_large(one: Capture, max_elements: int) -> None:
    reading = one.reading
    try:
        # Imported here: numpy is the application's, and is there as soon as an array is.
        from inferspan.profiling import _arrays, _columns

        total = reading.array.size
        array = _some(one, max_elements)
        if array.size < total:
            reading.note = f"sampled {array.size} of {total}"
        one.moments = [_arrays.of_array(array, reading.layout)]
        if one.columns:
            one.moments += _columns.of_columns(array, one.columns, reading.layout, ordered=False)
    except Exception:
        faults.caught("profile")
        reading.note = "could not be profiled"
        one.columns, one.names = 0, None
    finally:
        reading.array = None


def _some(one: Capture, max_elements: int) -> Any:
    """Returns all elements of a large array; of one that is too large some, and of a table whole rows."""
    from inferspan.profiling import _layouts, _strides

    array = one.reading.array
    is_too_large = array.size > max_elements
    if isinstance(array, Lazy):
        step = max(1, array.size // SAMPLE_OF_HUGE) if is_too_large else 1
        return array.array(_strides.start(step), step)
    if not is_too_large:
        return array
    if one.columns:
        return _layouts.sample_rows(array, max(1, SAMPLE_OF_HUGE // one.columns))
    return _layouts.sample(array, SAMPLE_OF_HUGE)
