# SPDX-License-Identifier: Apache-2.0
"""Text that can leave: OTLP is UTF-8, and Python's strings need not be."""

from __future__ import annotations

from hashlib import blake2b
from urllib.parse import urlsplit, urlunsplit

#: Most bytes of an abbreviated text.
MAX_ABBREVIATED = 64
#: Characters that a digest is made of, and its bytes.
_MAX_DIGESTED = 4096
_DIGEST = 8


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


def abbreviated(text: str) -> str:
    """Returns text that can leave and takes at most `MAX_ABBREVIATED` bytes; another one for another text.

    What is longer, or has surrogates, is its beginning, ``…`` and a digest of its length and first 4 096 characters.
    """
    if len(text) <= MAX_ABBREVIATED:
        if text.isascii():
            return text
        shown = encodable(text)
        if shown == text and len(shown.encode()) <= MAX_ABBREVIATED:
            return text
    beginning = text[:_MAX_DIGESTED].encode("utf-8", "surrogatepass")
    digest = blake2b(b"%d %b" % (len(text), beginning), digest_size=_DIGEST).hexdigest()
    shown = encodable(text[:MAX_ABBREVIATED]).encode()[: MAX_ABBREVIATED - len("…".encode()) - len(digest)]
    return f"{shown.decode('utf-8', 'ignore')}…{digest}"


def without_secrets(url: str) -> str:
    """Returns an address without what may be a secret in it: user and password, and the query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
