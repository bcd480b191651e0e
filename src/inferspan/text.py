# SPDX-License-Identifier: Apache-2.0
"""Text that can leave: OTLP is UTF-8, and Python's strings need not be."""

from __future__ import annotations


def encodable(text: str) -> str:
    """Replaces lone surrogates, which paths and their error messages can hold.

    One of them in a span's name or status makes the exporter fail, and with it the whole batch of spans.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
