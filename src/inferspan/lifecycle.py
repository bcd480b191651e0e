# SPDX-License-Identifier: Apache-2.0
"""The life of one inference, on the caller's thread, from its start by a `Recorder` to its one end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from random import getrandbits as _random
from threading import get_ident
from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.propagate import inject
from opentelemetry.trace import INVALID_SPAN, Span, format_span_id, format_trace_id

from inferspan import clock, config, contexts
from inferspan.generation import Generation
from inferspan.identity import Model
from inferspan.profiling import Capture, capture
from inferspan.profiling.budget import Allowance, budget
from inferspan.profiling.profilers import of_model
from inferspan.recording import crash, drops, exceptions, live, worker
from inferspan.recording.batches import Batch
from inferspan.recording.exceptions import Failure
from inferspan.recording.finish import finish
from inferspan.recording.labels import Labels
from inferspan.recording.series import Series
from inferspan.recording.spans import shape_attributes
from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import SelfDropReason, SystemName
from inferspan.values import Reading, batch_size, glimpses, shapes_of, stamp

#: Where a context has its `Activity`.
ACTIVITY = context_api.create_key("inferspan-activity")
_INTERRUPTED = "interrupted"
_BEYOND_BUDGET = "not profiled: the budget of CPU time is spent"
NOTHING: dict[str, Any] = {}
_NO_STAMPS: dict[str, int | None] = {}

#: Inputs or outputs by name, or a function that says them: called after the clock has stopped, its faults caught.
Values = Mapping[str, Any] | Callable[[], Mapping[str, Any]]


class Activity:
    """What a context says of the inference that it is in; it outlives the inference in copied contexts.

    A flag copied into a background task would stay true after the inference has ended; this object is told.
    """

    __slots__ = ("_id", "active", "model", "outer", "span", "system")

    def __init__(self, system: str, model: Model, outer: Activity | None) -> None:
        self.system = system
        self.model = model
        self.outer = outer
        self.active = True
        self.span: Span = INVALID_SPAN
        self._id: str | None = None

    @property
    def id(self) -> str:
        """The identifier of the inference: of its span, or random digits of the same form where there is none."""
        if self._id is None:
            span = self.span.get_span_context()
            # Without a tracer provider the API answers with the span of the caller that sent the request.
            own = span.is_valid and not span.is_remote
            trace_id, span_id = (span.trace_id, span.span_id) if own else (_random(128), _random(64))
            self._id = f"{format_trace_id(trace_id)}-{format_span_id(span_id)}"
        return self._id

    def covers(self, system: str, model: Model) -> bool:
        """Returns whether an inference starting now is part of this one, or of one around it.

        The same engine's calls are: a module's children, the steps of a generation. Another engine's model under a
        wrapper is a model of its own, and so is one that the application has named.
        """
        activity: Activity | None = self
        while activity is not None:
            if activity.active and activity.system == system:
                is_same = activity.model.name == model.name and activity.model.version == model.version
                if is_same or not (model.described or system == SystemName.OTHER):
                    return True
            activity = activity.outer
        return False


class Inference:
    """One inference in progress: made by `Recorder.start`, ended once by `succeed` or `fail`."""

    __slots__ = (
        "_activity",
        "_admitted",
        "_answered",
        "_attached",
        "_caller",
        "_excluded",
        "_monotonic",
        "_pending",
        "_slot",
        "_stamps",
        "_step",
        "_zero",
        "batch",
        "batch_size",
        "began",
        "cold",
        "context",
        "device",
        "duration",
        "ended",
        "error_type",
        "failure",
        "generation",
        "inputs",
        "labels",
        "late",
        "outputs",
        "series",
        "span",
        "started",
        "thread",
        "told",
        "training",
        "waits",
    )

    def __init__(
        self,
        series: Series,
        caller: Context,
        activity: Activity,
        labels: Labels,
        device: str | None,
        training: bool,
    ) -> None:
        self.series = series
        self.span: Span = INVALID_SPAN
        self.context: Context = caller
        self.inputs: Sequence[Capture] = ()
        self.outputs: Sequence[Capture] = ()
        self.late = False
        self.error_type: str | None = None
        self.failure: Failure | None = None
        self.generation: Generation | None = None
        self.device = device
        self.training = training
        self.labels = labels
        self.batch: Batch | None = None
        self.batch_size = 0
        self.waits: Sequence[tuple[int, Context]] = ()
        #: Whether the model is not warm: an adapter that sees it compiled during the call says so.
        self.cold = not series.warm
        self.thread = get_ident()
        self.told = False
        self._slot = -1
        self.started = self.began = self.ended = self.duration = 0
        self._admitted: bool | None = None
        self._caller = caller
        self._activity = activity
        self._attached: Any = None
        self._answered = False
        self._pending: Mapping[str, Any] | None = None
        self._stamps: dict[str, int | None] = _NO_STAMPS
        self._step: Context | None = None
        self._monotonic = self._zero = self._excluded = 0

    # -- data --------------------------------------------------------------------------------------------------

    @property
    def recording(self) -> bool:
        """Whether the span is sampled."""
        return self.span.is_recording()

    @property
    def admitted(self) -> bool | None:
        """Whether the budget allowed to profile its data; None where there were none, or nobody wants to know."""
        return self._admitted

    @property
    def is_part(self) -> bool:
        """Whether it runs inside another inference, whose duration has its own in it."""
        return self._activity.outer is not None

    @property
    def id(self) -> str:
        """The identifier of the inference, as ``inferspan.current_id()`` returns it."""
        return self._activity.id

    @property
    def inference(self) -> Inference:
        """Itself."""
        return self

    @property
    def since(self) -> int:
        """When it began, in nanoseconds of the monotonic clock."""
        return self._zero or self._monotonic

    def _admit(self) -> bool:
        """Returns whether data are to be profiled, which is decided once for inputs and outputs."""
        if self._admitted is None and config.in_force.profile:
            sampled = self.recording
            if sampled or self.series.scope.has_windows:
                self._admitted = budget.allows(sampled=sampled)
        return self._admitted is True

    def add_inputs(self, values: Values) -> None:
        """Profiles inputs now, within the budget; the time that takes is not part of the duration."""
        before = clock.monotonic()
        if callable(values):
            values = values()
        captured: Sequence[Capture] = ()
        if self._admit():
            captured = self._capture(values, budget.regular, inputs=True)
            self.inputs = [*self.inputs, *captured]
            shapes = [one.dimensions for one in captured]
        else:
            shapes = shapes_of(values)
            if config.in_force.profile:
                if self.recording:
                    self.inputs = [*self.inputs, *_unread(values)]
                self._keep_for_a_failure(values)
        if not self.batch_size:
            self.batch_size = batch_size(shapes, axis=self.series.model.batch_axis)
        crash.update(self._slot, self)
        elapsed = clock.monotonic() - before
        self._excluded += elapsed
        if captured:
            budget.charge_for_small(budget.regular, elapsed, len(captured))

    def _capture(self, values: Mapping[str, Any], allowance: Allowance, *, inputs: bool) -> list[Capture]:
        model, settings = self.series.model, config.in_force
        return capture(
            values,
            features=model.features,
            table=model.table,
            inputs=inputs,
            max_elements=settings.profile_max_elements,
            token_ids=settings.profile_token_ids,
            allowance=allowance,
            profilers=of_model(model.name),
        )

    def _keep_for_a_failure(self, values: Mapping[str, Any]) -> None:
        """Keeps inputs to be looked at only if the call fails, and only if its values are still those that went in."""
        # A copy: the mapping can be the application's own, which the call may change.
        values = dict(values)
        self._pending = {**self._pending, **values} if self._pending else values
        self._stamps = {**self._stamps, **{name: stamp(value) for name, value in values.items()}}

    def try_inputs(self, values: Values) -> None:
        """Profiles inputs; a fault of ours costs the profile and not the span."""
        try:
            self.add_inputs(values)
        except Exception:
            self.series.failed("profile")

    def add_outputs(self, values: Values) -> None:
        """Profiles outputs now, within the budget; the time that takes is not part of the duration."""
        before = clock.monotonic()
        if self._admit():
            if callable(values):
                values = values()
            captured = self._capture(values, budget.regular, inputs=False)
            self.outputs = [*self.outputs, *captured]
            budget.charge_for_small(budget.regular, clock.monotonic() - before, len(captured))
        elif config.in_force.profile and self.recording:
            self.outputs = [*self.outputs, *_unread(values() if callable(values) else values)]
        self._excluded += clock.monotonic() - before

    def try_outputs(self, values: Values) -> None:
        """Profiles outputs before the inference ends; a fault of ours costs the profile and not the stream."""
        try:
            self.add_outputs(values)
        except Exception:
            self.series.failed("profile")

    def first_item(self, item: Any) -> None:
        """Profiles the first item of a stream as the output, and ignores the others."""
        if not self._answered:
            self._answered = True
            self.forget_inputs()
            self.try_outputs({"output": item})

    def forget_inputs(self) -> None:
        """Lets go of inputs kept for a later failure: for calls that go on after their caller was answered."""
        self._pending = None
        self._stamps = _NO_STAMPS

    def facts(self) -> dict[str, Any]:
        """Returns attributes that are known while it is in progress: which model, and what shapes its inputs have."""
        attributes: dict[str, Any] = {**self.series.creation, **self.labels.attributes}
        if self.device is not None:
            attributes[names.INFERSPAN_EXECUTION_DEVICE] = self.device
        pending = self._pending
        inputs = [(one.name, one.reading.type, one.reading.shape) for one in self.inputs]
        attributes.update(shape_attributes(inputs or (glimpses(pending) if pending else ())))
        return attributes

    # -- context -----------------------------------------------------------------------------------------------

    def attach(self) -> None:
        """Makes the span current on this thread, until the call ends."""
        self._attached = context_api.attach(self.context)

    def detach(self) -> None:
        """Makes the caller's context current again, wherever the call was attached."""
        token = self._attached
        if token is not None:
            self._attached = None
            contexts.detach(token)

    @contextmanager
    def current(self) -> Generator[None]:
        """Makes the span current for one step of a body that yields in between.

        What the body itself has attached in one step is attached again in the next.
        """
        token = context_api.attach(self.context if self._step is None else self._step)
        try:
            yield
        finally:
            self._step = context_api.get_current()
            contexts.detach(token)

    @contextmanager
    def caller(self) -> Generator[None]:
        """Makes the context current that the call was started in, for the application's callbacks."""
        token = context_api.attach(self._caller)
        try:
            yield
        finally:
            contexts.detach(token)

    def headers(self, existing: Mapping[str, str] = NOTHING) -> dict[str, str]:
        """Returns a copy of headers or metadata with the trace context added, for the server to go on from."""
        carrier = dict(existing)
        inject(carrier, self.context)
        return carrier

    # -- end ---------------------------------------------------------------------------------------------------

    def note_start(self) -> None:
        """Notes both clocks at one moment: what one of them measures, the other places in time."""
        self._monotonic = clock.monotonic()
        self.started = clock.wall()

    def begin(self) -> None:
        """Starts the clock: what came before, profiling inputs above all, is no part of the duration."""
        self._slot = crash.begin(self)
        now = clock.monotonic()
        self.began = self.started + now - self._monotonic
        self._zero = now
        self._excluded = 0
        if self.batch is not None:
            self.waits = self.batch.executed_by(self.span, now)

    def succeed(self, outputs: Values = NOTHING, *, generation: Callable[[], Generation] | None = None) -> None:
        """Ends the inference.

        Args:
            outputs: what it returned, by name.
            generation: says what it has generated, if that is what it did.
        """
        now = clock.monotonic()
        try:
            if self._end(now):
                if self._pending is not None:
                    self.forget_inputs()
                try:
                    if outputs:
                        self.add_outputs(outputs)
                    if generation is not None:
                        self.generation = generation()
                finally:
                    worker.hand_over(self)
        except Exception:
            self.series.failed("inference")

    def fail(self, error: BaseException) -> None:
        """Ends the inference with what it raised.

        ``GeneratorExit`` is no error: whoever consumed a stream has stopped. A cancellation is one, without stack.
        """
        now = clock.monotonic()
        try:
            if self._end(now):
                failure = None
                try:
                    if not isinstance(error, GeneratorExit):
                        self.error_type = exceptions.name_of(error)
                        if isinstance(error, Exception):
                            failure = exceptions.capture(error, detail=config.in_force.exception_detail)
                finally:
                    self._fail(failure)
        except Exception:
            self.series.failed("inference")

    def fail_as(self, error_type: str, message: str) -> None:
        """Ends the inference with an error that came as text instead of as an exception."""
        now = clock.monotonic()
        try:
            if self._end(now):
                self.error_type = error_type
                self._fail(exceptions.from_text(error_type, message))
        except Exception:
            self.series.failed("inference")

    def interrupt(self) -> None:
        """Ends the inference because the process exits while it is in progress."""
        if live.take(self):
            self._stop(clock.monotonic())
            self.forget_inputs()
            self.error_type = _INTERRUPTED
            worker.hand_over(self)

    def disown(self) -> None:
        """Forgets the inference in a forked child: it is the parent's to end, and covers nothing done there."""
        self._activity.active = False
        self.forget_inputs()

    def abandon(self) -> None:
        """Ends the span and nothing else, after a fault of ours at the start: no inference was observed."""
        self.detach()
        live.calls.pop(id(self), None)
        crash.end(self._slot)
        self._activity.active = False
        self.span.end()

    def _end(self, now: int) -> bool:
        """Detaches, and returns whether this call is still to be ended: not in a forked child, and only once."""
        self.detach()
        if not live.take(self):
            return False
        self._stop(now)
        self.series.warm = True
        return True

    def _stop(self, now: int) -> None:
        crash.end(self._slot)
        self._activity.active = False
        self.duration = now - self._zero - self._excluded
        self.ended = self.started + now - self._monotonic

    def _fail(self, failure: Failure | None) -> None:
        self.failure = failure
        try:
            if failure is not None:
                self._profile_late()
        finally:
            self.forget_inputs()
            worker.hand_over(self)

    def _profile_late(self) -> None:
        values = self._pending
        if values is None or not budget.findings.affords(0):
            return
        unchanged = {name: value for name, value in values.items() if stamp(value) == self._stamps[name]}
        self.late = True
        before = clock.monotonic()
        captured = self._capture(unchanged, budget.findings, inputs=True)
        budget.charge_for_small(budget.findings, clock.monotonic() - before, len(captured))
        changed = [Capture.without_values(name, "changed by the call") for name in values if name not in unchanged]
        self.inputs = [*captured, *changed]

    # -- on the worker -----------------------------------------------------------------------------------------

    def complete(self) -> None:
        """Finishes metrics, span and events; on the worker's thread unless the queue is full."""
        finish(self)

    def drop_profile(self) -> None:
        """Forgets the data profile because the queue is full, and counts that."""
        if self.inputs or self.outputs:
            self.inputs = self.outputs = ()
            drops.count(SelfDropReason.QUEUE_FULL)


def _unread(values: Mapping[str, Any]) -> list[Capture]:
    """Describes values by type and shape, which is all that the budget leaves."""
    return [Capture(name, Reading(kind, shape, note=_BEYOND_BUDGET)) for name, kind, shape in glimpses(values)]
