# SPDX-License-Identifier: Apache-2.0
"""A closed window: what data looked like over many inferences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from inferspan.windows.summary import FieldSummary, IncompatibleWindows


class WindowKey(NamedTuple):
    """What a window is of: the inputs or outputs of a model's version, or data that belongs to no inference.

    Attributes:
        system: runtime or server of the model, as in ``inferspan.system.name``; None for an entity.
        model: its name; None for an entity.
        version: None where it is not known.
        entity: the name of data that belongs to no inference (``features.v2``), else None.
        direction: ``input`` or ``output``; None for an entity.
    """

    system: str | None = None
    model: str | None = None
    version: str | None = None
    entity: str | None = None
    direction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What data looked like over many inferences.

    Attributes:
        key: what it is of.
        started: when the first of its data came, in nanoseconds since the epoch.
        ended: when it was closed, likewise; never before it started, whatever the clock did.
        inferences: how many were summarised; for an entity, how many times data was given.
        fields: tensors, features and columns by their names.
        omitted: for how many fields there was no room, summed over the inferences.
    """

    key: WindowKey
    started: int
    ended: int
    inferences: int
    fields: Mapping[str, FieldSummary]
    omitted: int = 0

    def merge(self, other: Window) -> Window:
        """Returns the window of both's data: the same one in whatever order windows are merged.

        What the order can change is by how much the counts of categories are said to be off, where there are too many.

        Raises:
            IncompatibleWindows: they are not of the same data, or a field is of different tensors.
        """
        if self.key != other.key:
            raise IncompatibleWindows("windows of different data: " + _difference(self.key, other.key))
        fields = dict(self.fields)
        for name, field in other.fields.items():
            known = fields.get(name)
            fields[name] = field if known is None else known.merge(field)
        return Window(
            key=self.key,
            started=min(self.started, other.started),
            ended=max(self.ended, other.ended),
            inferences=self.inferences + other.inferences,
            fields=fields,
            omitted=self.omitted + other.omitted,
        )


def _difference(one: WindowKey, two: WindowKey) -> str:
    name, left, right = next(
        (name, left, right) for name, left, right in zip(one._fields, one, two, strict=True) if left != right
    )
    return f"{name} is {_shown(left)} in one and {_shown(right)} in the other"


def _shown(text: str | None) -> str:
    return "not given" if text is None else repr(text[:80])
