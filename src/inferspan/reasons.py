# SPDX-License-Identifier: Apache-2.0
"""Why a call made no span, in words, and what to do about it: for the log, and for ``inferspan doctor``."""

from __future__ import annotations

from inferspan.semconv.attributes import SelfSkipReason

#: By ``inferspan.self.skip.reason``.
WHY: dict[str, str] = {
    SelfSkipReason.DISABLED: (
        "Inferspan was switched off by its setting `enabled`, or an instrumentor that had failed too often switched "
        "itself off."
    ),
    SelfSkipReason.NO_PROVIDER: "No OpenTelemetry provider was set in the process, so nobody receives telemetry.",
    SelfSkipReason.SUPPRESSED: "The application suppresses instrumentation around the call.",
    SelfSkipReason.NESTED: "The call is part of another inference, whose span covers it.",
    SelfSkipReason.GEN_AI: "The call is inside a span of generative AI, whose conventions describe it.",
    SelfSkipReason.EXITING: "The process was about to exit, and the call was on a thread that nobody waits for.",
    SelfSkipReason.TRAINING: "The module was in training mode and gradients were on, so this was training.",
    SelfSkipReason.LEAF: "A single layer was called by itself.",
    SelfSkipReason.LOSS: "What was called is a loss or a metric.",
    SelfSkipReason.TRANSFORM: "What was called prepares data.",
    SelfSkipReason.TRACING: "The call was only traced, by a compiler, an export or a transform of functions.",
    SelfSkipReason.FAULT: "Inferspan failed to start the inference; the application was not affected.",
}

#: Where a call without a span is what is meant.
NOTHING_TO_DO = "That is as it should be."

#: Likewise.
ADVICE: dict[str, str] = {
    SelfSkipReason.DISABLED: (
        "To switch it on: unset OTEL_PYTHON_INFERSPAN_ENABLED, or call inferspan.configure(enabled=True); for an "
        "instrumentor that switched itself off, see the warnings in the log, and start the process again."
    ),
    SelfSkipReason.NO_PROVIDER: (
        "Start the program with opentelemetry-instrument, or set up the OpenTelemetry SDK before the first call."
    ),
    SelfSkipReason.SUPPRESSED: (
        "If that is not meant, look for suppress_instrumentation() around the call: exporters and other "
        "instrumentation use it for what they do themselves."
    ),
    SelfSkipReason.NESTED: NOTHING_TO_DO,
    SelfSkipReason.GEN_AI: NOTHING_TO_DO,
    SelfSkipReason.EXITING: "Stop such threads, and join them, before the program ends.",
    SelfSkipReason.TRAINING: (
        "If it is an inference, call model.eval() once, or run the model under torch.inference_mode()."
    ),
    SelfSkipReason.LEAF: (
        "If a model's forward() is called directly, call the model itself: model(x). If the layer is the model, name "
        "it: inferspan.describe(layer, name=...)."
    ),
    SelfSkipReason.LOSS: "If it is a model, name it: inferspan.describe(module, name=...).",
    SelfSkipReason.TRANSFORM: "If it is a model, name it: inferspan.describe(module, name=...).",
    SelfSkipReason.TRACING: NOTHING_TO_DO,
    SelfSkipReason.FAULT: "Please report the warning that the log has of it.",
}
