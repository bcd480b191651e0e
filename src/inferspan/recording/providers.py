# SPDX-License-Identifier: Apache-2.0
"""The application's providers: whether there are any, and their flush and shutdown tied to our queue.

This module alone knows private names of the API and of the SDK: of the API's globals, for the public getters cost a
microsecond each while no provider is set, which is a third of an ONNX call, and is paid by programs that do not even
have an SDK; and of the SDK's store of series, for there is no other way to start one anew.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import functools
import os
import weakref
from collections.abc import Callable
from typing import Any

import opentelemetry._logs._internal as _logs_api
import opentelemetry.metrics._internal as _metrics_api
import opentelemetry.trace as _trace_api

_TIED = "_inferspan_drains"
#: Those that are tied and not shut down.
_open: weakref.WeakSet[Any] = weakref.WeakSet()


def current() -> tuple[Any, Any, Any]:
    """Returns the global tracer, meter and logger providers, each None while the application has set none."""
    return _trace_api._TRACER_PROVIDER, _metrics_api._METER_PROVIDER, _logs_api._LOGGER_PROVIDER


def tie(provider: Any, drain: Callable[[], object]) -> None:
    """Makes a provider's ``force_flush`` and ``shutdown`` drain our queue first.

    A span processor of ours could not do it: under the launcher it would come after the batch processor, whose
    flush would export all spans but ours. The methods are replaced on this instance alone.
    """
    attributes = getattr(provider, "__dict__", None)
    if attributes is None or _TIED in attributes:
        return
    itself = weakref.ref(provider)

    def close() -> None:
        drain()
        _open.discard(itself())

    for name, before in (("force_flush", drain), ("shutdown", close)):
        method = getattr(provider, name, None)
        if method is not None:
            setattr(provider, name, _after(before, method))
    setattr(provider, _TIED, True)
    _open.add(provider)


def tied() -> list[Any]:
    """Returns the providers that are tied and can be flushed still."""
    return list(_open)


def _after(before: Callable[[], object], method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def drained(*args: Any, **kwargs: Any) -> Any:
        before()
        return method(*args, **kwargs)

    return drained


def _after_fork_in_child() -> None:
    for provider in tied():
        try:
            _forget_counts(provider)
        except AttributeError:
            # A tracer provider, or a meter provider that is not made as the SDK's: its counts go on.
            pass


def _forget_counts(meter_provider: Any) -> None:
    """Starts our series anew: where they go on from the parent's, who reports them too, a sum has those twice."""
    for storage in meter_provider._measurement_consumer._reader_storages.values():
        series = storage._instrument_view_instrument_matches
        for instrument in list(series):
            if instrument.instrumentation_scope.name.startswith("inferspan"):
                del series[instrument]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
