# SPDX-License-Identifier: Apache-2.0
"""Data that belongs to no inference, profiled where it is made: so that monitoring begins where the pipeline begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inferspan import config
from inferspan.profiling import Capture, capture
from inferspan.profiling.profilers import of_model
from inferspan.recording import drops, live, worker
from inferspan.recording.scope import Scope
from inferspan.semconv.attributes import SelfDropReason

#: What data is called that has no names of its own.
_NAME = "data"


class EntityData:
    """What data looks like that was given under a name, on its way into the windows."""

    __slots__ = ("_captures", "_entity", "_scope")

    def __init__(self, scope: Scope, entity: str, captures: Sequence[Capture]) -> None:
        self._scope = scope
        self._entity = entity
        self._captures = captures

    def complete(self) -> None:
        """Adds it to the entity's window; on the worker's thread unless the queue is full."""
        self._scope.profiles.add_entity(self._entity, self._captures)

    def drop_profile(self) -> None:
        """Forgets it because the queue is full, and counts that."""
        self._captures = ()
        drops.count(SelfDropReason.QUEUE_FULL)


def profile(scope: Scope, entity: str, data: Any) -> None:
    """Reads data on the calling thread, all of it, and has the worker add it to the entity's window.

    Args:
        scope: whose providers receive what the window says.
        entity: the name of the data, of low cardinality.
        data: one value: a frame, an array, a dict of columns, a list of records.
    """
    settings = config.in_force
    captures = capture(
        {_NAME: data},
        inputs=True,
        max_elements=settings.profile_max_elements,
        token_ids=settings.profile_token_ids,
        profilers=of_model(entity),
    )
    record = EntityData(scope, entity, captures)
    live.ending.append(id(record))
    worker.hand_over(record)
