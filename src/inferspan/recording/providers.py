# SPDX-License-Identifier: Apache-2.0
"""The application's providers: whether there are any, and their flush and shutdown tied to our queue.

This module alone knows the private names of the API's globals: the public getters cost a microsecond each while no
provider is set, which is a third of an ONNX call, and is paid by programs that do not even have an SDK.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import opentelemetry._logs._internal as _logs_api
import opentelemetry.metrics._internal as _metrics_api
import opentelemetry.trace as _trace_api

_TIED = "_inferspan_drains"


def current() -> tuple[Any, Any, Any]:
    """Returns the global tracer, meter and logger providers, each None while the application has set none."""
    return _trace_api._TRACER_PROVIDER, _metrics_api._METER_PROVIDER, _logs_api._LOGGER_PROVIDER


def tie(provider: Any, drain: Callable[[], None]) -> None:
    """Makes a provider's ``force_flush`` and ``shutdown`` drain our queue first.

    A span processor of ours could not do it: under the launcher it would come after the batch processor, whose
    flush would export all spans but ours. The methods are replaced on this instance alone.
    """
    attributes = getattr(provider, "__dict__", None)
    if attributes is None or _TIED in attributes:
        return
    for name in ("force_flush", "shutdown"):
        method = getattr(provider, name, None)
        if method is not None:
            setattr(provider, name, _draining(method, drain))
    setattr(provider, _TIED, True)


def _draining(method: Callable[..., Any], drain: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(method)
    def drained(*args: Any, **kwargs: Any) -> Any:
        drain()
        return method(*args, **kwargs)

    return drained
