# SPDX-License-Identifier: Apache-2.0
"""Containers and tensors that another thread changes while they are looked at."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from support.profiles import profiles

from inferspan import faults, values
from inferspan.profiling import capture

SECONDS = 0.4


@contextmanager
def meanwhile(change: Callable[[], None]) -> Iterator[None]:
    """Calls a function over and over on another thread, which gets its turn as often as can be."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            change()

    thread = threading.Thread(target=run)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)


def _list() -> tuple[Any, Callable[[], None]]:
    value: list[Any] = []

    def change() -> None:
        value[:] = [1.0] * 50
        value.append("text")
        value[:] = [[1.0, 2.0]] * 50
        value[3] = [object()]
        value.clear()

    return value, change


def _dict() -> tuple[Any, Callable[[], None]]:
    value: dict[str, Any] = {}

    def change() -> None:
        value.update({f"f{index}": float(index) for index in range(50)})
        value["list"] = [1.0, 2.0]
        value.clear()

    return value, change


def _tensors() -> tuple[Any, Callable[[], None]]:
    value: list[torch.Tensor] = []

    def change() -> None:
        value.append(torch.ones(50_000))
        if len(value) > 4:
            value.clear()

    return value, change


CHANGED = {"list": _list, "dict": _dict, "tensors": _tensors}


@pytest.mark.parametrize("make", CHANGED.values(), ids=CHANGED)
def test_a_container_that_changes(make: Callable[[], tuple[Any, Callable[[], None]]]) -> None:
    """It is read in one of its states or in a mixture of them, or said to have changed: never a fault or a crash."""
    value, change = make()
    with meanwhile(change):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for one in profiles({"inner": value, "sequence": [value]}):
                assert one.mean is None or one.mean >= 0
    assert not faults.counts


def test_a_dict_of_inputs_that_changes() -> None:
    value, change = _dict()
    with meanwhile(change):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            capture(value, max_elements=1024)
    assert not faults.counts


def test_a_tensor_lives_as_long_as_it_is_read() -> None:
    """It is read through its address, so what was found in a container must outlive its place there."""
    value = [torch.ones(50_000)]
    reference = weakref.ref(value[0])
    ((_, reading),) = values.walk(value, "x")
    value.clear()
    assert reading.array.sum() == 50_000
    assert reference() is not None
    reading.array = None
    assert reference() is None
