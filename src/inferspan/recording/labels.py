# SPDX-License-Identifier: Apache-2.0
"""Labels that the application gives to the inferences of a context: a segment, a tenant, an experiment.

Keys are declared (the setting ``labels``) and values are bounded (``max_label_values``), for labels are on metrics.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from opentelemetry import context as context_api
from opentelemetry.context import Context

from inferspan import config, contexts, faults
from inferspan.blocks import Blocks, decorated
from inferspan.recording import drops
from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import SelfDropReason
from inferspan.text import encodable

_LABELS = context_api.create_key("inferspan-labels")
_OTHER = "_OTHER"
_MAX_VALUE = 64
_MAX_SETS = 4096
_log = logging.getLogger("inferspan")
_F = TypeVar("_F", bound=Callable[..., Any])


class Labels:
    """A set of labels as attributes; of equal sets there is one object, for series are kept by it."""

    __slots__ = ("attributes",)

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self.attributes = attributes


NONE = Labels({})

_sets: dict[tuple[tuple[str, str], ...], Labels] = {(): NONE}
#: The values met of each key.
_values: dict[str, set[str]] = {}
_warned: set[str] = set()


def of(context: Context) -> Labels:
    """Returns the labels of a context."""
    found: Any = context.get(_LABELS)
    return NONE if found is None else found


class Labelling:
    """Labels of a block or of a function: a context manager, and a decorator.

    One object may be entered again and again, by several threads and tasks at a time.
    """

    __slots__ = ("_blocks", "_given")

    def __init__(self, values: Mapping[str, object]) -> None:
        self._given = values
        self._blocks: Blocks[Any] = Blocks()

    def __enter__(self) -> Labelling:
        token: Any = None
        try:
            context = context_api.get_current()
            merged = _interned({**of(context).attributes, **_admitted(self._given)})
            token = context_api.attach(context_api.set_value(_LABELS, merged, context))
        except Exception:
            faults.caught("labels")
        self._blocks.enter(token)
        return self

    def __exit__(self, *_: object) -> None:
        token = self._blocks.leave()
        if token is not None:
            contexts.detach(token)

    def __call__(self, function: _F) -> _F:
        """Decorates a function, or a coroutine function."""
        return decorated(function, lambda: self)


def _admitted(given: Mapping[str, object]) -> dict[str, str]:
    settings = config.in_force
    admitted: dict[str, str] = {}
    for key, value in given.items():
        if key not in settings.labels:
            drops.count(SelfDropReason.LABEL_UNDECLARED)
            if key not in _warned and len(_warned) < _MAX_VALUE:
                _warned.add(key)
                _log.warning("the label %s is dropped: the setting labels does not declare it", encodable(key))
            continue
        text = encodable(str(value)[:_MAX_VALUE])
        known = _values.setdefault(key, set())
        if text not in known:
            if len(known) >= settings.max_label_values:
                drops.count(SelfDropReason.LABEL_LIMIT)
                text = _OTHER
            else:
                known.add(text)
        admitted[f"{names.INFERSPAN_LABEL}.{key}"] = text
    return admitted


def _interned(attributes: Mapping[str, str]) -> Labels:
    key = tuple(sorted(attributes.items()))
    found = _sets.get(key)
    if found is None:
        if len(_sets) >= _MAX_SETS:
            drops.count(SelfDropReason.LABEL_LIMIT)
            return NONE
        found = _sets[key] = Labels(attributes)
    return found
