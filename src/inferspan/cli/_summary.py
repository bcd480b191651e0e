# SPDX-License-Identifier: Apache-2.0
"""What the view shows: immutable, taken from the store at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferspan.cli._durations import Latency
    from inferspan.cli._reading import DataProfile

Source = Literal["spans", "histogram"]


@dataclass(frozen=True)
class ModelKey:
    """What two inferences have in common that are counted in one row."""

    service: str
    operation: str
    name: str
    version: str
    system: str
    #: The model is at a server, and this is what its client saw.
    client: bool


@dataclass(frozen=True)
class ModelSummary:
    """One row: what is known of a model's inferences."""

    key: ModelKey
    device: str
    count: int
    errors: int
    #: Inferences a second; ``None`` where too few were seen to tell.
    rate: float | None
    latency: Latency | None
    #: Where count, errors, rate and latency come from.
    source: Source
    #: Inferences whose span arrived.
    sampled: int
    #: Of the last inference that had one.
    input: DataProfile | None
    output: DataProfile | None
    #: Of the last inference that had any.
    anomalies: tuple[str, ...]
    #: Inferences that had any, of those whose span or anomaly event arrived.
    anomalous: int


@dataclass(frozen=True)
class Failure:
    """One failed inference."""

    #: Seconds since the epoch.
    at: float
    model: str
    error_type: str
    message: str
    trace_id: str


@dataclass(frozen=True)
class Snapshot:
    """Everything that arrived, added up."""

    #: In the order in which they were first seen.
    models: tuple[ModelSummary, ...] = ()
    #: The last ones, newest last.
    failures: tuple[Failure, ...] = ()
    #: Inferences of models beyond the limit, which have no row.
    beyond_limit: int = 0
    #: Instrumentation scopes that are not inferspan's.
    other_scopes: tuple[str, ...] = ()
    #: What inferspan dropped in the program, by reason.
    dropped: tuple[tuple[str, int], ...] = ()
    #: Faults of inferspan in the program, by component.
    faults: tuple[tuple[str, int], ...] = ()
    #: Calls that made no span, by system and reason.
    skipped: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    @property
    def inferences(self) -> int:
        """Inferences of all models."""
        return sum(model.count for model in self.models) + self.beyond_limit

    @property
    def errors(self) -> int:
        """Failed inferences of all models."""
        return sum(model.errors for model in self.models)
