# SPDX-License-Identifier: Apache-2.0
"""The models that one scope has met: which of them are there still, and what has changed under a name.

A model is met when its first series is made: when it has been loaded, or is called. It is gone when its object is.
Nothing here refers to an object of the application's, or keeps an identity that nobody else keeps.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from inferspan import identity
from inferspan.identity import Model, WeakTable
from inferspan.semconv import attributes as names

_MAX_NAMES = 1024


class Met:
    """A model as one system runs it; written by whoever finishes its inferences."""

    __slots__ = ("announced", "device", "system")

    def __init__(self, system: str) -> None:
        self.system = system
        #: Where it ran last, where that is a property of the call.
        self.device: str | None = None
        #: Whether it has served, and what has changed by that has been told.
        self.announced = False


class _Facts(NamedTuple):
    """What is known of the model that bears a name."""

    version: str | None
    digest: str | None
    preprocessing: str | None
    config_digest: str | None

    @classmethod
    def of(cls, model: Model) -> _Facts:
        return cls(model.version, model.digest, model.preprocessing, model.config_digest)

    def changed_from(self, before: _Facts) -> dict[str, str]:
        """Returns what was otherwise before: not what was unknown, nor the same artifact by another version."""
        changed = {
            name: old
            for name, old, new in (
                (names.INFERSPAN_MODEL_PREVIOUS_VERSION, before.version, self.version),
                (names.INFERSPAN_MODEL_PREVIOUS_PREPROCESSING, before.preprocessing, self.preprocessing),
                (names.INFERSPAN_MODEL_PREVIOUS_CONFIG_DIGEST, before.config_digest, self.config_digest),
            )
            if old is not None and new is not None and old != new
        }
        if self.digest == before.digest and (self._is_by_digest() or before._is_by_digest()):
            # A version that was made of the digest, and the one that was said: the same one.
            changed.pop(names.INFERSPAN_MODEL_PREVIOUS_VERSION, None)
        return changed

    def over(self, before: _Facts) -> _Facts:
        """Returns these facts, and of those that are unknown the ones before; a version that was said says more."""
        known = _Facts(*(old if new is None else new for new, old in zip(self, before, strict=True)))
        if self.digest == before.digest and self._is_by_digest():
            known = known._replace(version=before.version or self.version)
        return known

    def _is_by_digest(self) -> bool:
        return self.version is not None and self.version == identity.version_of(self.digest)


class Models:
    """The models of one scope."""

    def __init__(self) -> None:
        self._met = WeakTable()
        #: By system and name, what served last.
        self._latest: dict[tuple[str, str], _Facts] = {}
        # Taken by who finishes an inference, inside the gate that forks wait at: no child finds it taken.
        self._lock = threading.Lock()

    def meet(self, system: str, model: Model) -> Met:
        """Lists a model as one that is there, until it is gone."""
        met: dict[str, Met] | None = self._met.get(model)
        if met is None:
            met = {}
            self._met.set(model, met)
        return met.setdefault(system, Met(system))

    def present(self) -> Iterator[tuple[Met, Model]]:
        """Returns the models that are there, each as its bearer is known now."""
        for model, met in self._met.items():
            current = model.current
            if current is not None:
                for one in list(met.values()):
                    yield one, current

    def announce(self, met: Met, model: Model) -> dict[str, Any] | None:
        """Notes that a model serves, and returns what an event has to say if that is a change."""
        facts = _Facts.of(model)
        key = (met.system, model.name)
        with self._lock:
            if met.announced:
                return None
            met.announced = True
            before = self._latest.get(key)
            if before is None and len(self._latest) >= _MAX_NAMES:
                return None
            self._latest[key] = facts if before is None else facts.over(before)
            changed = facts.changed_from(before) if before is not None else {}
            if not changed or self._serves_beside(met, model, facts):
                return None
        attributes = {
            names.INFERSPAN_SYSTEM_NAME: met.system,
            names.INFERSPAN_MODEL_NAME: model.name,
            names.INFERSPAN_MODEL_VERSION: facts.version,
            names.INFERSPAN_MODEL_DIGEST: facts.digest,
            names.INFERSPAN_MODEL_PREPROCESSING: facts.preprocessing,
            names.INFERSPAN_MODEL_CONFIG_DIGEST: facts.config_digest,
            **changed,
        }
        return {name: value for name, value in attributes.items() if value is not None}

    def _serves_beside(self, met: Met, model: Model, facts: _Facts) -> bool:
        """Returns whether another object serves as the same: of two versions there can be several each, at one time."""
        return any(
            other is not model
            and other.name == model.name
            and other.current is other
            and (theirs := met_by_system.get(met.system)) is not None
            and theirs.announced
            and not facts.changed_from(_Facts.of(other))
            for other, met_by_system in self._met.items()
        )
