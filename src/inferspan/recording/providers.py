# SPDX-License-Identifier: Apache-2.0
"""The application's providers: whether there are any, and their flush and shutdown tied to our queue.

This module alone knows private names of the API and of the SDK: of the API's globals, for the public getters cost a
microsecond each while no provider is set, which is a third of an ONNX call, and is paid by programs that do not even
have an SDK; of the SDK's store of series, for there is no other way to start one anew; and of its readers of metrics,
for Python's SDK has no producer of metrics, and what has been aggregated elsewhere gets into an export in no other way.
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


def tie(provider: Any, drain: Callable[[], object], *, finish: Callable[[], object]) -> None:
    """Makes a provider's ``force_flush`` and ``shutdown`` drain our queue first.

    A span processor of ours could not do it: under the launcher it would come after the batch processor, whose
    flush would export all spans but ours. The methods are replaced on this instance alone.

    Args:
        provider: of traces, metrics or logs.
        drain: finishes what is queued.
        finish: is called after that at the shutdown, the last time that anything can leave.
    """
    attributes = getattr(provider, "__dict__", None)
    if attributes is None or _TIED in attributes:
        return
    itself = weakref.ref(provider)

    def close() -> None:
        drain()
        finish()
        _open.discard(itself())

    for name, before in (("force_flush", drain), ("shutdown", close)):
        method = getattr(provider, name, None)
        if method is not None:
            setattr(provider, name, _after(before, method))
    setattr(provider, _TIED, True)
    _open.add(provider)


def readers(meter_provider: Any) -> list[Any] | None:
    """Returns the readers of metrics that a provider has now; None where it is not made as the SDK's."""
    try:
        return list(meter_provider._measurement_consumer._reader_storages)
    except AttributeError:
        return None


def wants_deltas(reader: Any) -> bool:
    """Returns whether a reader prefers histograms of what is new to those of all since the start."""
    preferences = getattr(reader, "_instrument_class_temporality", {})
    preferred = (preference for kind, preference in preferences.items() if kind.__name__ in ("Histogram", "_Histogram"))
    return getattr(next(preferred, None), "name", None) == "DELTA"


def supplement(reader: Any, add: Callable[[Any, Any], Any]) -> bool:
    """Has what a reader receives go through a function first, on this instance alone.

    Args:
        reader: of metrics. Its `_receive_metrics` is what the SDK documents as to be overridden by subclasses.
        add: is given the reader and the metrics that were collected, and returns what the reader is to have.

    Returns:
        False where the reader is not made as the SDK's.
    """
    receive = getattr(reader, "_receive_metrics", None)
    if receive is None or not hasattr(reader, "__dict__"):
        return False
    itself = weakref.ref(reader)

    @functools.wraps(receive)
    def receive_more(metrics_data: Any, *args: Any, **kwargs: Any) -> Any:
        return receive(add(itself(), metrics_data), *args, **kwargs)

    reader._receive_metrics = receive_more
    return True


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
