# SPDX-License-Identifier: Apache-2.0
"""What all inferences of one model and operation have in common, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from inferspan.identity import Model
from inferspan.recording import drops
from inferspan.recording.scope import Scope
from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import SelfDropReason

_MAX_ERROR_TYPES = 32


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
        "_histogram",
        "_metric_attributes",
        "creation",
        "details",
        "key",
        "kind",
        "model",
        "scope",
        "span_name",
        "system",
    )

    def __init__(self, scope: Scope, *, system: str, operation: str, model: Model, endpoint: Endpoint | None) -> None:
        self.scope = scope
        self.system = system
        self.kind = SpanKind.INTERNAL if endpoint is None else SpanKind.CLIENT
        self.model = model
        #: System, model and version as metrics carry them.
        self.key = scope.know(system, model.name, model.version)
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
        #: Attributes of the model that only spans carry.
        self.details: dict[str, Any] = {}
        for name, value in (
            (names.INFERSPAN_MODEL_FORMAT, model.format),
            (names.INFERSPAN_MODEL_DIGEST, model.digest),
            (names.INFERSPAN_EXECUTION_DEVICE, model.device),
            (names.INFERSPAN_ONNXRUNTIME_GRAPH_NAME, model.graph_name),
            (names.INFERSPAN_ONNXRUNTIME_EXECUTION_PROVIDERS, model.execution_providers),
        ):
            if value:
                self.details[name] = value
        self._histogram = scope.duration if endpoint is None else scope.client_duration
        self._metric_attributes: dict[str | None, dict[str, Any]] = {}

    def record(self, duration: int, error_type: str | None, context: Context) -> None:
        """Records one inference.

        Args:
            duration: in nanoseconds.
            error_type: of a failed one.
            context: with its span, for exemplars.
        """
        _, name, version = self.key
        if name != self.model.name:
            drops.count(SelfDropReason.MODEL_LIMIT)
        attributes = self._metric_attributes.get(error_type)
        if attributes is None:
            attributes = {**self.creation, names.INFERSPAN_MODEL_NAME: name}
            if version is None:
                attributes.pop(names.INFERSPAN_MODEL_VERSION, None)
            if error_type is not None:
                known = len(self._metric_attributes) < _MAX_ERROR_TYPES or error_type in self._metric_attributes
                attributes[names.ERROR_TYPE] = error_type if known else "_OTHER"
                if not known:
                    self._histogram.record(duration / 1e9, attributes, context)
                    return
            self._metric_attributes[error_type] = attributes
        self._histogram.record(duration / 1e9, attributes, context)
