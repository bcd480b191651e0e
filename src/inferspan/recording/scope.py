# SPDX-License-Identifier: Apache-2.0
"""One instrumentation scope: its tracer, its instruments and its logger, on given or global providers."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import opentelemetry.trace
from opentelemetry import _logs, metrics
from opentelemetry.metrics import CallbackOptions, Observation

from inferspan import clock, config, faults
from inferspan.profiling import kernel
from inferspan.profiling.budget import budget
from inferspan.recording import (
    collecting,
    crash,
    destination,
    drops,
    exits,
    generations,
    live,
    models,
    profiles,
    providers,
    skips,
    worker,
)
from inferspan.recording.limits import OTHER, series_model
from inferspan.recording.live import Observed
from inferspan.semconv import attributes as names
from inferspan.semconv import metrics as instruments
from inferspan.semconv.attributes import SelfProfileAllowance
from inferspan.semconv.schema import SCHEMA_URL

#: Name of the scope of what inferspan says of itself.
SELF_SCOPE = "inferspan"

_registered_for_global = False
_registered_for: weakref.WeakSet[Any] = weakref.WeakSet()
_lock = threading.Lock()
_scopes: weakref.WeakValueDictionary[tuple[Any, ...], Scope] = weakref.WeakValueDictionary()


class Scope:
    """Where the telemetry of one instrumentor goes.

    Args:
        name: of the scope.
        version: of inferspan.
        tracer_provider: None for the global one, whenever the application sets it; likewise the others.
    """

    def __init__(
        self, name: str, version: str, *, tracer_provider: Any, meter_provider: Any, logger_provider: Any
    ) -> None:
        # Kept alive: `scope` tells the providers apart by their identity.
        self._given = (tracer_provider, meter_provider, logger_provider)
        self._is_given = any(one is not None for one in self._given)
        self._tracer_provider: Any = None
        self._meter_provider: Any = None
        self._logger_provider: Any = None
        self.name = name
        self.tracer = opentelemetry.trace.get_tracer(name, version, tracer_provider, SCHEMA_URL)
        self.logger = _logs.get_logger(name, version, logger_provider, SCHEMA_URL)
        meter = metrics.get_meter(name, version, meter_provider, SCHEMA_URL)
        self.duration = instruments.create_inference_duration(meter)
        self.client_duration = instruments.create_client_inference_duration(meter)
        self.batch_size = instruments.create_inference_batch_size(meter)
        self.queue_duration = instruments.create_inference_queue_duration(meter)
        self.stage_duration = instruments.create_stage_duration(meter)
        self.load_duration = instruments.create_model_load_duration(meter)
        self.models = models.Models()
        instruments.create_model_info(meter, callbacks=[self._observe_models])
        self.generations = generations.Instruments(meter)
        #: What is in progress by series, zeroes included: a series that vanishes reads as unknown, not as idle.
        self._known: dict[tuple[str, str, str | None], dict[str, Any]] = {}
        instruments.create_inference_active(meter, callbacks=[self._observe_active])
        instruments.create_inference_oldest_age(meter, callbacks=[self._observe_oldest])
        #: What data looks like, over many inferences.
        self.profiles = profiles.of(version, meter_provider=meter_provider, logger_provider=logger_provider)
        _observe_self(version, meter_provider)
        for provider in self._given:
            if provider is not None:
                self._tie(provider)
        self._version = version
        if logger_provider is not None:
            self._tell_of_crashes(logger_provider)

    @property
    def has_windows(self) -> bool:
        """Whether anybody receives what windows tell, so that inferences without a sampled span are profiled too."""
        _, meter_provider, logger_provider = self._given
        return (meter_provider or logger_provider or self._meter_provider or self._logger_provider) is not None

    def ready(self) -> bool:
        """Returns whether anybody receives this telemetry; ties providers that have appeared."""
        tracer_provider, meter_provider, logger_provider = providers.current()
        if (
            tracer_provider is not self._tracer_provider
            or meter_provider is not self._meter_provider
            or logger_provider is not self._logger_provider
        ):
            for provider in (tracer_provider, meter_provider, logger_provider):
                if provider is not None:
                    self._tie(provider)
            if logger_provider is not None and logger_provider is not self._logger_provider:
                self._tell_of_crashes(logger_provider)
            self._tracer_provider = tracer_provider
            self._meter_provider = meter_provider
            self._logger_provider = logger_provider
        return (
            self._is_given or tracer_provider is not None or meter_provider is not None or logger_provider is not None
        )

    def _tell_of_crashes(self, logger_provider: Any) -> None:
        # By inferspan itself: whose inferences they were, nobody knows before.
        crash.report(_logs.get_logger(SELF_SCOPE, self._version, logger_provider, SCHEMA_URL))

    @staticmethod
    def _tie(provider: Any) -> None:
        try:
            providers.tie(provider, worker.drain, finish=profiles.close_all)
        except Exception:
            faults.caught("providers")
        exits.watch()

    def destination(self) -> str:
        """Returns where spans go, in words."""
        given = self._given[0]
        return destination.describe(providers.current()[0] if given is None else given)

    def know(self, system: str, name: str, version: str | None) -> tuple[str, str, str | None]:
        """Returns the key under which a model's inferences in progress are reported, from now on."""
        key = (system, *series_model(name, version))
        if key not in self._known:
            attributes = {names.INFERSPAN_SYSTEM_NAME: key[0], names.INFERSPAN_MODEL_NAME: key[1]}
            if key[2] is not None:
                attributes[names.INFERSPAN_MODEL_VERSION] = key[2]
            self._known[key] = attributes
        return key

    def _observe_models(self, _options: CallbackOptions) -> Iterable[Observation]:
        collecting.drain()
        settings = config.in_force
        observed: dict[tuple[Any, ...], dict[str, str]] = {}
        devices: set[tuple[Any, ...]] = set()
        for met, model in self.models.present():
            name, version = series_model(model.name, model.version)
            if name == OTHER:
                continue
            attributes = {
                names.INFERSPAN_SYSTEM_NAME: met.system,
                names.INFERSPAN_MODEL_NAME: name,
                names.INFERSPAN_MODEL_VERSION: version,
                names.INFERSPAN_MODEL_FORMAT: model.format,
                names.INFERSPAN_MODEL_PREPROCESSING: model.preprocessing,
            }
            if settings.model_info_digests:
                attributes[names.INFERSPAN_MODEL_DIGEST] = model.digest
                attributes[names.INFERSPAN_MODEL_CONFIG_DIGEST] = model.config_digest
            # Several objects can be the same model. One that waits for its first call does not know its device yet:
            # it is listed once, with that of the others.
            device = met.device or model.device
            same = tuple(attributes.values())
            known = {key: value for key, value in attributes.items() if value is not None}
            if device is not None:
                observed.pop((*same, None), None)
                observed[(*same, device)] = {**known, names.INFERSPAN_EXECUTION_DEVICE: device}
                devices.add(same)
            elif same not in devices:
                observed[(*same, None)] = known
        return [Observation(1, attributes) for attributes in list(observed.values())[: settings.max_models]]

    def _observe_active(self, _options: CallbackOptions) -> Iterable[Observation]:
        collecting.drain()
        # In this order: whatever is in progress was known before.
        calls = self._in_progress()
        counts = dict.fromkeys(list(self._known), 0)
        for call in calls:
            counts[call.series.key] += 1
        return [Observation(count, self._known[key]) for key, count in counts.items()]

    def _observe_oldest(self, _options: CallbackOptions) -> Iterable[Observation]:
        calls = self._in_progress()
        ages = dict.fromkeys(list(self._known), 0)
        now = clock.monotonic()
        for call in calls:
            ages[call.series.key] = max(ages[call.series.key], now - call.since)
        return [Observation(age / 1e9, self._known[key]) for key, age in ages.items()]

    def _in_progress(self) -> list[Observed]:
        inferences = [call.inference for call in list(live.calls.values())]
        return [one for one in inferences if one is not None and one.series.scope is self]


def scope(
    name: str, version: str, *, tracer_provider: Any = None, meter_provider: Any = None, logger_provider: Any = None
) -> Scope:
    """Returns the scope of this name on these providers; the same one each time, for instruments are for good."""
    # A provider that is the global one anyway is not told apart from it: its instruments would be made twice.
    given = tuple(
        None if one is current else one
        for one, current in zip((tracer_provider, meter_provider, logger_provider), providers.current(), strict=True)
    )
    key = (name, *(id(one) if one is not None else None for one in given))
    with _lock:
        found = _scopes.get(key)
        if found is None:
            found = _scopes[key] = Scope(
                name, version, tracer_provider=given[0], meter_provider=given[1], logger_provider=given[2]
            )
        return found


def _observe_self(version: str, meter_provider: Any) -> None:
    """Registers what inferspan says of itself, once for each meter provider."""
    global _registered_for_global
    if meter_provider is None:
        if _registered_for_global:
            return
        _registered_for_global = True
    else:
        if meter_provider in _registered_for:
            return
        _registered_for.add(meter_provider)
    meter = metrics.get_meter(SELF_SCOPE, version, meter_provider, SCHEMA_URL)
    instruments.create_self_dropped(meter, callbacks=[_observe(drops.counts, names.INFERSPAN_SELF_DROP_REASON)])
    instruments.create_self_faults(meter, callbacks=[_observe(faults.counts, names.INFERSPAN_SELF_COMPONENT)])
    instruments.create_self_skipped(meter, callbacks=[_observe_skips])
    instruments.create_self_profile_time(meter, callbacks=[_observe_profile_time])
    instruments.create_self_profile_inference_time(meter, callbacks=[_observe_inference_time])
    instruments.create_self_profile_inferences(
        meter, callbacks=[_observe(budget.coverage, names.INFERSPAN_SELF_PROFILE_COVERAGE)]
    )
    instruments.create_self_profile_kernels(meter, callbacks=[_observe_kernel])


def _observe(counts: dict[str, int], attribute: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        collecting.drain()
        return [Observation(count, {attribute: key}) for key, count in list(counts.items())]

    return observe


def _observe_skips(_options: CallbackOptions) -> Iterable[Observation]:
    collecting.drain()
    return [
        Observation(number, {names.INFERSPAN_SYSTEM_NAME: system, names.INFERSPAN_SELF_SKIP_REASON: reason})
        for system, reasons in list(skips.counts.items())
        for reason, number in list(reasons.items())
    ]


def _observe_profile_time(_options: CallbackOptions) -> Iterable[Observation]:
    collecting.drain()
    return [
        Observation(allowance.spent / 1e9, {names.INFERSPAN_SELF_PROFILE_ALLOWANCE: name})
        for name, allowance in (
            (SelfProfileAllowance.REGULAR, budget.regular),
            (SelfProfileAllowance.FINDINGS, budget.findings),
        )
    ]


def _observe_kernel(_options: CallbackOptions) -> Iterable[Observation]:
    name = kernel.name_in_use()
    return [] if name is None else [Observation(1, {names.INFERSPAN_SELF_PROFILE_KERNEL: name})]


def _observe_inference_time(_options: CallbackOptions) -> Iterable[Observation]:
    collecting.drain()
    return [Observation(budget.inference_time / 1e9)]
