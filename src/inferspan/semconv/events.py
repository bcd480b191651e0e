# SPDX-License-Identifier: Apache-2.0
# Generated from semconv/model by `python semconv/generate.py`; do not edit.
"""Names of events, which are log records with an event name."""

from typing import Final

INFERSPAN_DATA_PROFILE: Final = "inferspan.data.profile"
"""Reserved, not emitted yet. The profile of a window of inferences of one model.

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
