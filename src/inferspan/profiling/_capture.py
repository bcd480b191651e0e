# SPDX-License-Identifier: Apache-2.0
"""The half of profiling that has to happen on the calling thread, while the values are what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inferspan import clock, faults
from inferspan.profiling.budget import Allowance, budget, most_for_a_call
from inferspan.values import Reading, join, reader_of, walk

#: Most nanoseconds that copying one small value takes.
_MOST_FOR_SMALL = 20_000
#: Names of values that are token ids where they are whole numbers, in any engine.
_TOKEN_IDS = frozenset(("input_ids", "decoder_input_ids", "negative_prompt_ids", "sequences"))
#: A value of more features is profiled as a whole: no span has room for as many.
MAX_FEATURES = 1024


class Capture:
    """One tensor as it was at the call, with nothing left that refers to the application's memory.

    Attributes:
        name: of the input or output.
        reading: type, shape, note, and the values of a small one.
        moments: of a large one, already computed: one entry for the whole, then one a feature.
        features: names of the columns, where they are known and the shape has as many.
        sampled: whether the moments are of a sample.
    """

    __slots__ = ("features", "moments", "name", "reading", "sampled")

    def __init__(self, name: str, reading: Reading, features: Sequence[str] | None) -> None:
        self.name = name
        self.reading = reading
        self.features = features
        self.moments: Any = None
        self.sampled = False

    @classmethod
    def without_values(cls, name: str, note: str) -> Capture:
        """Names a value that could not be read, with the reason."""
        return cls(name, Reading("unknown", None, note=note), None)


def capture(
    values: Mapping[str, Any],
    *,
    features: Mapping[str, Sequence[str]] | None = None,
    max_elements: int,
    token_ids: bool = False,
    allowance: Allowance | None = None,
) -> list[Capture]:
    """Reads values on the calling thread.

    Args:
        values: what the call was given or has returned, by name.
        features: names of columns by name of the value; under ``""``, of every two-dimensional value that has as
            many columns.
        max_elements: a larger array is read from a sample.
        token_ids: profile those too, instead of describing them.
        allowance: pays for the CPU time that this takes; an array that it cannot pay in full is read from a sample.
            Without one everything is read in full.

    Returns:
        One capture a tensor or scalar found. It never raises: a value that cannot be read is named with the reason.
    """
    began = clock.monotonic()
    captures: list[Capture] = []
    large: list[Capture] = []
    taken: set[str] = set()
    for key, value in list(values.items()):
        name = key if type(key) is str else join("", key)
        try:
            reader = reader_of(type(value))
            found = walk(value, name) if reader is None else ((name, reader(value)),)
        except Exception:
            faults.caught("values")
            captures.append(Capture.without_values(name, "could not be read"))
            continue
        for inner_name, reading in found:
            if inner_name in taken:  # two dicts with the same key
                inner_name = join(name, inner_name)
            taken.add(inner_name)
            if not token_ids and "int" in reading.type and inner_name.rpartition(".")[2] in _TOKEN_IDS:
                reading = Reading(reading.type, reading.shape, note="token ids are not profiled")
            one = Capture(inner_name, reading, _features_of(inner_name, reading.shape, features) if features else None)
            if reading.array is not None:
                large.append(one)
            captures.append(one)
    if allowance is not None:
        # What takes longer than this was interrupted: the thread waited, and used no processor.
        budget.charge(allowance, min(clock.monotonic() - began, _MOST_FOR_SMALL * len(captures)))
    if large:
        _summarise_large(large, max_elements, allowance)
    return captures


def _features_of(
    name: str, shape: tuple[int, ...] | None, features: Mapping[str, Sequence[str]]
) -> Sequence[str] | None:
    if shape is None or len(shape) not in (1, 2) or shape[-1] > MAX_FEATURES:
        return None
    names = features.get(name) or features.get("")
    return names if names is not None and len(names) == shape[-1] else None


def _summarise_large(captures: list[Capture], max_elements: int, allowance: Allowance | None) -> None:
    # Imported here: numpy is the application's, and is there as soon as an array is.
    from inferspan.profiling import _large

    left = most_for_a_call()
    for one in captures:
        try:
            left -= _large.summarise(one, max_elements=max_elements, allowance=allowance, most=left)
        except Exception:
            faults.caught("profile")
            one.reading.note = "could not be profiled"
        finally:
            one.reading.array = None
