# SPDX-License-Identifier: Apache-2.0
"""Shows, infers, and shows."""

import sys

import inferspan

if "sampled away" in sys.argv:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    trace.set_tracer_provider(TracerProvider(ALWAYS_OFF))
if "another's providers" in sys.argv:
    from opentelemetry import trace

    trace.set_tracer_provider(trace.NoOpTracerProvider())
if "no rich" in sys.argv:
    sys.modules["rich"] = None  # type: ignore[assignment]

inferspan.show()
for count in (20, 10):
    for call in range(count):
        with inferspan.inference("fraud", version="3") as one:
            one.inputs({"age": [float(call)] * 12})
    inferspan.show()
