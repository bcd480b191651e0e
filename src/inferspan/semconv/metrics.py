# SPDX-License-Identifier: Apache-2.0
# Generated from semconv/model by `python semconv/generate.py`; do not edit.
"""Names of metrics, and their instruments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.metrics import CallbackT, Histogram, Meter, ObservableCounter, ObservableUpDownCounter

INFERSPAN_CLIENT_INFERENCE_DURATION: Final = "inferspan.client.inference.duration"
"""The duration of requests to model servers, as the client saw them.

Recorded for every request, sampled or not; its count is the number of requests, and `error.type` tells the
failed ones.

Instrument: histogram
Unit: s
"""
INFERSPAN_FIELD_DRIFT_SCORE: Final = "inferspan.field.drift.score"
"""Reserved, not emitted yet. How far a field's last window is from its reference.

Instrument: gauge, observable
Unit: 1
"""
INFERSPAN_INFERENCE_ACTIVE: Final = "inferspan.inference.active"
"""The number of inferences in progress, in this process or at a server that it called.

Instrument: updowncounter, observable
Unit: {inference}
"""
INFERSPAN_INFERENCE_BATCH_SIZE: Final = "inferspan.inference.batch.size"
"""Reserved, not emitted yet. The number of samples in an inference.

Its sum is the throughput in samples.

Instrument: histogram
Unit: {sample}
"""
INFERSPAN_INFERENCE_DEVICE_DURATION: Final = "inferspan.inference.device.duration"
"""Reserved, not emitted yet. The time that the device needed for an inference.

Measured with events on the device's own queue, without synchronising with it.

Instrument: histogram
Unit: s
"""
INFERSPAN_INFERENCE_DURATION: Final = "inferspan.inference.duration"
"""The duration of inferences by models in this process.

Recorded for every inference, sampled or not; its count is the number of inferences, and `error.type` tells
the failed ones. The boundaries start at 10 µs because a small ONNX model can answer in that time.

Instrument: histogram
Unit: s
"""
INFERSPAN_INFERENCE_QUEUE_DURATION: Final = "inferspan.inference.queue.duration"
"""Reserved, not emitted yet. The time that requests waited before a batch with them was executed.

Instrument: histogram
Unit: s
"""
INFERSPAN_MODEL_INFO: Final = "inferspan.model.info"
"""Reserved, not emitted yet. Always 1, for each model that this process has loaded or called.

To be joined with other metrics, to see which version runs where since when.

Instrument: gauge, observable
Unit: 1
"""
INFERSPAN_MODEL_LOAD_DURATION: Final = "inferspan.model.load.duration"
"""Reserved, not emitted yet. The time that it took to load a model and make it ready.

Instrument: histogram
Unit: s
"""
INFERSPAN_SELF_DROPPED: Final = "inferspan.self.dropped"
"""The number of items that inferspan dropped or coarsened to stay within its limits.

Spans and durations are never dropped; what an item is depends on `inferspan.self.drop.reason`.

Instrument: counter, observable
Unit: {item}
"""
INFERSPAN_SELF_FAULTS: Final = "inferspan.self.faults"
"""The number of faults of inferspan itself, none of which reached the application.

Anything above zero is a bug of inferspan, worth a report; the first fault of each kind is in the log.

Instrument: counter, observable
Unit: {fault}
"""
INFERSPAN_STAGE_DURATION: Final = "inferspan.stage.duration"
"""Reserved, not emitted yet. The duration of a step around the model, such as the preparation of its input.

Instrument: histogram
Unit: s
"""


def create_client_inference_duration(meter: Meter) -> Histogram:
    """The duration of requests to model servers, as the client saw them."""
    return meter.create_histogram(
        INFERSPAN_CLIENT_INFERENCE_DURATION,
        unit="s",
        description="The duration of requests to model servers, as the client saw them.",
        explicit_bucket_boundaries_advisory=(
            1e-05,
            2.5e-05,
            5e-05,
            0.0001,
            0.00025,
            0.0005,
            0.001,
            0.0025,
            0.005,
            0.01,
            0.025,
            0.05,
            0.1,
            0.25,
            0.5,
            1.0,
            2.5,
            5.0,
            10.0,
            30.0,
            60.0,
        ),
    )


def create_inference_active(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableUpDownCounter:
    """The number of inferences in progress, in this process or at a server that it called."""
    return meter.create_observable_up_down_counter(
        INFERSPAN_INFERENCE_ACTIVE,
        callbacks=callbacks,
        unit="{inference}",
        description="The number of inferences in progress, in this process or at a server that it called.",
    )


def create_inference_duration(meter: Meter) -> Histogram:
    """The duration of inferences by models in this process."""
    return meter.create_histogram(
        INFERSPAN_INFERENCE_DURATION,
        unit="s",
        description="The duration of inferences by models in this process.",
        explicit_bucket_boundaries_advisory=(
            1e-05,
            2.5e-05,
            5e-05,
            0.0001,
            0.00025,
            0.0005,
            0.001,
            0.0025,
            0.005,
            0.01,
            0.025,
            0.05,
            0.1,
            0.25,
            0.5,
            1.0,
            2.5,
            5.0,
            10.0,
            30.0,
            60.0,
        ),
    )


def create_self_dropped(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableCounter:
    """The number of items that inferspan dropped or coarsened to stay within its limits."""
    return meter.create_observable_counter(
        INFERSPAN_SELF_DROPPED,
        callbacks=callbacks,
        unit="{item}",
        description="The number of items that inferspan dropped or coarsened to stay within its limits.",
    )


def create_self_faults(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableCounter:
    """The number of faults of inferspan itself, none of which reached the application."""
    return meter.create_observable_counter(
        INFERSPAN_SELF_FAULTS,
        callbacks=callbacks,
        unit="{fault}",
        description="The number of faults of inferspan itself, none of which reached the application.",
    )
