# SPDX-License-Identifier: Apache-2.0
"""Which field a tensor or column is: by names that no two of them share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

from inferspan.profiling import Capture
from inferspan.windows._ledger import Entry


def names_of(capture: Capture, known: Mapping[str, Entry]) -> list[str]:
    """Returns a name for the tensor, or one for each of its columns.

    A column keeps its own name, unless another tensor of the model has a field of that name already, or the table has
    several columns of it: then it is called ``<tensor>.<name>``, and if need be by its position.

    Args:
        capture: of the tensor.
        known: fields by their names, of this tensor and of others.
    """
    tensor = capture.name
    wanted = [capture.name_of(index) for index in range(capture.columns)] if capture.columns else [tensor]
    found: dict[str, None] = {}
    for index, name in enumerate(wanted):
        for candidate in _candidates(tensor, name, index):
            owner = known.get(candidate)
            if candidate not in found and (owner is None or owner.tensor == tensor):
                found[candidate] = None
                break
    return list(found)


def _candidates(tensor: str, name: str, index: int) -> Iterator[str]:
    yield name
    yield f"{tensor}.{name}"
    yield f"{tensor}.{index}"
    for number in count(2):
        yield f"{tensor}.{index}.{number}"
