# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's context, where its API says less than is needed."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context

_SUPPRESSED = context_api._SUPPRESS_INSTRUMENTATION_KEY
_SUPPRESSED_BY_NAME = "suppress_instrumentation"


def is_suppressed(context: Context) -> bool:
    """Returns whether the application wants no instrumentation in this context: there are two keys that say so."""
    return bool(context) and bool(context.get(_SUPPRESSED) or context.get(_SUPPRESSED_BY_NAME))


def detach(token: Any) -> None:
    """Makes the context current again that was before a token's, where that is of this thread and task.

    The API's own `detach` logs a stack trace where the token is of another task's context, as when a generator is
    closed by the event loop. There is nothing of ours attached there, so there is nothing to say.
    """
    try:
        context_api._RUNTIME_CONTEXT.detach(token)
    except ValueError:
        pass


def carried(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that runs in the context of whoever asks for it now, on whatever thread it runs."""
    context = context_api.get_current()
    if not context:
        return function

    def run(*args: Any, **kwargs: Any) -> Any:
        token = context_api.attach(context)
        try:
            return function(*args, **kwargs)
        finally:
            detach(token)

    return run
