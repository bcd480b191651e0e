# SPDX-License-Identifier: Apache-2.0
"""What all inferences of one model and operation have in common, computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from inferspan import faults
from inferspan.generation import Generation
from inferspan.identity import Model
from inferspan.recording import drops
from inferspan.recording.labels import NONE, Labels
from inferspan.recording.scope import Scope
from inferspan.semconv import attributes as names
from inferspan.semconv import events
from inferspan.semconv.attributes import IoDirection, SelfDropReason
from inferspan.windows import WindowKey

_MAX_ERROR_TYPES = 32
_OTHER = "_OTHER"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The server that a call goes to.

    Attributes:
        address: host name or IP address.
        port: TCP port.
        api: the protocol, one of ``semconv.attributes.ApiName``.
        endpoint: a hosting service's name for what is called.
        deployment: the variant or deployed model behind it.
    """

    address: str | None = None
    port: int | None = None
    api: str | None = None
    endpoint: str | None = None
    deployment: str | None = None


class Series:
    """Names, attributes and instrument shared by all calls of one model, operation and endpoint."""

    __slots__ = (
        "_details",
        "_error_types",
        "_histogram",
        "_met",
        "_metric_attributes",
        "creation",
        "failed",
        "key",
        "kind",
        "model",
        "scope",
        "span_name",
        "system",
        "warm",
        "windows",
    )

    def __init__(self, scope: Scope, *, system: str, operation: str, model: Model, endpoint: Endpoint | None) -> None:
        self.scope = scope
        self.system = system
        self.kind = SpanKind.INTERNAL if endpoint is None else SpanKind.CLIENT
        self.model = model
        #: System, model and version as metrics carry them.
        self.key = scope.know(system, model.name, model.version)
        #: Whose windows its data goes into, by direction.
        self.windows = {
            direction: WindowKey(system, model.name, model.version, direction=direction)
            for direction in (IoDirection.INPUT, IoDirection.OUTPUT)
        }
        self.span_name = f"{operation} {model.name}"
        #: Attributes at the start of the span, which samplers and processors see.
        self.creation: dict[str, Any] = {
            names.INFERSPAN_OPERATION_NAME: operation,
            names.INFERSPAN_SYSTEM_NAME: system,
            names.INFERSPAN_MODEL_NAME: model.name,
        }
        if model.version is not None:
            self.creation[names.INFERSPAN_MODEL_VERSION] = model.version
        if endpoint is not None:
            for name, value in (
                (names.SERVER_ADDRESS, endpoint.address),
                (names.SERVER_PORT, endpoint.port),
                (names.INFERSPAN_API_NAME, endpoint.api),
                (names.INFERSPAN_ENDPOINT_NAME, endpoint.endpoint),
                (names.INFERSPAN_DEPLOYMENT_NAME, endpoint.deployment),
            ):
                if value is not None:
                    self.creation[name] = value
        self._details: dict[str, Any] | None = None
        self._met = scope.models.meet(system, model)
        self._histogram = scope.duration if endpoint is None else scope.client_duration
        self._metric_attributes: dict[tuple[Labels, str | None, bool], dict[str, Any]] = {}
        self._error_types: set[str] = set()
        #: Whether an inference has ended: until then all are cold.
        self.warm = False
        #: Ends a fault of ours at a call of this series; the recorder's own, which counts what its instrumentor fails.
        self.failed: Callable[[str], None] = faults.caught

    @property
    def details(self) -> dict[str, Any]:
        """Attributes of the model that only spans carry; made by the worker, for a digest may have to be read."""
        if self._details is None:
            model = self.model
            details = {
                names.INFERSPAN_MODEL_FORMAT: model.format,
                names.INFERSPAN_MODEL_DIGEST: model.digest,
                names.INFERSPAN_EXECUTION_DEVICE: model.device,
                names.INFERSPAN_ONNXRUNTIME_GRAPH_NAME: model.graph_name,
                names.INFERSPAN_ONNXRUNTIME_EXECUTION_PROVIDERS: model.execution_providers,
            }
            self._details = {name: value for name, value in details.items() if value}
        return self._details

    def served(self, device: str | None, context: Context, time: int) -> None:
        """Notes that the model has served, and tells what has changed by that.

        Args:
            device: where it ran, where that is a property of the call.
            context: of the call.
            time: when it began, in nanoseconds since the epoch.
        """
        if device is not None:
            self._met.device = device
        if not self._met.announced:
            changed = self.scope.models.announce(self._met, self.model)
            if changed is not None:
                self.scope.logger.emit(
                    event_name=events.INFERSPAN_MODEL_CHANGED,
                    severity_number=SeverityNumber.INFO,
                    timestamp=time,
                    context=context,
                    attributes=changed,
                )

    def record(
        self, duration: int, error_type: str | None, context: Context, *, cold: bool, labels: Labels, batch_size: int
    ) -> None:
        """Records one inference.

        Args:
            duration: in nanoseconds.
            error_type: of a failed one.
            context: with its span, for exemplars.
            cold: whether the model was not warm.
            labels: that the application has given.
            batch_size: in samples; 0 where it is not known.
        """
        if self.key[1] != self.model.name:
            drops.count(SelfDropReason.MODEL_LIMIT)
        self._histogram.record(duration / 1e9, self._attributes(labels, error_type, cold), context)
        if batch_size:
            self.scope.batch_size.record(batch_size, self._attributes(labels, error_type), context)

    def record_waits(self, waits: Iterable[tuple[int, Context]], *, labels: Labels) -> None:
        """Records for how long the requests of a batch have waited.

        Args:
            waits: for each request nanoseconds, and its context, for exemplars.
            labels: of the batch.
        """
        attributes = self._attributes(labels)
        for duration, context in waits:
            self.scope.queue_duration.record(duration / 1e9, attributes, context)

    def _attributes(self, labels: Labels, error_type: str | None = None, cold: bool = False) -> dict[str, Any]:
        """Returns attributes for metrics: made once for each combination, of which there are few."""
        if error_type is not None and error_type not in self._error_types:
            if len(self._error_types) < _MAX_ERROR_TYPES:
                self._error_types.add(error_type)
            else:
                error_type = _OTHER
        key = (labels, error_type, cold)
        attributes = self._metric_attributes.get(key)
        if attributes is None:
            _, name, version = self.key
            attributes = {**self.creation, names.INFERSPAN_MODEL_NAME: name, **labels.attributes}
            if version is None:
                attributes.pop(names.INFERSPAN_MODEL_VERSION, None)
            if error_type is not None:
                attributes[names.ERROR_TYPE] = error_type
            if cold:
                attributes[names.INFERSPAN_COLD] = True
            self._metric_attributes[key] = attributes
        return attributes

    def record_generation(self, generation: Generation, context: Context) -> None:
        """Records what one inference has generated.

        Args:
            generation: of an inference that was recorded.
            context: with its span, for exemplars.
        """
        self.scope.generations.record(generation, self._attributes(NONE), context)
