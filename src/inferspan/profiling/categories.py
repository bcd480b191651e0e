# SPDX-License-Identifier: Apache-2.0
"""Which values of text, whole numbers or truths are frequent, and how many different ones there are.

Counts are kept of the ``CAPACITY`` most frequent values. They are exact as long as there are no more; beyond that the
least frequent are given up, as in Agarwal et al., "Mergeable Summaries", 2012: whatever the order in which values came
and summaries were merged, no count is off by more than 1/33 of all values. Each says by how much it can be.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from inferspan.profiling import _distinct
from inferspan.profiling._distinct import Distinct
from inferspan.text import MAX_ABBREVIATED, abbreviated

Kind = Literal["string", "integer", "boolean"]

#: Most values that counts are kept of.
CAPACITY = 32

_TYPES: dict[Any, type] = {"string": str, "integer": int, "boolean": bool}

# Value -> (occurred at most so often, of which so many are not certain).
_Table = dict[Any, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Category:
    """A value, and how often it occurred: at most ``count`` times, and at least ``count - error`` times.

    Attributes:
        value: text, a whole number or a truth. Text of more than 64 bytes in UTF-8 is told by its beginning, ``…`` and
            a digest.
        count: at most so often; exactly, where ``error`` is 0.
        error: so many of them are not certain.
    """

    value: str | int | bool
    count: int
    error: int


@dataclass(frozen=True, slots=True)
class CategorySummary:
    """What is known of a window's values; immutable.

    Attributes:
        kind: of the values.
        count: all values seen.
        unlisted: a value that is not among the categories occurred at most so often.
        values: what different values were seen.
        packed: the categories, as JSON: a tenth of what they take as Python objects.
    """

    kind: Kind
    count: int = 0
    unlisted: int = 0
    values: Distinct = field(default_factory=Distinct)
    packed: bytes = b"[]"

    @property
    def categories(self) -> tuple[Category, ...]:
        """The most frequent values, most frequent first."""
        return tuple(Category(*entry) for entry in json.loads(self.packed))

    @property
    def distinct(self) -> int:
        """How many different values there were: an estimate unless `distinct_error` is 0."""
        return min(self.values.estimate, self.count)

    @property
    def distinct_error(self) -> float:
        """Relative standard error of `distinct`: 0 up to 128 different values, then 0.0325."""
        return 0.0 if self.values.is_exact else _distinct.STANDARD_ERROR

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return len(self.packed) + len(self.values.data)

    def merge(self, other: CategorySummary) -> CategorySummary:
        """Returns the summary of both's values. The order in which summaries are merged can change what error is said.

        Raises:
            ValueError: they are of different kinds.
        """
        if self.kind != other.kind:
            raise ValueError(f"categories of {self.kind} and of {other.kind} cannot be merged")
        one, two = _table(self), _table(other)
        merged: _Table = {}
        for value in one.keys() | two.keys():
            count, error = one.get(value, (self.unlisted, self.unlisted))
            other_count, other_error = two.get(value, (other.unlisted, other.unlisted))
            merged[value] = (count + other_count, error + other_error)
        return _summary(
            self.kind,
            self.count + other.count,
            self.unlisted + other.unlisted,
            self.values.union(other.values),
            merged,
        )

    def as_dict(self) -> dict[str, Any]:
        """Returns it as what JSON has; hashes and registers of the different values in base64."""
        return {
            "kind": self.kind,
            "count": self.count,
            "unlisted": self.unlisted,
            "categories": json.loads(self.packed),
            "hashes" if self.values.is_exact else "registers": base64.b64encode(self.values.data).decode("ascii"),
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> CategorySummary:
        """Returns what `as_dict` was made of.

        Raises:
            ValueError: it is none.
        """
        try:
            is_exact = "hashes" in found
            data = base64.b64decode(found["hashes" if is_exact else "registers"], validate=True)
            values = Distinct(is_exact, data)
            expected = _TYPES[found["kind"]]
            table: _Table = {}
            for value, count, error in found["categories"]:
                is_one = type(value) is expected and (expected is not str or abbreviated(value) == value)
                if not is_one or not 0 <= int(error) <= int(count):
                    raise ValueError(f"no category of {found['kind']}")
                table[value] = (int(count), int(error))
            if not values.is_sound or min(int(found["count"]), int(found["unlisted"])) < 0:
                raise ValueError("no count")
            return _summary(found["kind"], int(found["count"]), int(found["unlisted"]), values, table)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no summary of categories: {type(error).__name__}") from error


class Categories:
    """The same of an open window: it takes values, in batches.

    Args:
        kind: of the values.
    """

    __slots__ = ("summary",)

    def __init__(self, kind: Kind) -> None:
        #: Of the values so far.
        self.summary = CategorySummary(kind)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes, its few objects not counted."""
        return self.summary.nbytes

    def add(self, values: Any) -> None:
        """Adds values, none of them missing; the more at once, the cheaper.

        Args:
            values: of text, an iterable of ``str``; otherwise a numpy array of whole numbers or truths of any shape, or
                a sequence of such. Whole numbers that have no place in 64 bits are left out.
        """
        if self.summary.kind == "string":
            self._add_texts(values)
        else:
            self._add_integers(values)

    def _add_texts(self, texts: Iterable[str]) -> None:
        counts = Counter(texts)
        for text in [text for text in counts if len(text) > MAX_ABBREVIATED or not text.isascii()]:
            occurred = counts.pop(text)
            counts[abbreviated(text)] += occurred
        held = _table(self.summary)
        # Of those that are not held yet, no other one can stay.
        found = dict(counts.most_common(CAPACITY + 1))
        found.update({label: counts[label] for label in held if label in counts})
        # What is held was hashed when it came.
        self._count(sum(counts.values()), found, held, _distinct.hashes(counts.keys() - held.keys()))

    def _add_integers(self, values: Any) -> None:
        # Imported here: numpy is the application's.
        from inferspan.profiling import _integers

        values = _integers.array_of(values)
        numbers, counts = _integers.counted(values)
        held = _table(self.summary)
        found: dict[Any, int] = _integers.most_frequent(numbers, counts, CAPACITY + 1, besides=held)
        if self.summary.kind == "boolean":
            found = {bool(number): count for number, count in found.items()}
        self._count(values.size, found, held, _integers.hashes(numbers))

    def _count(self, total: int, found: Mapping[Any, int], table: _Table, hashes: bytes) -> None:
        before = self.summary
        for value, occurred in found.items():
            count, error = table.get(value, (before.unlisted, before.unlisted))
            table[value] = (count + occurred, error)
        self.summary = _summary(before.kind, before.count + total, before.unlisted, before.values.add(hashes), table)


def _table(summary: CategorySummary) -> _Table:
    return {value: (count, error) for value, count, error in json.loads(summary.packed)}


def _summary(kind: Kind, count: int, unlisted: int, values: Distinct, table: _Table) -> CategorySummary:
    """Keeps the most frequent values.

    What exceeds ``unlisted`` of the counts adds up to all values minus 33 times ``unlisted``, at most: each time values
    are given up, ``unlisted`` rises by as much as the excess of each of the 33 largest counts falls, at least.
    """
    ranked = sorted([(-most, error, value) for value, (most, error) in table.items()])
    if len(ranked) > CAPACITY:
        unlisted = -ranked[CAPACITY][0]
    entries = [(value, -most, error) for most, error, value in ranked[:CAPACITY]]
    packed = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    return CategorySummary(kind, count, unlisted, values, packed)
