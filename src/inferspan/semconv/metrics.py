# SPDX-License-Identifier: Apache-2.0
# Generated from semconv/model by `python semconv/generate.py`; do not edit.
"""Names of metrics, and their instruments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.metrics import (
        CallbackT,
        Counter,
        Histogram,
        Meter,
        ObservableCounter,
        ObservableGauge,
        ObservableUpDownCounter,
    )

INFERSPAN_CLIENT_INFERENCE_DURATION: Final = "inferspan.client.inference.duration"
"""The duration of requests to model servers, as the client saw them.

Recorded for every request, sampled or not; its count is the number of requests, and `error.type` tells the
failed ones.

Instrument: histogram
Unit: s
"""
INFERSPAN_FIELD_DISTRIBUTION: Final = "inferspan.field.distribution"
"""The distribution of the finite values of a field.

An exponential histogram that inferspan has made itself, so it has negative values too. Its unit is the
field's own. By default of the first fields of a model only; a setting names others. Where the reader of
metrics cannot carry it, the event `inferspan.data.profile` has the quantiles.

Instrument: histogram, exponential
Unit: 1
"""
INFERSPAN_FIELD_DRIFT_SCORE: Final = "inferspan.field.drift.score"
"""Reserved, not emitted yet. How far a field's last window is from its reference.

Instrument: gauge, observable
Unit: 1
"""
INFERSPAN_FIELD_INFINITE: Final = "inferspan.field.infinite"
"""The number of values of a field that were infinite, of either sign.

Fields are told apart as on `inferspan.field.values`. A field has no series until it had an infinite value.
Of a model with few fields, the first such field is told apart; `_OTHER`, without a direction, is the sum of
all others.

Instrument: counter, observable
Unit: {value}
"""
INFERSPAN_FIELD_MISSING: Final = "inferspan.field.missing"
"""The number of values of a field that were missing (NaN or none).

Fields are told apart as on `inferspan.field.values`. A type that cannot be missing has no series until it
was.

Instrument: counter, observable
Unit: {value}
"""
INFERSPAN_FIELD_QUANTILE: Final = "inferspan.field.quantile"
"""A quantile of the finite values of a field in its last closed window.

Of the fields that a setting names. Quantiles of several processes cannot be merged: where the backend has
native histograms, `inferspan.field.distribution` is the better choice.

Instrument: gauge, observable
Unit: 1
"""
INFERSPAN_FIELD_VALUES: Final = "inferspan.field.values"
"""The number of values of a field that were profiled, missing and infinite ones included.

Of a model with more fields than the configured limit, those that have had missing or infinite values are
told apart, up to a limit; `_OTHER` is the sum of all others, and with it of what a field had before it was
told apart.

Instrument: counter, observable
Unit: {value}
"""
INFERSPAN_GENERATION_TIME_PER_OUTPUT_TOKEN: Final = "inferspan.generation.time_per_output_token"
"""The mean time for each token of a generation after the first.

Instrument: histogram
Unit: s
"""
INFERSPAN_GENERATION_TIME_TO_FIRST_TOKEN: Final = "inferspan.generation.time_to_first_token"
"""The time until a generation has its first token.

Instrument: histogram
Unit: s
"""
INFERSPAN_GENERATION_TOKENS: Final = "inferspan.generation.tokens"
"""The number of tokens that generations were given and have generated.

Instrument: counter
Unit: {token}
"""
INFERSPAN_INFERENCE_ACTIVE: Final = "inferspan.inference.active"
"""The number of inferences in progress, in this process or at a server that it called.

Instrument: updowncounter, observable
Unit: {inference}
"""
INFERSPAN_INFERENCE_BATCH_SIZE: Final = "inferspan.inference.batch.size"
"""The number of samples in an inference.

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
INFERSPAN_INFERENCE_OLDEST_AGE: Final = "inferspan.inference.oldest.age"
"""The age of the oldest inference in progress.

0 while none is in progress. A call that never comes back is seen here before anything else.

Instrument: gauge, observable
Unit: s
"""
INFERSPAN_INFERENCE_QUEUE_DURATION: Final = "inferspan.inference.queue.duration"
"""The time that requests waited before a batch with them was executed.

Instrument: histogram
Unit: s
"""
INFERSPAN_MODEL_INFO: Final = "inferspan.model.info"
"""Always 1, for each model that this process has loaded or called.

To be joined with other metrics, to see which version runs where since when.

Instrument: gauge, observable
Unit: 1
"""
INFERSPAN_MODEL_LOAD_DURATION: Final = "inferspan.model.load.duration"
"""The time that it took to load a model and make it ready.

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
INFERSPAN_SELF_PROFILE_INFERENCE_TIME: Final = "inferspan.self.profile.inference_time"
"""The time of inferences that the budget of data profiles is a share of.

The share used is `inferspan.self.profile.time` divided by this.

Instrument: counter, observable
Unit: s
"""
INFERSPAN_SELF_PROFILE_INFERENCES: Final = "inferspan.self.profile.inferences"
"""The number of inferences, by how much of their data was looked at.

Nothing is claimed of the data of inferences with the coverage `none`.

Instrument: counter, observable
Unit: {inference}
"""
INFERSPAN_SELF_PROFILE_KERNELS: Final = "inferspan.self.profile.kernels"
"""Always 1, once a data profile was computed, with the kernel that computes them.

All kernels give the same results; numpy takes several times as long, and is used where no other is
installed.

Instrument: gauge, observable
Unit: {kernel}
"""
INFERSPAN_SELF_PROFILE_TIME: Final = "inferspan.self.profile.time"
"""The processor time that inferspan has spent on data profiles.

Instrument: counter, observable
Unit: s
"""
INFERSPAN_SELF_SKIPPED: Final = "inferspan.self.skipped"
"""The number of calls of instrumented libraries that made no span, by reason.

Calls of modules inside a module are not counted, nor are those that a compiled model makes.

Instrument: counter, observable
Unit: {call}
"""
INFERSPAN_STAGE_DURATION: Final = "inferspan.stage.duration"
"""The duration of a step around the model, such as the preparation of its input.

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


def create_field_infinite(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableCounter:
    """The number of values of a field that were infinite, of either sign."""
    return meter.create_observable_counter(
        INFERSPAN_FIELD_INFINITE,
        callbacks=callbacks,
        unit="{value}",
        description="The number of values of a field that were infinite, of either sign.",
    )


def create_field_missing(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableCounter:
    """The number of values of a field that were missing (NaN or none)."""
    return meter.create_observable_counter(
        INFERSPAN_FIELD_MISSING,
        callbacks=callbacks,
        unit="{value}",
        description="The number of values of a field that were missing (NaN or none).",
    )


def create_field_quantile(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableGauge:
    """A quantile of the finite values of a field in its last closed window."""
    return meter.create_observable_gauge(
        INFERSPAN_FIELD_QUANTILE,
        callbacks=callbacks,
        unit="1",
        description="A quantile of the finite values of a field in its last closed window.",
    )


def create_field_values(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableCounter:
    """The number of values of a field that were profiled, missing and infinite ones included."""
    return meter.create_observable_counter(
        INFERSPAN_FIELD_VALUES,
        callbacks=callbacks,
        unit="{value}",
        description="The number of values of a field that were profiled, missing and infinite ones included.",
    )


def create_generation_time_per_output_token(meter: Meter) -> Histogram:
    """The mean time for each token of a generation after the first."""
    return meter.create_histogram(
        INFERSPAN_GENERATION_TIME_PER_OUTPUT_TOKEN,
        unit="s",
        description="The mean time for each token of a generation after the first.",
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


def create_generation_time_to_first_token(meter: Meter) -> Histogram:
    """The time until a generation has its first token."""
    return meter.create_histogram(
        INFERSPAN_GENERATION_TIME_TO_FIRST_TOKEN,
        unit="s",
        description="The time until a generation has its first token.",
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


def create_generation_tokens(meter: Meter) -> Counter:
    """The number of tokens that generations were given and have generated."""
    return meter.create_counter(
        INFERSPAN_GENERATION_TOKENS,
        unit="{token}",
        description="The number of tokens that generations were given and have generated.",
    )


def create_inference_active(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableUpDownCounter:
    """The number of inferences in progress, in this process or at a server that it called."""
    return meter.create_observable_up_down_counter(
        INFERSPAN_INFERENCE_ACTIVE,
        callbacks=callbacks,
        unit="{inference}",
        description="The number of inferences in progress, in this process or at a server that it called.",
    )


def create_inference_batch_size(meter: Meter) -> Histogram:
    """The number of samples in an inference."""
    return meter.create_histogram(
        INFERSPAN_INFERENCE_BATCH_SIZE,
        unit="{sample}",
        description="The number of samples in an inference.",
        explicit_bucket_boundaries_advisory=(1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0),
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


def create_inference_oldest_age(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableGauge:
    """The age of the oldest inference in progress."""
    return meter.create_observable_gauge(
        INFERSPAN_INFERENCE_OLDEST_AGE,
        callbacks=callbacks,
        unit="s",
        description="The age of the oldest inference in progress.",
    )


def create_inference_queue_duration(meter: Meter) -> Histogram:
    """The time that requests waited before a batch with them was executed."""
    return meter.create_histogram(
        INFERSPAN_INFERENCE_QUEUE_DURATION,
        unit="s",
        description="The time that requests waited before a batch with them was executed.",
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


def create_model_info(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableGauge:
    """Always 1, for each model that this process has loaded or called."""
    return meter.create_observable_gauge(
        INFERSPAN_MODEL_INFO,
        callbacks=callbacks,
        unit="1",
        description="Always 1, for each model that this process has loaded or called.",
    )


def create_model_load_duration(meter: Meter) -> Histogram:
    """The time that it took to load a model and make it ready."""
    return meter.create_histogram(
        INFERSPAN_MODEL_LOAD_DURATION,
        unit="s",
        description="The time that it took to load a model and make it ready.",
        explicit_bucket_boundaries_advisory=(
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
            120.0,
            300.0,
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


def create_self_profile_inference_time(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableCounter:
    """The time of inferences that the budget of data profiles is a share of."""
    return meter.create_observable_counter(
        INFERSPAN_SELF_PROFILE_INFERENCE_TIME,
        callbacks=callbacks,
        unit="s",
        description="The time of inferences that the budget of data profiles is a share of.",
    )


def create_self_profile_inferences(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableCounter:
    """The number of inferences, by how much of their data was looked at."""
    return meter.create_observable_counter(
        INFERSPAN_SELF_PROFILE_INFERENCES,
        callbacks=callbacks,
        unit="{inference}",
        description="The number of inferences, by how much of their data was looked at.",
    )


def create_self_profile_kernels(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableGauge:
    """Always 1, once a data profile was computed, with the kernel that computes them."""
    return meter.create_observable_gauge(
        INFERSPAN_SELF_PROFILE_KERNELS,
        callbacks=callbacks,
        unit="{kernel}",
        description="Always 1, once a data profile was computed, with the kernel that computes them.",
    )


def create_self_profile_time(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableCounter:
    """The processor time that inferspan has spent on data profiles."""
    return meter.create_observable_counter(
        INFERSPAN_SELF_PROFILE_TIME,
        callbacks=callbacks,
        unit="s",
        description="The processor time that inferspan has spent on data profiles.",
    )


def create_self_skipped(meter: Meter, *, callbacks: Sequence[CallbackT]) -> ObservableCounter:
    """The number of calls of instrumented libraries that made no span, by reason."""
    return meter.create_observable_counter(
        INFERSPAN_SELF_SKIPPED,
        callbacks=callbacks,
        unit="{call}",
        description="The number of calls of instrumented libraries that made no span, by reason.",
    )


def create_stage_duration(meter: Meter) -> Histogram:
    """The duration of a step around the model, such as the preparation of its input."""
    return meter.create_histogram(
        INFERSPAN_STAGE_DURATION,
        unit="s",
        description="The duration of a step around the model, such as the preparation of its input.",
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
