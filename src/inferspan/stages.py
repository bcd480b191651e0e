# SPDX-License-Identifier: Apache-2.0
"""Steps around a model: the preparation of its input, what is done with its output.

A stage is a histogram always, and a child span where it is inside a trace that is sampled: a stage by itself would
make a trace of its own that says nothing.
"""

from __future__ import annotations

from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, Status, StatusCode, get_current_span, set_span_in_context

from inferspan import clock, contexts, faults
from inferspan.recording import drops, exceptions, labels, live, worker
from inferspan.recording.labels import Labels
from inferspan.recording.scope import Scope
from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import SelfDropReason
from inferspan.text import encodable

#: Where a context has the stage that it is in.
_STAGE = context_api.create_key("inferspan-stage")
_INTERRUPTED = "interrupted"
_OTHER = "_OTHER"
_MAX_NAMES = 100
_MAX_NAME = 64
_MAX_ERROR_TYPES = 32

#: Names that have series of their own, in the order met.
_names: set[str] = set()
_error_types: set[str] = set()


class Stage:
    """One step in progress: made by `start`, ended once by `end`."""

    __slots__ = (
        "_attributes",
        "_caller",
        "_context",
        "_ended",
        "_error_type",
        "_labels",
        "_monotonic",
        "_scope",
        "_span",
        "_started",
        "_token",
    )

    inference = None

    def __init__(self, scope: Scope, attributes: dict[str, str], context: Context) -> None:
        self._scope = scope
        self._attributes = attributes
        self._caller = self._context = context
        self._labels: Labels = labels.of(context)
        self._span: Span = INVALID_SPAN
        self._token: Any = None
        self._error_type: str | None = None
        self._monotonic = self._started = self._ended = 0

    def begin(self, name: str) -> None:
        """Starts the span, makes it current on this thread, and starts the clock."""
        self._started = clock.wall()
        if get_current_span(self._caller).get_span_context().is_valid:
            self._span = self._scope.tracer.start_span(
                name,
                self._caller,
                attributes={**self._attributes, **self._labels.attributes},
                start_time=self._started,
            )
            self._context = set_span_in_context(self._span, self._caller)
        self._context = context_api.set_value(_STAGE, self, self._context)
        self._token = context_api.attach(self._context)
        live.calls[id(self)] = self
        self._monotonic = clock.monotonic()

    def end(self, error: BaseException | None = None) -> None:
        """Ends the stage, with the error that left it."""
        now = clock.monotonic()
        try:
            if self._token is not None:
                contexts.detach(self._token)
                self._token = None
            if live.take(self):
                if error is not None and not isinstance(error, GeneratorExit):
                    self._error_type = exceptions.name_of(error)
                self._hand_over(now)
        except Exception:
            faults.caught("stages")

    def interrupt(self) -> None:
        """Ends the stage because the process exits while it is in progress."""
        if live.take(self):
            self._error_type = _INTERRUPTED
            self._hand_over(clock.monotonic())

    def disown(self) -> None:
        """Is the parent's to end, in a forked child."""

    def _hand_over(self, now: int) -> None:
        self._ended = now
        worker.hand_over(self)

    def complete(self) -> None:
        """Records the duration, and ends the span; on the worker's thread unless the queue is full."""
        duration = self._ended - self._monotonic
        try:
            attributes: dict[str, Any] = {**self._attributes, **self._labels.attributes}
            attributes[names.INFERSPAN_STAGE_NAME] = _bounded_name(attributes[names.INFERSPAN_STAGE_NAME])
            if self._error_type is not None:
                attributes[names.ERROR_TYPE] = _bounded_error_type(self._error_type)
            self._scope.stage_duration.record(duration / 1e9, attributes, self._context)
        except Exception:
            faults.caught("metrics")
        finally:
            if self._error_type is not None:
                self._span.set_attribute(names.ERROR_TYPE, self._error_type)
                self._span.set_status(Status(StatusCode.ERROR))
            self._span.end(end_time=self._started + duration)

    def drop_profile(self) -> None:
        """Has none."""


def start(scope: Scope, name: str, *, model: str | None = None, nested: bool = True) -> Stage | None:
    """Starts a stage on this thread; returns None where there is nothing to record.

    Args:
        scope: where its telemetry goes.
        name: of the stage, of low cardinality.
        model: the name of the model that it belongs to.
        nested: whether it is a stage of its own inside another, or a part of that.
    """
    try:
        context = context_api.get_current()
        if contexts.is_suppressed(context):
            return None
        if not nested and _is_in_progress(context.get(_STAGE)):
            return None
        attributes = {names.INFERSPAN_STAGE_NAME: encodable(name[:_MAX_NAME])}
        if model is not None:
            attributes[names.INFERSPAN_MODEL_NAME] = encodable(model[:_MAX_NAME])
        stage = Stage(scope, attributes, context)
        live.starting.append(id(stage))
        try:
            if live.closed():
                return None
            stage.begin(attributes[names.INFERSPAN_STAGE_NAME])
        finally:
            live.starting.remove(id(stage))
    except Exception:
        faults.caught("stages")
        return None
    return stage


def _is_in_progress(stage: object) -> bool:
    """Returns whether a stage that a context tells of has not ended: a copied context outlives it."""
    return isinstance(stage, Stage) and id(stage) in live.calls


def _bounded_name(name: str) -> str:
    if name in _names:
        return name
    if len(_names) >= _MAX_NAMES:
        drops.count(SelfDropReason.STAGE_LIMIT)
        return _OTHER
    _names.add(name)
    return name


def _bounded_error_type(name: str) -> str:
    if name not in _error_types:
        if len(_error_types) >= _MAX_ERROR_TYPES:
            return _OTHER
        _error_types.add(name)
    return name
