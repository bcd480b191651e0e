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

import logging
from collections.abc import Callable
from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import get_current_span, set_span_in_context

from inferspan import config, entities, faults, loads, stages
from inferspan.artifact import Artifact
from inferspan.contexts import is_suppressed
from inferspan.identity import Model
from inferspan.lifecycle import ACTIVITY, NOTHING, Activity, Inference, Values
from inferspan.loads import Load
from inferspan.recording import batches, live, providers, skips, stalls
from inferspan.recording.labels import NONE
from inferspan.recording.labels import of as labels_of
from inferspan.recording.scope import Scope
from inferspan.recording.series import Endpoint, Series
from inferspan.semconv.attributes import OperationName, SelfSkipReason
from inferspan.stages import Stage

_GEN_AI = "gen_ai.operation.name"
#: Puts a value into a context, which itself refuses: one that was just made and that nobody has yet, copied once less.
_put = dict[str, object].__setitem__
_MAX_SERIES = 1024
_NO_PROVIDER, _DISABLED = SelfSkipReason.NO_PROVIDER, SelfSkipReason.DISABLED
_log = logging.getLogger("inferspan")


class Recorder:
    """Starts the inferences of one instrumentation scope."""

    __slots__ = ("_faults", "_listened_to", "_providers", "_scope", "_series", "_skips", "closed", "system")

    def __init__(self, scope: Scope, *, system: str) -> None:
        self._scope = scope
        self._series: dict[tuple[Any, ...], Series] = {}
        #: The global providers when the scope was last asked, and what it said: each call asks whether they changed.
        self._providers: tuple[Any, ...] = ()
        self._listened_to = False
        self.closed = False
        self.system = system
        self._faults = 0
        self._skips = skips.of(system)

    def ready(self) -> bool:
        """Returns whether inferences are recorded at all, and counts the call that asks as skipped where not.

        The first thing a patched call asks, once.
        """
        found = providers.current()
        if found != self._providers:
            self._listened_to = self._scope.ready()
            self._providers = found
        if config.in_force.enabled and not self.closed:
            if self._listened_to:
                return True
            reason = _NO_PROVIDER
        else:
            reason = _DISABLED
        try:  # written out, for this is what an instrumented call costs where nothing is recorded
            self._skips[reason] += 1
        except KeyError:
            skips.begin(self._skips, reason)
        return False

    def listened_to(self) -> bool:
        """Returns what `ready` does, and counts nothing: for what is no call of a model."""
        return self._scope.ready() and config.in_force.enabled and not self.closed

    def close(self) -> None:
        """Records nothing any more: patches that others have patched over cannot be taken out."""
        self.closed = True

    def skip(self, reason: str, system: str | None = None) -> None:
        """Counts a call that makes no span.

        Args:
            reason: one of ``semconv.attributes.SelfSkipReason``.
            system: the runtime or server, where the call knows better than the recorder.
        """
        skips.count(system or self.system, reason)

    def failed(self, component: str) -> None:
        """Ends the exception being handled, as `faults.caught`; after ``max_faults`` of them, records nothing more.

        Args:
            component: the part of inferspan that failed, as in ``inferspan.self.component``.
        """
        self._faults += 1
        if self._faults >= config.in_force.max_faults and not self.closed:
            self.close()
            _log.warning(
                "%s has failed %d times and switches itself off until the process starts again; the application is "
                "not affected",
                self._scope.name,
                self._faults,
            )
        faults.caught(component)

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
            if is_suppressed(context):
                return self.skip(SelfSkipReason.SUPPRESSED, system)
            if callable(model):
                model = model()
            system = system or self.system
            outer: Activity | None = None
            if context:
                outer = context.get(ACTIVITY)  # type: ignore[assignment]
                while outer is not None and not outer.active:
                    outer = outer.outer
                if outer is not None and outer.covers(system, model):
                    return self.skip(SelfSkipReason.NESTED, system)
                if _in_gen_ai(context):
                    return self.skip(SelfSkipReason.GEN_AI, system)
            series = self._series.get((model, system, operation, endpoint))
            if series is None:
                series = self._new_series(model, system, operation, endpoint)
            labels = labels_of(context) if context else NONE
            activity = Activity(system, model, outer)
            beginning = Inference(series, context, activity, labels, device, training)
            batch = beginning.batch = batches.of(context) if context and outer is None else None
            live.starting.append(id(beginning))
            try:
                if live.closed():
                    return self.skip(SelfSkipReason.EXITING, system)
                call = beginning
                call.note_start()
                creation = {**series.creation, **labels.attributes} if labels is not NONE else series.creation
                call.span = activity.span = self._scope.tracer.start_span(
                    series.span_name,
                    context,
                    series.kind,
                    creation,
                    links=None if batch is None else batch.links,
                    start_time=call.started,
                )
                live.calls[id(call)] = call
            finally:
                live.starting.remove(id(beginning))
            call.context = set_span_in_context(call.span, context)
            _put(call.context, ACTIVITY, activity)
            if inputs:
                call.try_inputs(inputs)
            if attach:
                call.attach()
            call.begin()
            stalls.watch()
        except BaseException as error:
            if call is not None:
                call.abandon()
            if not isinstance(error, Exception):  # an interrupt, while large inputs are profiled
                raise
            if not isinstance(error, RecursionError):  # the application's, which happens to meet its end here
                self.skip(SelfSkipReason.FAULT, system)
                self.failed("inference")
            return None
        return call

    def stage(self, name: str, *, model: str | None = None, nested: bool = True) -> Stage | None:
        """Starts a stage on this thread; the caller ends it with ``end()`` or ``end(error)``.

        Args:
            name: of low cardinality.
            model: the name of the model that it belongs to.
            nested: whether it is a stage of its own inside another, or a part of that.

        Returns:
            None where there is nothing to record.
        """
        return stages.start(self._scope, name, model=model, nested=nested) if self.listened_to() else None

    def profile(self, entity: str, data: Any) -> None:
        """Profiles data that belongs to no inference.

        Args:
            entity: the name of the data.
            data: a frame, an array, a dict of columns, a list of records.
        """
        if config.in_force.profile and self.listened_to() and not live.closed():
            entities.profile(self._scope, entity, data)

    def load(self, artifact: Callable[[], Artifact | None], *, certain: bool = True) -> Load:
        """Starts the load of a model on this thread; the caller ends it with ``succeed()`` or ``fail()``.

        Args:
            artifact: says what it is loaded from, for its version and digest; its faults caught.
            certain: whether it is a model that is loaded; where not, and it was none, the caller does not end it.

        Returns:
            What has to be told of the end, whether that is recorded or not.
        """
        load = Load(self.system)
        if not self.closed:
            try:
                load.artifact = artifact()
                context = context_api.get_current()
                if config.in_force.enabled and self._scope.ready() and not _is_part(context) and not live.closed():
                    load.begin(self._scope, context, certain=certain)
            except Exception:
                self.failed("load")
        return load

    def _new_series(self, model: Model, system: str, operation: str, endpoint: Endpoint | None) -> Series:
        if len(self._series) >= _MAX_SERIES:
            self._series.clear()
        series = Series(self._scope, system=system, operation=operation, model=model, endpoint=endpoint)
        series.failed = self.failed
        self._series[model, system, operation, endpoint] = series
        return series


def _is_part(context: Context) -> bool:
    """Returns whether a load in this context is part of something else, or nobody wants to see it."""
    if not context:
        return False
    activity: Any = context.get(ACTIVITY)
    while activity is not None and not activity.active:
        activity = activity.outer
    return activity is not None or loads.is_inside(context) or is_suppressed(context) or _in_gen_ai(context)


def _in_gen_ai(context: Context) -> bool:
    """Returns whether the current span is a generative-AI one: what it covers, its conventions describe."""
    attributes = getattr(get_current_span(context), "attributes", None)
    return attributes is not None and _GEN_AI in attributes
