# SPDX-License-Identifier: Apache-2.0
"""The load of a model, on the loading thread: a span and a duration of its own, and the origin of the model.

Adapters say, whether somebody listens or not::

    load = recorder.load(lambda: Artifact.of(path, format="onnx"))
    try:
        session = original(path)
    except BaseException as error:
        load.fail(error)
        raise
    load.succeed(session, lambda: identity_of(session))

A load is no inference: it is in none of their metrics, and has no data. What it loads inside itself is part of it, and
it is itself part of an inference that it happens in. An inference inside it, to warm up, is one of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, set_span_in_context

from inferspan import clock, config, contexts, faults, identity
from inferspan.artifact import Artifact
from inferspan.identity import Model
from inferspan.recording import exceptions, live, loads, worker
from inferspan.recording.exceptions import Failure
from inferspan.recording.scope import Scope

_LOAD = context_api.create_key("inferspan-load")
_INTERRUPTED = "interrupted"


class Load:
    """One load in progress: made by `Recorder.load`, ended once by `succeed` or `fail`."""

    __slots__ = (
        "_certain",
        "_monotonic",
        "_token",
        "active",
        "artifact",
        "context",
        "duration",
        "ended",
        "error_type",
        "failure",
        "model",
        "scope",
        "span",
        "started",
        "system",
    )

    #: A load is no inference in progress: the gauges of those leave it out.
    inference = None

    def __init__(self, system: str) -> None:
        self.system = system
        self.artifact: Artifact | None = None
        #: Where it is recorded; None where it is not.
        self.scope: Scope | None = None
        self.context: Context = Context()
        self.span: Span = INVALID_SPAN
        self.model: Model | None = None
        self.error_type: str | None = None
        self.failure: Failure | None = None
        self.started = self.ended = self.duration = 0
        #: Whether loads and spans in its context are part of it.
        self.active = False
        self._certain = True
        self._token: Any = None
        self._monotonic = 0

    def begin(self, scope: Scope, context: Context, *, certain: bool) -> None:
        """Starts the clock, and the span where it is certain that it is a model that is loaded.

        Where it is not, there is a span once `succeed` has been called, and none otherwise.
        """
        self.scope = scope
        self.context = context
        self._certain = certain
        self.started = clock.wall()
        if certain:
            self._open()
            self.active = True
            self._token = context_api.attach(context_api.set_value(_LOAD, self, self.context))
        self._monotonic = clock.monotonic()

    def succeed(self, loaded: object, model: Callable[[], Model]) -> None:
        """Ends the load.

        Args:
            loaded: what was loaded.
            model: says which model it is.
        """
        now = clock.monotonic()
        try:
            if self.artifact is not None:
                if self.artifact.is_fleeting:
                    self.artifact.digest()
                identity.note_artifact(loaded, self.artifact)
            if self.scope is not None and not self._certain:
                self._open()
            if self._end(now):
                try:
                    self.model = model()
                finally:
                    worker.hand_over(self)
        except Exception:
            faults.caught("load")

    def fail(self, error: BaseException) -> None:
        """Ends the load with what it raised."""
        now = clock.monotonic()
        try:
            if self._end(now):
                self.error_type = exceptions.name_of(error)
                try:
                    if isinstance(error, Exception):
                        self.failure = exceptions.capture(error, detail=config.in_force.exception_detail)
                finally:
                    worker.hand_over(self)
        except Exception:
            faults.caught("load")

    def interrupt(self) -> None:
        """Ends the load because the process exits while it is in progress."""
        if live.take(self):
            self._stop(clock.monotonic())
            self.error_type = _INTERRUPTED
            worker.hand_over(self)

    def disown(self) -> None:
        """Is the parent's to end, in a forked child."""
        self.active = False

    def _open(self) -> None:
        assert self.scope is not None
        self.span = loads.start(self.scope, self.system, self.context, self.started)
        self.context = set_span_in_context(self.span, self.context)
        live.calls[id(self)] = self

    def _end(self, now: int) -> bool:
        """Detaches, and returns whether there is something to be recorded."""
        if self._token is not None:
            contexts.detach(self._token)
            self._token = None
        if not live.take(self):
            return False
        self._stop(now)
        return True

    def _stop(self, now: int) -> None:
        self.active = False
        self.duration = now - self._monotonic
        self.ended = self.started + self.duration

    def complete(self) -> None:
        """Records the duration, and ends the span; on the worker's thread unless the queue is full."""
        loads.finish(self)

    def drop_profile(self) -> None:
        """Has none to forget."""


def is_inside(context: Context) -> bool:
    """Returns whether a load that starts in this context is part of another."""
    load: Any = context.get(_LOAD)
    return load is not None and load.active
