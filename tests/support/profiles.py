# SPDX-License-Identifier: Apache-2.0
"""Profiles of values, taken as an inference takes them, on the caller's thread."""

from __future__ import annotations

from typing import Any

from inferspan.profiling import FieldProfile, capture, summarise

MAX_ELEMENTS = 4_194_304


def profiles(
    value: Any, name: str = "x", *, min_count: int = 1, max_elements: int = MAX_ELEMENTS, **options: Any
) -> list[FieldProfile]:
    """Returns the profiles of all that is found in a value, which is an input where features are named."""
    captures = capture({name: value}, max_elements=max_elements, **{"inputs": "features" in options, **options})
    return summarise(captures, min_count=min_count)


def profile(value: Any, **options: Any) -> FieldProfile:
    """Returns the profile of a value that is one tensor, array or number."""
    (found,) = profiles(value, **options)
    return found


def described(value: Any, **options: Any) -> list[tuple[str, str, tuple[int, ...] | None, str | None]]:
    """Returns name, type, shape and note of all that is found in a value."""
    return [(one.name, one.type, one.shape, one.note) for one in profiles(value, **options)]
