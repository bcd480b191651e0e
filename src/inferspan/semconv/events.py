# SPDX-License-Identifier: Apache-2.0
# Generated from semconv/model by `python semconv/generate.py`; do not edit.
"""Names of events, which are log records with an event name."""

from typing import Final

INFERSPAN_DATA_PROFILE: Final = "inferspan.data.profile"
"""The profile of one field over a window of inferences.

Emitted for each field when its window is closed, by number of inferences or by time; the time of the event
is the end of the window. Where a window has more fields than the configured limit, those with most missing
or infinite values are told of. No attribute is ever NaN or infinite.

Severity: info
"""
INFERSPAN_INFERENCE_ANOMALY: Final = "inferspan.inference.anomaly"
"""An inference whose span is not recorded failed, or its data has an anomaly.

Carries what the span would have said, so that sampling does not hide it. Emitted in the context of the
inference's span (the trace identifier is that of the unsampled trace), at a limited rate; what was beyond
the rate is counted by `inferspan.self.dropped`.

Severity: warn
"""
INFERSPAN_INFERENCE_EXCEPTION: Final = "inferspan.inference.exception"
"""An inference raised an exception.

Emitted in the context of the inference's span where `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN` is `logs` or
`logs/dup`; otherwise the exception is an `exception` event of the span. The quoted literals in the message
are elided by default, since libraries put values of the data into them (`could not convert string to float:
'…'`).

Severity: error
"""
INFERSPAN_INFERENCE_LOST: Final = "inferspan.inference.lost"
"""An inference was in progress when an earlier process ended without a chance to say so.

Emitted at the next start of the program, from a file that the earlier process kept: it was killed (by
whoever ran out of memory, for example), aborted or crashed. The time of the event is the start of the
inference.

Severity: error
"""
INFERSPAN_INFERENCE_STALLED: Final = "inferspan.inference.stalled"
"""An inference has been in progress for longer than the configured limit.

Emitted once for a call, in the context of its span. The call may still come back; nothing is done to it.

Severity: warn
"""
INFERSPAN_MODEL_CHANGED: Final = "inferspan.model.changed"
"""The version of a model, its preparation of inputs or its configuration is another than before.

Emitted with the first inference after the application has described the model anew, or has loaded a model
of the same name in another version; not while both versions serve side by side, nor for what was unknown
before.

Severity: info
"""
