# SPDX-License-Identifier: Apache-2.0
# Generated from src/inferspan/config.py by `python semconv/generate.py`; do not edit.
"""Names of the environment variables.

`opentelemetry-instrument` makes a command-line flag of each. It loads this module for every program that it
starts, so there are only strings here, and nothing is imported.
"""

OTEL_PYTHON_INFERSPAN_ENABLED = "OTEL_PYTHON_INFERSPAN_ENABLED"
"""Whether inferences are recorded. Off, a patched call costs one look at this setting."""
OTEL_PYTHON_INFERSPAN_DEFER = "OTEL_PYTHON_INFERSPAN_DEFER"
"""Whether a worker thread finishes spans and metrics. Off, they are finished on the calling thread before
the call returns, for span processors that flush when the local root span ends.
"""
OTEL_PYTHON_INFERSPAN_QUEUE_SIZE = "OTEL_PYTHON_INFERSPAN_QUEUE_SIZE"
"""Finished inferences that may wait for the worker. Beyond it the caller finishes its own, and that
inference's data profile is dropped and counted.
"""
OTEL_PYTHON_INFERSPAN_PROFILE = "OTEL_PYTHON_INFERSPAN_PROFILE"
"""Whether the inputs and outputs of sampled inferences are profiled. Off, spans do not describe data."""
OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET = "OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET"
"""CPU time that profiling may take, as a share of the time that inferences take, or a thousandth of one
processor where that is more; what failed calls and findings need may take as much again. Beyond it
inferences are not profiled, which is counted and said on the span. inf for no bound.
"""
OTEL_PYTHON_INFERSPAN_PROFILE_KERNEL = "OTEL_PYTHON_INFERSPAN_PROFILE_KERNEL"
"""What computes data profiles: auto (the native kernel where it is installed, else numpy), native or numpy.
Both give the same results; numpy takes longer. It is read at the first profile of a process.
"""
OTEL_PYTHON_INFERSPAN_PROFILE_MIN_COUNT = "OTEL_PYTHON_INFERSPAN_PROFILE_MIN_COUNT"
"""Fewest values that a statistic on a span may summarise; below it only counts are shown. Lower values
reveal data: at 1, the minimum of a single value is that value.
"""
OTEL_PYTHON_INFERSPAN_PROFILE_MAX_ELEMENTS = "OTEL_PYTHON_INFERSPAN_PROFILE_MAX_ELEMENTS"
"""Largest array, in elements, that is profiled in full; a larger one is profiled from a sample, and says
so.
"""
OTEL_PYTHON_INFERSPAN_PROFILE_TOKEN_IDS = "OTEL_PYTHON_INFERSPAN_PROFILE_TOKEN_IDS"
"""Whether token ids (whole numbers named input_ids, decoder_input_ids, sequences or the like) are profiled.
Off, their type and shape are shown: statistics of ids mean nothing, and can reveal words of a text.
"""
OTEL_PYTHON_INFERSPAN_PROFILE_TEXT = "OTEL_PYTHON_INFERSPAN_PROFILE_TEXT"
"""Whether text is profiled: which values are how frequent, at most 64 characters of each. It reveals data:
those values leave the process as they are. Off, texts are counted, and those that are missing.
"""
OTEL_PYTHON_INFERSPAN_PROFILE_SPAN_BYTES = "OTEL_PYTHON_INFERSPAN_PROFILE_SPAN_BYTES"
"""Most bytes of data profile on one span. Beyond it the fields with most missing or infinite values stay,
and those cut are counted.
"""
OTEL_PYTHON_INFERSPAN_PROFILERS = "OTEL_PYTHON_INFERSPAN_PROFILERS"
"""Profilers that look at the fields that they say, separated by commas: embedding_norm, image_brightness,
text_length, and those that installed packages have under the entry point group inferspan_profilers.
inferspan.register_profiler() says of others, and of other fields: see docs/profilers.md.
"""
OTEL_PYTHON_INFERSPAN_WINDOW_INFERENCES = "OTEL_PYTHON_INFERSPAN_WINDOW_INFERENCES"
"""Inferences after which a window of data profiles is closed, 131072 at most: it is exported, and the next
one begins.
"""
OTEL_PYTHON_INFERSPAN_WINDOW_SECONDS = "OTEL_PYTHON_INFERSPAN_WINDOW_SECONDS"
"""Seconds after which a window is closed where it has had fewer inferences."""
OTEL_PYTHON_INFERSPAN_WINDOW_FIELDS = "OTEL_PYTHON_INFERSPAN_WINDOW_FIELDS"
"""Most fields (tensors, features and columns of all models) that windows keep; the values of others are not
accumulated, and counted as dropped. A field takes up to 4 KiB.
"""
OTEL_PYTHON_INFERSPAN_WINDOW_EVENTS = "OTEL_PYTHON_INFERSPAN_WINDOW_EVENTS"
"""Most inferspan.data.profile events for a closed window: one for each field, those with most missing or
infinite values first; the rest is counted.
"""
OTEL_PYTHON_INFERSPAN_FIELD_SERIES = "OTEL_PYTHON_INFERSPAN_FIELD_SERIES"
"""Most fields (tensors, features and columns of inputs and outputs together) that a model may have for each
to have counters of its own. Of a model with more, fields have them once they have had missing or infinite
values; the others are summed up as _OTHER.
"""
OTEL_PYTHON_INFERSPAN_FAULTY_FIELD_SERIES = "OTEL_PYTHON_INFERSPAN_FAULTY_FIELD_SERIES"
"""Fields of a model with more than field_series that may have counters of their own since they have had
missing or infinite values; later ones stay in _OTHER.
"""
OTEL_PYTHON_INFERSPAN_FIELD_DISTRIBUTIONS = "OTEL_PYTHON_INFERSPAN_FIELD_DISTRIBUTIONS"
"""Fields of the input, and as many of the output, of each model whose values leave as the metric
inferspan.field.distribution: the first ones.
"""
OTEL_PYTHON_INFERSPAN_DISTRIBUTION_FIELDS = "OTEL_PYTHON_INFERSPAN_DISTRIBUTION_FIELDS"
"""Further fields with that metric: names separated by commas, in which * stands for any characters. At most
100 fields of a model have it.
"""
OTEL_PYTHON_INFERSPAN_QUANTILE_FIELDS = "OTEL_PYTHON_INFERSPAN_QUANTILE_FIELDS"
"""Fields whose quantiles leave as the metric inferspan.field.quantile, likewise; for backends without
native histograms. At most 100 fields have it.
"""
OTEL_PYTHON_INFERSPAN_EXCEPTION_DETAIL = "OTEL_PYTHON_INFERSPAN_EXCEPTION_DETAIL"
"""What leaves of an exception: type; message (quoted literals, long numbers and identifiers elided: a plain
word without quotes cannot be told from a name, and stays); stacktrace (that, and the stack); full (the
message as raised: reveals whatever data it quotes).
"""
OTEL_PYTHON_INFERSPAN_MODELS = "OTEL_PYTHON_INFERSPAN_MODELS"
"""Names for models whose code cannot be changed: found=name or found=name:version, separated by commas,
where found is the name that inferspan found by itself.
"""
OTEL_PYTHON_INFERSPAN_MODELS_FILE = "OTEL_PYTHON_INFERSPAN_MODELS_FILE"
"""Path of a JSON file that says of models, by the names that inferspan found or by path, what the code
cannot be changed to say: see docs/identity.md. What describe() or OTEL_PYTHON_INFERSPAN_MODELS says comes
first.
"""
OTEL_PYTHON_INFERSPAN_MODEL_INFO_DIGESTS = "OTEL_PYTHON_INFERSPAN_MODEL_INFO_DIGESTS"
"""Whether the digests of artifact and configuration are attributes of the metric inferspan.model.info as
well. They are on spans and events in any case.
"""
OTEL_PYTHON_INFERSPAN_MAX_MODELS = "OTEL_PYTHON_INFERSPAN_MAX_MODELS"
"""Models, and entities, with metric series of their own; later ones are reported as _OTHER, and counted."""
OTEL_PYTHON_INFERSPAN_LABELS = "OTEL_PYTHON_INFERSPAN_LABELS"
"""Keys that inferspan.labels() may use, separated by commas. Each is an attribute of spans and metrics, and
multiplies the series of a model by the number of its values.
"""
OTEL_PYTHON_INFERSPAN_MAX_LABEL_VALUES = "OTEL_PYTHON_INFERSPAN_MAX_LABEL_VALUES"
"""Values of a label's key; later ones are reported as _OTHER, and counted."""
OTEL_PYTHON_INFERSPAN_MAX_LINKS = "OTEL_PYTHON_INFERSPAN_MAX_LINKS"
"""Most links from the span of a batch to the requests that it serves; the rest is counted."""
OTEL_PYTHON_INFERSPAN_AUTOMATIC_STAGES = "OTEL_PYTHON_INFERSPAN_AUTOMATIC_STAGES"
"""Whether transforms of torchvision, torchaudio and kornia, and processors and tokenizers of transformers,
are stages. Those in the worker processes of a DataLoader never are.
"""
OTEL_PYTHON_INFERSPAN_STALL_SECONDS = "OTEL_PYTHON_INFERSPAN_STALL_SECONDS"
"""An inference in progress for longer gives an inferspan.inference.stalled event, with the stack of its
thread. 0 turns that off.
"""
OTEL_PYTHON_INFERSPAN_CRASH_FOLDER = "OTEL_PYTHON_INFERSPAN_CRASH_FOLDER"
"""Folder of small files in which each process notes the inferences in progress, so that the next start can
tell which of them a killed or crashed process was running. Costs some microseconds a call; off while empty.
"""
OTEL_PYTHON_INFERSPAN_ANOMALY_EVENTS_PER_MINUTE = "OTEL_PYTHON_INFERSPAN_ANOMALY_EVENTS_PER_MINUTE"
"""Most inferspan.inference.anomaly events a minute, for failing inferences whose span is not recorded."""
OTEL_PYTHON_INFERSPAN_MAX_FAULTS = "OTEL_PYTHON_INFERSPAN_MAX_FAULTS"
"""Faults of one instrumentor after which it switches itself off, with one warning; the application is not
affected by any of them.
"""
OTEL_PYTHON_INFERSPAN_WARN_AFTER_SECONDS = "OTEL_PYTHON_INFERSPAN_WARN_AFTER_SECONDS"
"""Seconds after the first call that made no span, at which one warning says why, where no call has made
one. 0 for no warning.
"""
