# SPDX-License-Identifier: Apache-2.0
"""Text that can leave: OTLP is UTF-8, and Python's strings need not be."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def encodable(text: str) -> str:
    """Replaces lone surrogates, which paths and their error messages can hold.

    One of them in a span's name or status makes the exporter fail, and with it the whole batch of spans.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shortened(text: str, limit: int = 96) -> str:
    """Returns text that can leave and has at most so many characters, such as the name of a field."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return text if text.isascii() else encodable(text)


def without_secrets(url: str) -> str:
    """Returns an address without what may be a secret in it: user and password, and the query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
