# SPDX-License-Identifier: Apache-2.0
"""Texts: counted and measured always; some of them are kept where the setting ``profile_text`` allows that."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from inferspan import config
from inferspan.text import abbreviated
from inferspan.values._reading import Reading

#: Texts of one value that are kept, and those of which only the lengths are.
_MAX_TEXTS = 256
_MAX_LENGTHS = 8
_PRIMES = (2, 3, 5, 7)
NOTE = "text is not profiled"
_turn = itertools.count()


def wanted() -> int:
    """Returns how many texts of one value are looked at."""
    return _MAX_TEXTS if config.in_force.profile_text else _MAX_LENGTHS


def every(size: int, few: int) -> tuple[int, int]:
    """Returns start and step of a sample of at most so ``few`` of ``size`` elements, from elsewhere each time.

    What recurs every second, tenth or so element would be met always or never by a step that shares a factor with that.
    """
    step = max(1, -(-size // few))
    while step == 2 or (step != 3 and any(step % prime == 0 for prime in _PRIMES)):
        step += 1
    return next(_turn) * 47 % step, step


def of_text(
    shape: tuple[int, ...],
    counts: tuple[int, int],
    some: Iterable[Any],
    *,
    kind: str = "string",
    note: str | None = None,
    column: bool = False,
) -> Reading:
    """Describes texts.

    Args:
        shape: of the value.
        counts: how many were looked at, and how many of these are missing.
        some: of the texts; what is none, or of a subclass, is left out.
        kind: type of the elements.
        note: which ones were looked at, if not all.
        column: whether each is of another row.
    """
    found = [text for text in itertools.islice(some, wanted()) if type(text) is str]
    texts = None
    if config.in_force.profile_text:
        texts = tuple(map(abbreviated, found))
    else:
        note = NOTE if note is None else f"{note}; {NOTE}"
    lengths = tuple(map(len, found))
    return Reading(kind, shape, note=note, column=column, counts=counts, texts=texts, lengths=lengths)
