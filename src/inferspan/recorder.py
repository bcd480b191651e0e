# SPDX-License-Identifier: Apache-2.0
"""What starts the inferences of one instrumentation scope.

Adapters hold a `Recorder` and say::

    call = recorder.start(model, inputs={"x": x})
    if call is None:                      # nobody listens, or this is part of another inference
        return original(x)
    try:
        result = original(x)
    except BaseException as error:
        call.fail(error)
        raise
    call.succeed({"output": result})
    return result

They never touch a span, a metric or an attribute name. A body that may yield (a coroutine, a stream) is entered with
``attach=False`` and ``with call.current():`` around each step, so that nothing stays attached across a ``yield``; a
call that answers by a callback is ended there, and ``with call.caller():`` runs the application's callback in the
context that it was registered in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import get_current_span, set_span_in_context

from inferspan import config, faults
from inferspan.identity import Model
from inferspan.lifecycle import ACTIVITY, NOTHING, Activity, Inference, Values
from inferspan.recording import live, providers
from inferspan.recording.scope import Scope
from inferspan.recording.series import Endpoint, Series
from inferspan.semconv.attributes import OperationName

_SUPPRESSED = context_api._SUPPRESS_INSTRUMENTATION_KEY  # pyright: ignore[reportPrivateUsage]
_SUPPRESSED_BY_NAME = "suppress_instrumentation"
_GEN_AI = "gen_ai.operation.name"
#: Puts a value into a context, which itself refuses: one that was just made and that nobody has yet, copied once less.
_put = dict[str, object].__setitem__
_MAX_SERIES = 1024


class Recorder:
    """Starts the inferences of one instrumentation scope."""

    __slots__ = ("_listened_to", "_providers", "_scope", "_series", "closed", "system")

    def __init__(self, scope: Scope, *, system: str) -> None:
        self._scope = scope
        self._series: dict[tuple[Any, ...], Series] = {}
        #: The global providers when the scope was last asked, and what it said: each call asks whether they changed.
        self._providers: tuple[Any, ...] = ()
        self._listened_to = False
        self.closed = False
        self.system = system

    def ready(self) -> bool:
        """Returns whether inferences are recorded at all: the first thing a patched call asks."""
        found = providers.current()
        if found != self._providers:
            self._listened_to = self._scope.ready()
            self._providers = found
        return self._listened_to and config.in_force.enabled and not self.closed

    def close(self) -> None:
        """Records nothing any more: patches that others have patched over cannot be taken out."""
        self.closed = True

    def start(
        self,
        model: Model | Callable[[], Model],
        *,
        inputs: Values = NOTHING,
        operation: str = OperationName.INFER,
        system: str | None = None,
        endpoint: Endpoint | None = None,
        device: str | None = None,
        training: bool = False,
        attach: bool = True,
    ) -> Inference | None:
        """Starts an inference.

        Args:
            model: which model, or a function that finds out, its faults caught.
            inputs: what it is given, by name; profiled here, before the call can change them.
            operation: one of ``semconv.attributes.OperationName``.
            system: the runtime or server, where the call knows better than the recorder.
            endpoint: the server that runs the model: makes the span one of kind CLIENT.
            device: where it runs, where that is a property of the call.
            training: whether a torch module is in training mode.
            attach: make the span current on this thread until the end.

        Returns:
            None where there is nothing to record: nobody listens, instrumentation is suppressed, this is part of
            another inference, or inferspan failed. The caller then calls on as if we were not there.
        """
        call: Inference | None = None
        try:
            context = context_api.get_current()
            if context and (context.get(_SUPPRESSED) or context.get(_SUPPRESSED_BY_NAME)):
                return None
            if callable(model):
                model = model()
            system = system or self.system
            outer: Activity | None = None
            if context:
                outer = context.get(ACTIVITY)  # type: ignore[assignment]
                while outer is not None and not outer.active:
                    outer = outer.outer
                if outer is not None and outer.covers(system, model):
                    return None
                if _in_gen_ai(context):
                    return None
            series = self._series.get((model, system, operation, endpoint))
            if series is None:
                series = self._new_series(model, system, operation, endpoint)
            activity = Activity(system, model, outer)
            beginning = Inference(series, context, activity, device, training)
            live.starting.append(id(beginning))
            try:
                if live.closed():
                    return None
                call = beginning
                call.note_start()
                call.span = self._scope.tracer.start_span(
                    series.span_name, context, series.kind, series.creation, start_time=call.started
                )
                live.calls[id(call)] = call
            finally:
                live.starting.remove(id(beginning))
            call.context = set_span_in_context(call.span, context)
            _put(call.context, ACTIVITY, activity)
            if inputs and config.in_force.profile:
                call.try_inputs(inputs)
            if attach:
                call.attach()
            call.begin()
        except BaseException as error:
            if call is not None:
                call.abandon()
            if not isinstance(error, Exception):  # an interrupt, while large inputs are profiled
                raise
            if not isinstance(error, RecursionError):  # the application's, which happens to meet its end here
                faults.caught("inference")
            return None
        return call

    def _new_series(self, model: Model, system: str, operation: str, endpoint: Endpoint | None) -> Series:
        if len(self._series) >= _MAX_SERIES:
            self._series.clear()
        series = Series(self._scope, system=system, operation=operation, model=model, endpoint=endpoint)
        self._series[model, system, operation, endpoint] = series
        return series


def _in_gen_ai(context: Context) -> bool:
    """Returns whether the current span is a generative-AI one: what it covers, its conventions describe."""
    attributes = getattr(get_current_span(context), "attributes", None)
    return attributes is not None and _GEN_AI in attributes
