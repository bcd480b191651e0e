# SPDX-License-Identifier: Apache-2.0
"""Finishes an inference: its metrics, its span, its events. Each is tried, whatever became of the others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import Span

from inferspan import config, faults, windows
from inferspan.generation import Generation
from inferspan.profiling import Capture, FieldProfile, has_findings, prepare, summarise
from inferspan.profiling.budget import Stopwatch, budget
from inferspan.recording import drops, exceptions, generations, notices
from inferspan.recording.batches import Batch
from inferspan.recording.exceptions import Failure
from inferspan.recording.labels import Labels
from inferspan.recording.series import Series
from inferspan.recording.spans import profile_attributes
from inferspan.semconv import attributes as names
from inferspan.semconv import events
from inferspan.semconv.attributes import IoDirection, SelfDropReason, SelfProfileCoverage


class Finished(Protocol):
    """An inference that has ended; times in nanoseconds."""

    series: Series
    span: Span
    context: Context
    started: int
    began: int
    ended: int
    duration: int
    inputs: Sequence[Capture]
    outputs: Sequence[Capture]
    late: bool
    error_type: str | None
    failure: Failure | None
    generation: Generation | None
    device: str | None
    training: bool
    labels: Labels
    cold: bool
    batch_size: int
    batch: Batch | None
    waits: Sequence[tuple[int, Context]]

    @property
    def admitted(self) -> bool | None: ...

    @property
    def is_part(self) -> bool: ...


def finish(call: Finished) -> None:
    """Records metrics, completes and ends the span, emits events."""
    recording = False
    attributes: dict[str, Any] = {}
    if not call.is_part:
        budget.earn(call.duration)
    if call.admitted is not None:
        budget.cover(_coverage(call))
    try:
        try:
            call.series.record(
                call.duration,
                call.error_type,
                call.context,
                cold=call.cold,
                labels=call.labels,
                batch_size=call.batch_size,
            )
            if call.waits:
                call.series.record_waits(call.waits, labels=call.labels)
            if call.generation is not None:
                call.series.record_generation(call.generation, call.context)
        except Exception:
            faults.caught("metrics")
        try:
            call.series.served(call.device, call.context, call.began)
        except Exception:
            faults.caught("models")
        try:
            recording = call.span.is_recording()
            if recording:
                attributes = _attributes(call)
                _complete(call, attributes)
        except Exception:
            faults.caught("spans")
    finally:
        _end(call)
    if call.admitted:
        _add_to_windows(call)
    try:
        if call.failure is not None and exceptions.go_to("logs"):
            _emit_exception(call)
        if not recording and (call.failure is not None or _has_findings(call)):
            _emit_anomaly(call)
    except Exception:
        faults.caught("events")
    if not notices.heard:
        notices.recorded(call.series.creation, call.series.scope.destination)


def _end(call: Finished) -> None:
    try:
        if call.began != call.started:
            _begin(call.span, call.began)
        call.span.end(end_time=call.ended)
    except Exception:
        faults.caught("spans")


def _begin(span: Span, time_ns: int) -> None:
    """Moves a span's start to where the call began, past the profile of its inputs.

    Whether inputs are profiled depends on the sampler's answer, which comes with the span; the specification has no
    way to start it later. A span without this (private) attribute of the SDK keeps its earlier start.
    """
    if hasattr(span, "_start_time"):
        span._start_time = time_ns  # type: ignore[attr-defined]


def _attributes(call: Finished) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    try:
        if call.inputs or call.outputs:
            attributes = profile_attributes(_fields(call), max_bytes=config.in_force.profile_span_bytes)
    except Exception:  # without its profile, the span still says what failed
        faults.caught("profile")
    if call.late and call.inputs:
        attributes[names.INFERSPAN_INPUT_PROFILE_AFTER_CALL] = True
    attributes.update(call.series.details)
    if call.device is not None:
        attributes[names.INFERSPAN_EXECUTION_DEVICE] = call.device
    if call.batch_size:
        attributes[names.INFERSPAN_BATCH_SIZE] = call.batch_size
    if call.batch is not None:
        attributes.update(call.batch.attributes)
    if call.cold:
        attributes[names.INFERSPAN_COLD] = True
    if call.training:
        attributes[names.INFERSPAN_PYTORCH_TRAINING] = True
    if call.generation is not None:
        attributes.update(generations.attributes_of(call.generation))
    if call.error_type is not None:
        attributes[names.ERROR_TYPE] = call.error_type
    return attributes


def _fields(call: Finished) -> dict[str, list[FieldProfile]]:
    prepare(call.inputs)
    watch = Stopwatch()
    minimum = config.in_force.profile_min_count
    fields = {
        "input": summarise(call.inputs, min_count=minimum),
        "output": summarise(call.outputs, min_count=minimum),
    }
    budget.charge(budget.findings if call.late else budget.regular, watch.elapsed())
    return fields


def _add_to_windows(call: Finished) -> None:
    windows.prepare()
    watch = Stopwatch()
    profiles = call.series.scope.profiles
    profiles.add(call.series, IoDirection.INPUT, call.inputs)
    profiles.add(call.series, IoDirection.OUTPUT, call.outputs)
    budget.charge(budget.regular, watch.elapsed())


def _coverage(call: Finished) -> str:
    if not call.admitted:
        return SelfProfileCoverage.NONE
    is_sampled = any(one.sampled for one in call.inputs) or any(one.sampled for one in call.outputs)
    return SelfProfileCoverage.SAMPLE if is_sampled else SelfProfileCoverage.FULL


def _has_findings(call: Finished) -> bool:
    """Returns whether data that were profiled have missing or infinite values."""
    if not call.admitted:
        return False
    prepare(call.inputs)
    watch = Stopwatch()
    found = any(map(has_findings, call.inputs)) or any(map(has_findings, call.outputs))
    budget.charge(budget.regular, watch.elapsed())
    return found


def _complete(call: Finished, attributes: dict[str, Any]) -> None:
    span = call.span
    span.set_attributes(attributes)
    if call.error_type is not None:
        exceptions.tell(span, call.error_type, call.failure, time=call.ended)


def _emit_exception(call: Finished) -> None:
    assert call.failure is not None
    call.series.scope.logger.emit(
        event_name=events.INFERSPAN_INFERENCE_EXCEPTION,
        severity_number=SeverityNumber.ERROR,
        timestamp=call.ended,
        context=call.context,
        attributes={
            **call.series.creation,
            **call.labels.attributes,
            **exceptions.attributes_of(call.failure),
        },
    )


def _emit_anomaly(call: Finished) -> None:
    """Says of a failure, or of data that are not all there, what the span would have said, had it been sampled."""
    if not _allowance.take(config.in_force.anomaly_events_per_minute):
        drops.count(SelfDropReason.RATE_LIMITED)
        return
    exception = {} if call.failure is None else exceptions.attributes_of(call.failure)
    exception.pop(names.EXCEPTION_STACKTRACE, None)
    call.series.scope.logger.emit(
        event_name=events.INFERSPAN_INFERENCE_ANOMALY,
        severity_number=SeverityNumber.WARN,
        timestamp=call.ended,
        context=call.context,
        attributes={**call.series.creation, **call.labels.attributes, **_attributes(call), **exception},
    )


class _Allowance:
    """A token bucket that holds a minute's events; the gate of the worker guards it."""

    def __init__(self) -> None:
        self._tokens: float | None = None
        self._filled = 0.0

    def take(self, per_minute: int) -> bool:
        now = time.monotonic()
        tokens = float(per_minute) if self._tokens is None else self._tokens
        tokens = min(float(per_minute), tokens + (now - self._filled) * per_minute / 60)
        self._filled = now
        allowed = tokens >= 1.0
        self._tokens = tokens - 1.0 if allowed else tokens
        return allowed


_allowance = _Allowance()
