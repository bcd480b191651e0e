# SPDX-License-Identifier: Apache-2.0
"""Where spans go, in words: the exporters behind a tracer provider, with their addresses.

The SDK has no public way to ask. Its private names are looked for and not relied on; without them the provider is said.
"""

from __future__ import annotations

from typing import Any

from inferspan.text import without_secrets


def describe(tracer_provider: Any) -> str:
    """Returns where a tracer provider sends its spans.

    Args:
        tracer_provider: None where there is none.
    """
    if tracer_provider is None:
        return "nobody, for there is no tracer provider: only metrics or events leave"
    processor = getattr(tracer_provider, "_active_span_processor", None)
    exporters = [getattr(one, "span_exporter", None) for one in getattr(processor, "_span_processors", ())]
    said = [_of_exporter(one) for one in exporters if one is not None]
    return ", ".join(dict.fromkeys(said)) or f"what {type(tracer_provider).__qualname__} makes of them"


def _of_exporter(exporter: Any) -> str:
    address = getattr(exporter, "_endpoint", None)
    name = type(exporter).__qualname__
    return f"{without_secrets(address)} ({name})" if isinstance(address, str) else name
