# SPDX-License-Identifier: Apache-2.0
"""The span and the duration of a model's load."""

from __future__ import annotations

from typing import Any, Protocol

from opentelemetry.context import Context
from opentelemetry.trace import Span

from inferspan import faults, identity
from inferspan.artifact import Artifact
from inferspan.identity import Model
from inferspan.recording import exceptions
from inferspan.recording.exceptions import Failure
from inferspan.recording.limits import series_model
from inferspan.recording.scope import Scope
from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import OperationName


class Finished(Protocol):
    """A load that has ended; times in nanoseconds."""

    scope: Scope | None
    system: str
    span: Span
    context: Context
    ended: int
    duration: int
    artifact: Artifact | None
    model: Model | None
    error_type: str | None
    failure: Failure | None


def start(scope: Scope, system: str, context: Context, time: int) -> Span:
    """Starts the span of a load, whose model is not known yet."""
    return scope.tracer.start_span(OperationName.LOAD, context, attributes=_common(system), start_time=time)


def finish(load: Finished) -> None:
    """Records the duration, completes and ends the span; each is tried, whatever became of the other."""
    try:
        model = load.model
        if model is None and load.artifact is not None and load.artifact.path is not None:
            model = identity.guess(load.artifact.path)
        if load.model is not None and load.scope is not None:
            load.scope.models.meet(load.system, load.model)
        _record(load, model)
        _complete(load, model)
    except Exception:
        faults.caught("load")
    finally:
        load.span.end(end_time=load.ended)


def _record(load: Finished, model: Model | None) -> None:
    attributes = _common(load.system)
    if model is not None:
        name, version = series_model(model.name, model.version)
        attributes[names.INFERSPAN_MODEL_NAME] = name
        if version is not None:
            attributes[names.INFERSPAN_MODEL_VERSION] = version
    if load.error_type is not None:
        attributes[names.ERROR_TYPE] = load.error_type
    if load.scope is not None:
        load.scope.load_duration.record(load.duration / 1e9, attributes, load.context)


def _complete(load: Finished, model: Model | None) -> None:
    span, artifact = load.span, load.artifact
    # Whether anybody sees it or not: it is what lets go of an artifact's bytes.
    digest = None if artifact is None else artifact.digest()
    if not span.is_recording():
        return
    found: dict[str, Any] = {names.INFERSPAN_MODEL_DIGEST: digest, names.ERROR_TYPE: load.error_type}
    if artifact is not None:
        found |= {names.INFERSPAN_MODEL_FORMAT: artifact.format, names.INFERSPAN_MODEL_SIZE: artifact.size}
    if model is not None:
        found |= {names.INFERSPAN_MODEL_NAME: model.name, names.INFERSPAN_MODEL_VERSION: model.version}
        found[names.INFERSPAN_MODEL_FORMAT] = model.format or found.get(names.INFERSPAN_MODEL_FORMAT)
    span.set_attributes({name: value for name, value in found.items() if value is not None})
    if load.model is not None:
        span.update_name(f"{OperationName.LOAD} {load.model.name}")
    if load.error_type is not None:
        exceptions.tell(span, load.error_type, load.failure, time=load.ended)


def _common(system: str) -> dict[str, str]:
    return {names.INFERSPAN_OPERATION_NAME: OperationName.LOAD, names.INFERSPAN_SYSTEM_NAME: system}
