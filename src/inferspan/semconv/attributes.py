# SPDX-License-Identifier: Apache-2.0
# Generated from semconv/model by `python semconv/generate.py`; do not edit.
"""Names of attributes and their fixed values."""

from typing import Final, NamedTuple

INFERSPAN_ANOMALIES: Final = "inferspan.anomalies"
"""What is wrong with the data of this inference, in words, worst first.

At most 5 entries, `<field>:` and the finding, for the person who is on call. Meant to be read, not parsed:
the numbers are in the profile attributes.
"""
INFERSPAN_API_NAME: Final = "inferspan.api.name"
"""The protocol that the client spoke to the model server.

The transport (HTTP, gRPC) is on the span of the HTTP or RPC instrumentation below, with its own attributes.
"""
INFERSPAN_BATCH_OMITTED_LINK_COUNT: Final = "inferspan.batch.omitted_link.count"
"""The number of requests of a batch beyond the limit of links."""
INFERSPAN_BATCH_REQUEST_COUNT: Final = "inferspan.batch.request.count"
"""The number of requests that a batch serves.

The span of the batch has a link to each of them, up to a limit.
"""
INFERSPAN_BATCH_SIZE: Final = "inferspan.batch.size"
"""The number of samples in the inference.

The length of the first dimension of the first input that has two dimensions or more; 1 where there is no
such input. An application that knows better says so with `describe(batch_axis=)`.
"""
INFERSPAN_CACHE_HIT: Final = "inferspan.cache.hit"
"""Reserved, not emitted yet. Whether the model server answered from its response cache."""
INFERSPAN_COLD: Final = "inferspan.cold"
"""Whether the model was not warm, because it was called for the first time in the process, or was compiled
during the call.

Such calls pay for compilation, allocation and caches, and distort averages. The attribute is absent on all
others.
"""
INFERSPAN_DATA_QUALITY_RULE: Final = "inferspan.data_quality.rule"
"""Reserved, not emitted yet. The expectation that the data broke."""
INFERSPAN_DEPLOYMENT_NAME: Final = "inferspan.deployment.name"
"""The part of the endpoint that served the request.

For example the SageMaker production variant, the Vertex AI deployed model or the Azure Machine Learning
deployment.
"""
INFERSPAN_DRIFT_METHOD: Final = "inferspan.drift.method"
"""Reserved, not emitted yet. The measure by which a window of data was compared with its reference."""
INFERSPAN_DRIFT_REFERENCE_ID: Final = "inferspan.drift.reference.id"
"""Reserved, not emitted yet. The identifier of the reference with which the window was compared."""
INFERSPAN_DRIFT_SCORE: Final = "inferspan.drift.score"
"""Reserved, not emitted yet. How far a window of data is from its reference, by `inferspan.drift.method`."""
INFERSPAN_DRIFT_SCORE_MAX: Final = "inferspan.drift.score_max"
"""Reserved, not emitted yet. The largest drift score over the fields of a model."""
INFERSPAN_DRIFT_THRESHOLD: Final = "inferspan.drift.threshold"
"""Reserved, not emitted yet. The drift score above which the window counts as drifted.

Calibrated on windows of the reference itself, so it differs from field to field.
"""
INFERSPAN_ENDPOINT_NAME: Final = "inferspan.endpoint.name"
"""The name of the managed endpoint that received the request.

For example the SageMaker endpoint, the Vertex AI endpoint or the Azure Machine Learning online endpoint.
"""
INFERSPAN_ENTITY_NAME: Final = "inferspan.entity.name"
"""What data is called that is profiled where no model is called, such as the step of a pipeline that it
comes from.

Of low cardinality. As the application says it; there is no model name then, and no direction.
"""
INFERSPAN_EXECUTION_DEVICE: Final = "inferspan.execution.device"
"""The device on which the model ran, in the runtime's own notation.

Where a model is spread over several devices, the device of its first parameter or input.
"""
INFERSPAN_FIELD_NAME: Final = "inferspan.field.name"
"""The name of a tensor, feature or column.

For signals that describe one field. On metrics the number of fields of a model is limited; fields beyond
the limit are `_OTHER`.
"""
INFERSPAN_FIELD_PROFILE_CATEGORIES: Final = "inferspan.field.profile.categories"
"""The most frequent values of a field in a window, the most frequent one first.

Values of the data as they are. Of strings only where the application has asked for that; never one that was
seen fewer times than the setting `profile_min_count`.
"""
INFERSPAN_FIELD_PROFILE_CATEGORY_COUNTS: Final = "inferspan.field.profile.category_counts"
"""The number of occurrences of each of `inferspan.field.profile.categories`.

Where there were more distinct values than are kept, a lower bound.
"""
INFERSPAN_FIELD_PROFILE_COUNT: Final = "inferspan.field.profile.count"
"""The number of values of a field in a window.

All values, missing and infinite ones included.
"""
INFERSPAN_FIELD_PROFILE_CUSTOM: Final = "inferspan.field.profile.custom"
"""A figure of a profiler that the application has registered, the key being `<profiler>.<figure>`."""
INFERSPAN_FIELD_PROFILE_DISTINCT_COUNT: Final = "inferspan.field.profile.distinct_count"
"""An estimate of the number of distinct values of a field in a window.

Of fields whose values are categories, such as strings. Exact while there are few.
"""
INFERSPAN_FIELD_PROFILE_INFINITE_COUNT: Final = "inferspan.field.profile.infinite_count"
"""The number of infinite values, of either sign, of a field in a window."""
INFERSPAN_FIELD_PROFILE_INFINITE_RATIO: Final = "inferspan.field.profile.infinite_ratio"
"""The share of infinite values in all values of a field in a window."""
INFERSPAN_FIELD_PROFILE_MAXIMUM: Final = "inferspan.field.profile.maximum"
"""The largest finite value of a field in a window.

This is a value of the data as it is, so it can be somebody's personal data. It is withheld where there are
fewer finite values than the setting `profile_min_count`. Absent also where the statistic does not apply.
"""
INFERSPAN_FIELD_PROFILE_MEAN: Final = "inferspan.field.profile.mean"
"""The arithmetic mean of the finite values of a field in a window.

Withheld where there are fewer finite values than the setting `profile_min_count`. Absent also where the
statistic does not apply.
"""
INFERSPAN_FIELD_PROFILE_MINIMUM: Final = "inferspan.field.profile.minimum"
"""The smallest finite value of a field in a window.

This is a value of the data as it is, so it can be somebody's personal data. It is withheld where there are
fewer finite values than the setting `profile_min_count`. Absent also where the statistic does not apply.
"""
INFERSPAN_FIELD_PROFILE_MISSING_COUNT: Final = "inferspan.field.profile.missing_count"
"""The number of missing values (NaN or none) of a field in a window."""
INFERSPAN_FIELD_PROFILE_MISSING_RATIO: Final = "inferspan.field.profile.missing_ratio"
"""The share of missing values in all values of a field in a window."""
INFERSPAN_FIELD_PROFILE_QUANTILE_05: Final = "inferspan.field.profile.quantile_05"
"""The 5 % quantile of the finite values of a field in a window.

Within a bucket of an exponential histogram of at most 160 buckets for each sign. Withheld where there are
fewer finite values than the setting `profile_min_count`. Absent also where the statistic does not apply.
"""
INFERSPAN_FIELD_PROFILE_QUANTILE_50: Final = "inferspan.field.profile.quantile_50"
"""The median of the finite values of a field in a window.

Within a bucket of an exponential histogram of at most 160 buckets for each sign. Withheld where there are
fewer finite values than the setting `profile_min_count`. Absent also where the statistic does not apply.
"""
INFERSPAN_FIELD_PROFILE_QUANTILE_95: Final = "inferspan.field.profile.quantile_95"
"""The 95 % quantile of the finite values of a field in a window.

Within a bucket of an exponential histogram of at most 160 buckets for each sign. Withheld where there are
fewer finite values than the setting `profile_min_count`. Absent also where the statistic does not apply.
"""
INFERSPAN_FIELD_PROFILE_SAMPLED: Final = "inferspan.field.profile.sampled"
"""Whether the distribution of the values, and so the quantiles, is from a sample of them.

Absent where it is of all values. Counts, minimum, maximum, mean and standard deviation are of all values in
any case.
"""
INFERSPAN_FIELD_PROFILE_STANDARD_DEVIATION: Final = "inferspan.field.profile.standard_deviation"
"""The standard deviation of the finite values of a field in a window.

Of the population, that is, with the number of values as the divisor. Withheld as the mean is.
"""
INFERSPAN_FIELD_PROFILE_ZERO_COUNT: Final = "inferspan.field.profile.zero_count"
"""The number of values equal to zero of a field in a window."""
INFERSPAN_FIELD_TYPE: Final = "inferspan.field.type"
"""The element type of a field.

Named as in `inferspan.input.types`.
"""
INFERSPAN_GENERATION_INPUT_TOKENS: Final = "inferspan.generation.input_tokens"
"""The number of tokens that the model was given, of all sequences together, padding excluded where an
attention mask tells.
"""
INFERSPAN_GENERATION_OUTPUT_TOKENS: Final = "inferspan.generation.output_tokens"
"""The number of tokens that the model has generated, of all sequences together.

Padding after the end of a sequence is not counted where the padding token is known.
"""
INFERSPAN_GENERATION_TIME_PER_OUTPUT_TOKEN: Final = "inferspan.generation.time_per_output_token"
"""The mean time between the first token and the last one, for each token after the first, in seconds.

The tokens of one step, one for each sequence, count as one.
"""
INFERSPAN_GENERATION_TIME_TO_FIRST_TOKEN: Final = "inferspan.generation.time_to_first_token"
"""The time until the first token was generated, in seconds."""
INFERSPAN_GENERATION_TOKEN_TYPE: Final = "inferspan.generation.token.type"
"""Whether tokens went into the model or came out of it."""
INFERSPAN_INFERENCE_AGE: Final = "inferspan.inference.age"
"""For how long an inference that has not ended has been in progress, in seconds."""
INFERSPAN_INPUT_FIELD_COUNT: Final = "inferspan.input.field.count"
"""The number of fields (tensors, features or columns) of the input.

The number before anything was cut; the arrays hold fewer elements when
`inferspan.input.profile.omitted_field_count` is set.
"""
INFERSPAN_INPUT_NAMES: Final = "inferspan.input.names"
"""The names of the fields of the input.

The names that the model or the call uses (argument names, input names of the graph, column names, keys of a
mapping); a field without a name has its position (`0`, `1.scores`). A tensor whose columns are known by
name is followed by a field for each of them. Every other array of `inferspan.input.*`, except
`inferspan.input.profile.notes`, has one element for each name, in this order.
"""
INFERSPAN_INPUT_PROFILE_AFTER_CALL: Final = "inferspan.input.profile.after_call"
"""Whether the input was profiled after the call.

Input is profiled before the call, because a model may change it in place. Only when the call failed and was
not sampled, it is profiled afterwards, and this is `true`; unset otherwise.
"""
INFERSPAN_INPUT_PROFILE_COUNTS: Final = "inferspan.input.profile.counts"
"""The number of values of each field of the input.

All values, missing and infinite ones included. Where only a sample was read, the size of the sample;
`inferspan.input.profile.notes` says so.
"""
INFERSPAN_INPUT_PROFILE_INFINITE_COUNTS: Final = "inferspan.input.profile.infinite_counts"
"""The number of infinite values, of either sign, of each field of the input."""
INFERSPAN_INPUT_PROFILE_INFINITE_RATIO_MAX: Final = "inferspan.input.profile.infinite_ratio_max"
"""The largest share of infinite values, 0 to 1, over the fields of the input.

A scalar to search and alert by, since backends cannot search an array by position. Over all fields, the
ones cut from the arrays included.
"""
INFERSPAN_INPUT_PROFILE_INFINITE_RATIO_MAX_FIELD: Final = "inferspan.input.profile.infinite_ratio_max_field"
"""The field of the input that has the share of `inferspan.input.profile.infinite_ratio_max`.

Set only when that share is above zero. Of several fields with the same share, the first.
"""
INFERSPAN_INPUT_PROFILE_MAXIMUMS: Final = "inferspan.input.profile.maximums"
"""The largest finite value of each field of the input.

This is a value of the data as it is, so it can be somebody's personal data. It is withheld (null) for a
field with fewer finite values, and for a table with fewer rows, than the setting `profile_min_count`. Null
also where the statistic does not apply.
"""
INFERSPAN_INPUT_PROFILE_MEANS: Final = "inferspan.input.profile.means"
"""The arithmetic mean of the finite values of each field of the input.

Withheld (null) for a field with fewer finite values than the setting `profile_min_count`, because a
statistic of few values reveals them. Null also where the statistic does not apply.
"""
INFERSPAN_INPUT_PROFILE_MINIMUMS: Final = "inferspan.input.profile.minimums"
"""The smallest finite value of each field of the input.

This is a value of the data as it is, so it can be somebody's personal data. It is withheld (null) for a
field with fewer finite values, and for a table with fewer rows, than the setting `profile_min_count`. Null
also where the statistic does not apply.
"""
INFERSPAN_INPUT_PROFILE_MISSING_COUNTS: Final = "inferspan.input.profile.missing_counts"
"""The number of missing values (NaN or none) of each field of the input."""
INFERSPAN_INPUT_PROFILE_MISSING_RATIO_MAX: Final = "inferspan.input.profile.missing_ratio_max"
"""The largest share of missing values, 0 to 1, over the fields of the input.

A scalar to search and alert by, since backends cannot search an array by position. Over all fields, the
ones cut from the arrays included.
"""
INFERSPAN_INPUT_PROFILE_MISSING_RATIO_MAX_FIELD: Final = "inferspan.input.profile.missing_ratio_max_field"
"""The field of the input that has the share of `inferspan.input.profile.missing_ratio_max`.

Set only when that share is above zero. Of several fields with the same share, the first.
"""
INFERSPAN_INPUT_PROFILE_NOTES: Final = "inferspan.input.profile.notes"
"""What of the input was not profiled, or only from a sample, and why.

In words, `<field>:` and the reason. Never holds a value of the data.
"""
INFERSPAN_INPUT_PROFILE_OMITTED_FIELD_COUNT: Final = "inferspan.input.profile.omitted_field_count"
"""The number of fields of the input that were cut from the arrays.

The arrays of a span are kept within the setting `profile_span_bytes`; the most anomalous fields stay. Unset
when nothing was cut.
"""
INFERSPAN_INPUT_PROFILE_QUANTILES_05: Final = "inferspan.input.profile.quantiles_05"
"""The 5 % quantile of the finite values of each field of the input.

Taken from a bounded sample of the field's values. A quantile is at or between values of the data as they
are, so it can be somebody's personal data. It is withheld (null) for a field with fewer finite values, and
for a table with fewer rows, than the setting `profile_min_count`. Null also where the statistic does not
apply.
"""
INFERSPAN_INPUT_PROFILE_QUANTILES_50: Final = "inferspan.input.profile.quantiles_50"
"""The median (50 % quantile) of the finite values of each field of the input.

Taken from a bounded sample of the field's values. A quantile is at or between values of the data as they
are, so it can be somebody's personal data. It is withheld (null) for a field with fewer finite values, and
for a table with fewer rows, than the setting `profile_min_count`. Null also where the statistic does not
apply.
"""
INFERSPAN_INPUT_PROFILE_QUANTILES_95: Final = "inferspan.input.profile.quantiles_95"
"""The 95 % quantile of the finite values of each field of the input.

Taken from a bounded sample of the field's values. A quantile is at or between values of the data as they
are, so it can be somebody's personal data. It is withheld (null) for a field with fewer finite values, and
for a table with fewer rows, than the setting `profile_min_count`. Null also where the statistic does not
apply.
"""
INFERSPAN_INPUT_PROFILE_STANDARD_DEVIATIONS: Final = "inferspan.input.profile.standard_deviations"
"""The standard deviation of the finite values of each field of the input.

Withheld (null) for a field with fewer finite values than the setting `profile_min_count`, because a
statistic of few values reveals them. Null also where the statistic does not apply.
"""
INFERSPAN_INPUT_PROFILE_ZERO_COUNTS: Final = "inferspan.input.profile.zero_counts"
"""The number of values equal to zero of each field of the input."""
INFERSPAN_INPUT_SHAPES: Final = "inferspan.input.shapes"
"""The shapes of the fields of the input, dimensions joined by `x`.

A scalar has the empty string. A field whose shape is unknown has `?`.
"""
INFERSPAN_INPUT_TYPES: Final = "inferspan.input.types"
"""The element types of the fields of the input.

Names as NumPy has them where it has the type; otherwise the runtime's own name, or the name of the object's
class.
"""
INFERSPAN_IO_DIRECTION: Final = "inferspan.io.direction"
"""Whether a field belongs to the model's input or its output."""
INFERSPAN_LABEL: Final = "inferspan.label"
"""A label that the application has given to the inference, the key being the label's.

Keys are declared in the settings; values beyond the configured number for a key are `_OTHER`.
"""
INFERSPAN_MODEL_CONFIG_DIGEST: Final = "inferspan.model.config.digest"
"""The digest of the configuration with which the application runs the model."""
INFERSPAN_MODEL_DIGEST: Final = "inferspan.model.digest"
"""The digest of the model's artifact, as `<algorithm>:<hexadecimal digits>`.

`sha256` is of the whole artifact. `sampled-sha256` is of a sample of an artifact that is large or has
several files, as docs/identity.md says. Two models with the same name and version but different digests are
different models.
"""
INFERSPAN_MODEL_FORMAT: Final = "inferspan.model.format"
"""The format in which the model is stored."""
INFERSPAN_MODEL_NAME: Final = "inferspan.model.name"
"""The name of the model.

The name under which operators know the model, of low cardinality: what the application declared, what the
model server calls it, or what the model's own metadata, file or class says. Two models that would share a
name are told apart by a suffix from a digest. On metrics, models beyond the configured limit are reported
as `_OTHER`.
"""
INFERSPAN_MODEL_PREPROCESSING: Final = "inferspan.model.preprocessing"
"""What the application says about how inputs are prepared for the model, such as the version of that code."""
INFERSPAN_MODEL_PREVIOUS_CONFIG_DIGEST: Final = "inferspan.model.previous.config.digest"
"""The digest of the configuration before it changed."""
INFERSPAN_MODEL_PREVIOUS_PREPROCESSING: Final = "inferspan.model.previous.preprocessing"
"""What the application said about the preparation of inputs before it changed."""
INFERSPAN_MODEL_PREVIOUS_VERSION: Final = "inferspan.model.previous.version"
"""The version of the model before it changed."""
INFERSPAN_MODEL_SIZE: Final = "inferspan.model.size"
"""The size of the model's artifact, in bytes."""
INFERSPAN_MODEL_VERSION: Final = "inferspan.model.version"
"""The version of the model.

As declared, or as the server, the repository layout (`<name>/<version>/`) or the model's metadata tells. A
model without a version may have one derived from the digest of its artifact.
"""
INFERSPAN_ONNXRUNTIME_EXECUTION_PROVIDERS: Final = "inferspan.onnxruntime.execution_providers"
"""The execution providers of the ONNX Runtime session, in the order of their priority.

These are the providers that the session holds. A node for which the first provider has no kernel runs on a
later one, which is how a model meant for a GPU ends up on the CPU.
"""
INFERSPAN_ONNXRUNTIME_GRAPH_NAME: Final = "inferspan.onnxruntime.graph.name"
"""The name of the graph, from the metadata of the ONNX model."""
INFERSPAN_OPERATION_NAME: Final = "inferspan.operation.name"
"""The operation that the model performed."""
INFERSPAN_OUTPUT_FIELD_COUNT: Final = "inferspan.output.field.count"
"""The number of fields (tensors or columns) of the output.

The number before anything was cut; the arrays hold fewer elements when
`inferspan.output.profile.omitted_field_count` is set.
"""
INFERSPAN_OUTPUT_NAMES: Final = "inferspan.output.names"
"""The names of the fields of the output.

The names that the model or the call uses (output names of the graph, keys or attributes of the result,
column names); a field without a name has its position (`0`, `1.scores`). A tensor whose columns are known
by name is followed by a field for each of them. Every other array of `inferspan.output.*`, except
`inferspan.output.profile.notes`, has one element for each name, in this order.
"""
INFERSPAN_OUTPUT_PROFILE_COUNTS: Final = "inferspan.output.profile.counts"
"""The number of values of each field of the output.

All values, missing and infinite ones included. Where only a sample was read, the size of the sample;
`inferspan.output.profile.notes` says so.
"""
INFERSPAN_OUTPUT_PROFILE_INFINITE_COUNTS: Final = "inferspan.output.profile.infinite_counts"
"""The number of infinite values, of either sign, of each field of the output."""
INFERSPAN_OUTPUT_PROFILE_INFINITE_RATIO_MAX: Final = "inferspan.output.profile.infinite_ratio_max"
"""The largest share of infinite values, 0 to 1, over the fields of the output.

A scalar to search and alert by, since backends cannot search an array by position. Over all fields, the
ones cut from the arrays included.
"""
INFERSPAN_OUTPUT_PROFILE_INFINITE_RATIO_MAX_FIELD: Final = "inferspan.output.profile.infinite_ratio_max_field"
"""The field of the output that has the share of `inferspan.output.profile.infinite_ratio_max`.

Set only when that share is above zero. Of several fields with the same share, the first.
"""
INFERSPAN_OUTPUT_PROFILE_MAXIMUMS: Final = "inferspan.output.profile.maximums"
"""The largest finite value of each field of the output.

This is a value of the data as it is, so it can be somebody's personal data. It is withheld (null) for a
field with fewer finite values, and for a table with fewer rows, than the setting `profile_min_count`. Null
also where the statistic does not apply.
"""
INFERSPAN_OUTPUT_PROFILE_MEANS: Final = "inferspan.output.profile.means"
"""The arithmetic mean of the finite values of each field of the output.

Withheld (null) for a field with fewer finite values than the setting `profile_min_count`, because a
statistic of few values reveals them. Null also where the statistic does not apply.
"""
INFERSPAN_OUTPUT_PROFILE_MINIMUMS: Final = "inferspan.output.profile.minimums"
"""The smallest finite value of each field of the output.

This is a value of the data as it is, so it can be somebody's personal data. It is withheld (null) for a
field with fewer finite values, and for a table with fewer rows, than the setting `profile_min_count`. Null
also where the statistic does not apply.
"""
INFERSPAN_OUTPUT_PROFILE_MISSING_COUNTS: Final = "inferspan.output.profile.missing_counts"
"""The number of missing values (NaN or none) of each field of the output."""
INFERSPAN_OUTPUT_PROFILE_MISSING_RATIO_MAX: Final = "inferspan.output.profile.missing_ratio_max"
"""The largest share of missing values, 0 to 1, over the fields of the output.

A scalar to search and alert by, since backends cannot search an array by position. Over all fields, the
ones cut from the arrays included.
"""
INFERSPAN_OUTPUT_PROFILE_MISSING_RATIO_MAX_FIELD: Final = "inferspan.output.profile.missing_ratio_max_field"
"""The field of the output that has the share of `inferspan.output.profile.missing_ratio_max`.

Set only when that share is above zero. Of several fields with the same share, the first.
"""
INFERSPAN_OUTPUT_PROFILE_NOTES: Final = "inferspan.output.profile.notes"
"""What of the output was not profiled, or only from a sample, and why.

In words, `<field>:` and the reason. Never holds a value of the data.
"""
INFERSPAN_OUTPUT_PROFILE_OMITTED_FIELD_COUNT: Final = "inferspan.output.profile.omitted_field_count"
"""The number of fields of the output that were cut from the arrays.

The arrays of a span are kept within the setting `profile_span_bytes`; the most anomalous fields stay. Unset
when nothing was cut.
"""
INFERSPAN_OUTPUT_PROFILE_QUANTILES_05: Final = "inferspan.output.profile.quantiles_05"
"""The 5 % quantile of the finite values of each field of the output.

Taken from a bounded sample of the field's values. A quantile is at or between values of the data as they
are, so it can be somebody's personal data. It is withheld (null) for a field with fewer finite values, and
for a table with fewer rows, than the setting `profile_min_count`. Null also where the statistic does not
apply.
"""
INFERSPAN_OUTPUT_PROFILE_QUANTILES_50: Final = "inferspan.output.profile.quantiles_50"
"""The median (50 % quantile) of the finite values of each field of the output.

Taken from a bounded sample of the field's values. A quantile is at or between values of the data as they
are, so it can be somebody's personal data. It is withheld (null) for a field with fewer finite values, and
for a table with fewer rows, than the setting `profile_min_count`. Null also where the statistic does not
apply.
"""
INFERSPAN_OUTPUT_PROFILE_QUANTILES_95: Final = "inferspan.output.profile.quantiles_95"
"""The 95 % quantile of the finite values of each field of the output.

Taken from a bounded sample of the field's values. A quantile is at or between values of the data as they
are, so it can be somebody's personal data. It is withheld (null) for a field with fewer finite values, and
for a table with fewer rows, than the setting `profile_min_count`. Null also where the statistic does not
apply.
"""
INFERSPAN_OUTPUT_PROFILE_STANDARD_DEVIATIONS: Final = "inferspan.output.profile.standard_deviations"
"""The standard deviation of the finite values of each field of the output.

Withheld (null) for a field with fewer finite values than the setting `profile_min_count`, because a
statistic of few values reveals them. Null also where the statistic does not apply.
"""
INFERSPAN_OUTPUT_PROFILE_ZERO_COUNTS: Final = "inferspan.output.profile.zero_counts"
"""The number of values equal to zero of each field of the output."""
INFERSPAN_OUTPUT_SHAPES: Final = "inferspan.output.shapes"
"""The shapes of the fields of the output, dimensions joined by `x`.

A scalar has the empty string. A field whose shape is unknown has `?`.
"""
INFERSPAN_OUTPUT_TYPES: Final = "inferspan.output.types"
"""The element types of the fields of the output.

Names as NumPy has them where it has the type; otherwise the runtime's own name, or the name of the object's
class.
"""
INFERSPAN_PYTORCH_TRAINING: Final = "inferspan.pytorch.training"
"""Whether the module was in training mode during the inference.

`true` means Monte Carlo dropout or a forgotten call of `eval()`: dropout is active, and batch normalisation
uses (and updates) the statistics of the batch.
"""
INFERSPAN_QUANTILE: Final = "inferspan.quantile"
"""Which quantile it is, as the share of values that are not above it."""
INFERSPAN_REQUEST_ID: Final = "inferspan.request.id"
"""Reserved, not emitted yet. The identifier of the request, as the client or the model server assigned it."""
INFERSPAN_SELF_COMPONENT: Final = "inferspan.self.component"
"""The part of inferspan in which the fault was.

One of a small fixed set of names, for whoever reads a report of the fault.
"""
INFERSPAN_SELF_DROP_REASON: Final = "inferspan.self.drop.reason"
"""Why inferspan dropped or coarsened something."""
INFERSPAN_SELF_PROFILE_ALLOWANCE: Final = "inferspan.self.profile.allowance"
"""From which allowance the time of a data profile was taken."""
INFERSPAN_SELF_PROFILE_COVERAGE: Final = "inferspan.self.profile.coverage"
"""How much of an inference's data was looked at."""
INFERSPAN_SELF_PROFILE_KERNEL: Final = "inferspan.self.profile.kernel"
"""What computes data profiles, with the instruction set where that matters."""
INFERSPAN_SELF_SKIP_REASON: Final = "inferspan.self.skip.reason"
"""Why a call of an instrumented library made no span of its own."""
INFERSPAN_STAGE_NAME: Final = "inferspan.stage.name"
"""The name of a step around the model, such as the preparation of its input.

Of low cardinality. On metrics, names beyond a limit are `_OTHER`.
"""
INFERSPAN_SYSTEM_NAME: Final = "inferspan.system.name"
"""The runtime or model server that executes the model, as the instrumentation knows it.

On client spans it names the server as far as the client library or the protocol tells. Servers that speak
the same protocol cannot always be told apart: `inferspan.api.name` says which protocol was spoken.
"""
INFERSPAN_WINDOW_END: Final = "inferspan.window.end"
"""When a window was closed, in ISO 8601 format and in UTC."""
INFERSPAN_WINDOW_INFERENCE_COUNT: Final = "inferspan.window.inference.count"
"""The number of inferences whose data is in a window.

Of data that belongs to no inference, how often the application has given some.
"""
INFERSPAN_WINDOW_OMITTED_FIELD_COUNT: Final = "inferspan.window.omitted_field.count"
"""The number of fields of a window that no event tells of.

The fields with most missing or infinite values are told of first. Absent where none was omitted.
"""
INFERSPAN_WINDOW_START: Final = "inferspan.window.start"
"""When the first inference of a window began, in ISO 8601 format and in UTC."""
CODE_STACKTRACE: Final = "code.stacktrace"
"""Attribute `code.stacktrace` of the OpenTelemetry semantic conventions, with their meaning."""
ERROR_TYPE: Final = "error.type"
"""Attribute `error.type` of the OpenTelemetry semantic conventions, with their meaning."""
EXCEPTION_MESSAGE: Final = "exception.message"
"""Attribute `exception.message` of the OpenTelemetry semantic conventions, with their meaning."""
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
"""Attribute `exception.stacktrace` of the OpenTelemetry semantic conventions, with their meaning."""
EXCEPTION_TYPE: Final = "exception.type"
"""Attribute `exception.type` of the OpenTelemetry semantic conventions, with their meaning."""
PROCESS_PID: Final = "process.pid"
"""Attribute `process.pid` of the OpenTelemetry semantic conventions, with their meaning."""
SERVER_ADDRESS: Final = "server.address"
"""Attribute `server.address` of the OpenTelemetry semantic conventions, with their meaning."""
SERVER_PORT: Final = "server.port"
"""Attribute `server.port` of the OpenTelemetry semantic conventions, with their meaning."""
THREAD_ID: Final = "thread.id"
"""Attribute `thread.id` of the OpenTelemetry semantic conventions, with their meaning."""
THREAD_NAME: Final = "thread.name"
"""Attribute `thread.name` of the OpenTelemetry semantic conventions, with their meaning."""


class ApiName:
    """Values of `inferspan.api.name`."""

    OPEN_INFERENCE_V2: Final = "open_inference_v2"
    """The [Open Inference Protocol](https://github.com/kserve/open-inference-protocol), version 2, over
    HTTP or gRPC (Triton, KServe, MLServer, OpenVINO Model Server).
    """
    TENSORFLOW_SERVING: Final = "tensorflow_serving"
    """The predict, classify and regress calls of TensorFlow Serving, over REST or gRPC."""
    TORCHSERVE: Final = "torchserve"
    """The inference API of TorchServe."""
    SAGEMAKER_RUNTIME: Final = "sagemaker_runtime"
    """`InvokeEndpoint` and its variants of the SageMaker runtime."""
    VERTEX_PREDICTION: Final = "vertex_prediction"
    """The prediction service of Vertex AI."""
    AZUREML_SCORING: Final = "azureml_scoring"
    """The scoring route of an Azure Machine Learning online endpoint."""


class DataQualityRule:
    """Reserved, not emitted yet. Values of `inferspan.data_quality.rule`."""

    MISSING: Final = "missing"
    """More values are missing than expected."""
    RANGE: Final = "range"
    """A value is outside the expected range."""
    TYPE: Final = "type"
    """The element type is not the expected one."""
    SHAPE: Final = "shape"
    """The shape is not the expected one."""
    CATEGORY: Final = "category"
    """A category was not seen in the reference."""
    NON_FINITE: Final = "non_finite"
    """A value is NaN or infinite where only finite values are expected."""


class DriftMethod:
    """Reserved, not emitted yet. Values of `inferspan.drift.method`."""

    PSI: Final = "psi"
    """Population stability index."""
    KOLMOGOROV_SMIRNOV: Final = "kolmogorov_smirnov"
    """Two-sample Kolmogorov-Smirnov statistic."""
    WASSERSTEIN: Final = "wasserstein"
    """Wasserstein distance of order one (earth mover's distance), in units of the reference's standard
    deviation.
    """
    JENSEN_SHANNON: Final = "jensen_shannon"
    """Jensen-Shannon distance, the square root of the divergence with logarithms of base 2."""


class GenerationTokenType:
    """Values of `inferspan.generation.token.type`."""

    INPUT: Final = "input"
    """Tokens that the model was given."""
    OUTPUT: Final = "output"
    """Tokens that the model has generated."""


class IoDirection:
    """Values of `inferspan.io.direction`."""

    INPUT: Final = "input"
    """The field went into the model."""
    OUTPUT: Final = "output"
    """The field came out of the model."""


class OperationName:
    """Values of `inferspan.operation.name`."""

    INFER: Final = "infer"
    """One forward pass of a model, or one request to a model server, that returns predictions."""
    GENERATE: Final = "generate"
    """A loop of forward passes that extends its own input, reported as one operation.

    For example `generate()` of a sequence model. Token-level telemetry of language models belongs to
    `gen_ai.*`.
    """
    LOAD: Final = "load"
    """Reading a model and making it ready to serve."""
    EXPLAIN: Final = "explain"
    """A request for an explanation of a prediction, such as feature attributions."""


class Quantile:
    """Values of `inferspan.quantile`."""

    P05: Final = "0.05"
    """The 5 % quantile."""
    P50: Final = "0.5"
    """The median."""
    P95: Final = "0.95"
    """The 95 % quantile."""


class SelfDropReason:
    """Values of `inferspan.self.drop.reason`."""

    QUEUE_FULL: Final = "queue_full"
    """The data profile of an inference was dropped because the worker's queue was full. The span and the
    metrics were not.
    """
    RATE_LIMITED: Final = "rate_limited"
    """An anomaly event was dropped because the events were beyond the configured rate."""
    MODEL_LIMIT: Final = "model_limit"
    """An inference, or data of an entity, was reported under the name `_OTHER` on metrics because there
    were more than the configured limit.
    """
    LINK_LIMIT: Final = "link_limit"
    """A link from a batch to one of its requests was dropped because there were more than the configured
    limit.
    """
    LABEL_LIMIT: Final = "label_limit"
    """The value of a label was reported as `_OTHER` because there were more values than the configured
    limit.
    """
    LABEL_UNDECLARED: Final = "label_undeclared"
    """A label was dropped because its key is not declared in the settings."""
    CRASH_LIMIT: Final = "crash_limit"
    """An inference was not noted for the case of a crash because there were more in progress than there is
    room for.
    """
    FIELD_LIMIT: Final = "field_limit"
    """The values of a field were not accumulated because there were more fields than the configured limit."""
    PROFILE_EVENT_LIMIT: Final = "profile_event_limit"
    """A field of a window left no event because there were more fields than the configured limit of events."""
    STAGE_LIMIT: Final = "stage_limit"
    """A stage was reported as `_OTHER` on metrics because there were more names than the limit."""


class SelfProfileAllowance:
    """Values of `inferspan.self.profile.allowance`."""

    REGULAR: Final = "regular"
    """The budget for the data of all inferences."""
    FINDINGS: Final = "findings"
    """The allowance beside it, for data with findings and for inferences that failed."""


class SelfProfileCoverage:
    """Values of `inferspan.self.profile.coverage`."""

    FULL: Final = "full"
    """All of the data was looked at."""
    SAMPLE: Final = "sample"
    """A sample of the data was looked at."""
    NONE: Final = "none"
    """The data was not looked at, since the budget was used up."""


class SelfSkipReason:
    """Values of `inferspan.self.skip.reason`."""

    DISABLED: Final = "disabled"
    """Inferspan is switched off by a setting, or its instrumentor has switched itself off."""
    NO_PROVIDER: Final = "no_provider"
    """There is no tracer, meter or logger provider."""
    SUPPRESSED: Final = "suppressed"
    """The application has suppressed instrumentation in this context."""
    NESTED: Final = "nested"
    """The call is part of another inference."""
    GEN_AI: Final = "gen_ai"
    """The call is inside a generative-AI span, whose conventions describe it."""
    EXITING: Final = "exiting"
    """The process was about to exit, and the call was on a thread that is not waited for."""
    TRAINING: Final = "training"
    """The module was called with gradients in training mode."""
    LEAF: Final = "leaf"
    """The module is a leaf layer called by itself."""
    LOSS: Final = "loss"
    """The module is a loss or a metric."""
    TRANSFORM: Final = "transform"
    """The module prepares data."""
    TRACING: Final = "tracing"
    """The call was traced by a compiler, an exporter or a transform of functions, or had fake tensors."""
    FAULT: Final = "fault"
    """Inferspan failed to start the inference."""


class SystemName:
    """Values of `inferspan.system.name`."""

    PYTORCH: Final = "pytorch"
    """[PyTorch](https://pytorch.org/), in process."""
    ONNXRUNTIME: Final = "onnxruntime"
    """[ONNX Runtime](https://onnxruntime.ai/), in process."""
    NVIDIA_TRITON: Final = "nvidia.triton"
    """[NVIDIA Triton Inference Server](https://docs.nvidia.com/deeplearning/triton-inference-server/)."""
    TORCHSERVE: Final = "torchserve"
    """[TorchServe](https://docs.pytorch.org/serve/)."""
    TENSORFLOW_SERVING: Final = "tensorflow_serving"
    """[TensorFlow Serving](https://www.tensorflow.org/tfx/guide/serving)."""
    KSERVE: Final = "kserve"
    """A model server of [KServe](https://kserve.github.io/website/)."""
    SELDON: Final = "seldon"
    """[Seldon Core](https://docs.seldon.ai/)."""
    MLSERVER: Final = "mlserver"
    """[MLServer](https://mlserver.readthedocs.io/)."""
    BENTOML: Final = "bentoml"
    """[BentoML](https://docs.bentoml.com/)."""
    AWS_SAGEMAKER: Final = "aws.sagemaker"
    """An endpoint of [Amazon SageMaker](https://docs.aws.amazon.com/sagemaker/)."""
    GCP_VERTEX_AI: Final = "gcp.vertex_ai"
    """An endpoint of [Google Vertex AI](https://cloud.google.com/vertex-ai/docs) for custom or AutoML
    models.
    """
    AZURE_MACHINE_LEARNING: Final = "azure.machine_learning"
    """An endpoint of [Azure Machine Learning](https://learn.microsoft.com/azure/machine-learning/)."""
    OTHER: Final = "_OTHER"
    """Any other system, described by the application through the public API."""


class FieldAttributes(NamedTuple):
    """The names of the attributes that describe the data on one side of a model, input or output."""

    field_count: str
    names: str
    types: str
    shapes: str
    counts: str
    missing_counts: str
    infinite_counts: str
    zero_counts: str
    minimums: str
    maximums: str
    means: str
    standard_deviations: str
    quantiles_05: str
    quantiles_50: str
    quantiles_95: str
    missing_ratio_max: str
    missing_ratio_max_field: str
    infinite_ratio_max: str
    infinite_ratio_max_field: str
    omitted_field_count: str
    notes: str


INPUT: Final = FieldAttributes(
    field_count=INFERSPAN_INPUT_FIELD_COUNT,
    names=INFERSPAN_INPUT_NAMES,
    types=INFERSPAN_INPUT_TYPES,
    shapes=INFERSPAN_INPUT_SHAPES,
    counts=INFERSPAN_INPUT_PROFILE_COUNTS,
    missing_counts=INFERSPAN_INPUT_PROFILE_MISSING_COUNTS,
    infinite_counts=INFERSPAN_INPUT_PROFILE_INFINITE_COUNTS,
    zero_counts=INFERSPAN_INPUT_PROFILE_ZERO_COUNTS,
    minimums=INFERSPAN_INPUT_PROFILE_MINIMUMS,
    maximums=INFERSPAN_INPUT_PROFILE_MAXIMUMS,
    means=INFERSPAN_INPUT_PROFILE_MEANS,
    standard_deviations=INFERSPAN_INPUT_PROFILE_STANDARD_DEVIATIONS,
    quantiles_05=INFERSPAN_INPUT_PROFILE_QUANTILES_05,
    quantiles_50=INFERSPAN_INPUT_PROFILE_QUANTILES_50,
    quantiles_95=INFERSPAN_INPUT_PROFILE_QUANTILES_95,
    missing_ratio_max=INFERSPAN_INPUT_PROFILE_MISSING_RATIO_MAX,
    missing_ratio_max_field=INFERSPAN_INPUT_PROFILE_MISSING_RATIO_MAX_FIELD,
    infinite_ratio_max=INFERSPAN_INPUT_PROFILE_INFINITE_RATIO_MAX,
    infinite_ratio_max_field=INFERSPAN_INPUT_PROFILE_INFINITE_RATIO_MAX_FIELD,
    omitted_field_count=INFERSPAN_INPUT_PROFILE_OMITTED_FIELD_COUNT,
    notes=INFERSPAN_INPUT_PROFILE_NOTES,
)
"""The attributes of the input."""
OUTPUT: Final = FieldAttributes(
    field_count=INFERSPAN_OUTPUT_FIELD_COUNT,
    names=INFERSPAN_OUTPUT_NAMES,
    types=INFERSPAN_OUTPUT_TYPES,
    shapes=INFERSPAN_OUTPUT_SHAPES,
    counts=INFERSPAN_OUTPUT_PROFILE_COUNTS,
    missing_counts=INFERSPAN_OUTPUT_PROFILE_MISSING_COUNTS,
    infinite_counts=INFERSPAN_OUTPUT_PROFILE_INFINITE_COUNTS,
    zero_counts=INFERSPAN_OUTPUT_PROFILE_ZERO_COUNTS,
    minimums=INFERSPAN_OUTPUT_PROFILE_MINIMUMS,
    maximums=INFERSPAN_OUTPUT_PROFILE_MAXIMUMS,
    means=INFERSPAN_OUTPUT_PROFILE_MEANS,
    standard_deviations=INFERSPAN_OUTPUT_PROFILE_STANDARD_DEVIATIONS,
    quantiles_05=INFERSPAN_OUTPUT_PROFILE_QUANTILES_05,
    quantiles_50=INFERSPAN_OUTPUT_PROFILE_QUANTILES_50,
    quantiles_95=INFERSPAN_OUTPUT_PROFILE_QUANTILES_95,
    missing_ratio_max=INFERSPAN_OUTPUT_PROFILE_MISSING_RATIO_MAX,
    missing_ratio_max_field=INFERSPAN_OUTPUT_PROFILE_MISSING_RATIO_MAX_FIELD,
    infinite_ratio_max=INFERSPAN_OUTPUT_PROFILE_INFINITE_RATIO_MAX,
    infinite_ratio_max_field=INFERSPAN_OUTPUT_PROFILE_INFINITE_RATIO_MAX_FIELD,
    omitted_field_count=INFERSPAN_OUTPUT_PROFILE_OMITTED_FIELD_COUNT,
    notes=INFERSPAN_OUTPUT_PROFILE_NOTES,
)
"""The attributes of the output."""
