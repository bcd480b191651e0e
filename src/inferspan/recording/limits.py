# SPDX-License-Identifier: Apache-2.0
"""Which models have series of their own: the SDK keeps every series there ever was."""

from __future__ import annotations

from inferspan import config

#: What stands for all that have no series of their own.
OTHER = "_OTHER"

#: Models that have series of their own, in the order met.
_models: dict[tuple[str, str | None], tuple[str, str | None]] = {}
_OVERFLOW = (OTHER, None)


def series_model(name: str, version: str | None) -> tuple[str, str | None]:
    """Returns name and version as metrics may carry them: of the first ``max_models`` models, else ``_OTHER``."""
    key = (name, version)
    if key in _models:
        return key
    if len(_models) < config.in_force.max_models:
        _models[key] = key
        return key
    return _OVERFLOW
