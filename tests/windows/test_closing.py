# SPDX-License-Identifier: Apache-2.0
"""When windows are closed, who is told, and what stays when a process forks."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from support.windows import INPUT, Gathered, captured

from inferspan import clock, config, faults
from inferspan.windows import FieldTotals, Window, WindowKey, Windows

OUTPUT = INPUT._replace(direction="output")
SECOND = 1_000_000_000
NOON = 1_767_225_600 * SECOND


class Clocks:
    """Both clocks, standing still."""

    def __init__(self) -> None:
        self.wall = NOON
        self.monotonic = 5 * SECOND


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    found = Clocks()
    monkeypatch.setattr(clock, "wall", lambda: found.wall)
    monkeypatch.setattr(clock, "monotonic", lambda: found.monotonic)
    return found


def test_a_window_is_closed_after_so_many_inferences() -> None:
    config.load(window_inferences=3)
    gathered = Gathered()
    for value in range(7):
        gathered.add([float(value)])
    assert [window.inferences for window in gathered.closed] == [3, 3]
    assert [window.fields["x"].maximum for window in gathered.closed] == [2.0, 5.0]
    assert gathered.close().inferences == 1


def test_a_window_is_closed_after_so_many_seconds(clocks: Clocks) -> None:
    config.load(window_seconds=10)
    gathered = Gathered()
    assert gathered.windows.next_due() is None
    gathered.add([1.0])
    assert gathered.windows.next_due() == 15 * SECOND
    clocks.wall += 10 * SECOND - 1
    clocks.monotonic += 10 * SECOND - 1
    gathered.windows.close_due()
    assert not gathered.closed
    clocks.monotonic += 1
    gathered.windows.close_due()
    (window,) = gathered.closed
    assert (window.started, window.ended) == (NOON, NOON + 10 * SECOND - 1)
    assert gathered.windows.next_due() is None


def test_a_window_of_a_model_that_is_not_called_any_more(clocks: Clocks) -> None:
    gathered = Gathered()
    gathered.add([1.0])
    clocks.monotonic += 5 * SECOND
    gathered.add([2.0], key=OUTPUT)
    clocks.monotonic += 55 * SECOND
    for _ in range(3):
        gathered.windows.close_due(clocks.monotonic)
        gathered.add([3.0], key=OUTPUT)
    assert [window.key for window in gathered.closed] == [INPUT]
    assert gathered.windows.next_due() == 70 * SECOND
    gathered.windows.close_due(70 * SECOND)
    assert [(window.key, window.inferences) for window in gathered.closed] == [(INPUT, 1), (OUTPUT, 4)]


def test_a_clock_that_is_set_back(clocks: Clocks) -> None:
    gathered = Gathered()
    gathered.add([1.0])
    clocks.wall -= 3600 * SECOND
    clocks.monotonic += 59 * SECOND
    gathered.windows.close_due()
    assert not gathered.closed
    clocks.monotonic += 1 * SECOND
    gathered.windows.close_due()
    (window,) = gathered.closed
    assert window.started == window.ended == NOON


def test_all_windows_are_closed_at_the_end() -> None:
    gathered = Gathered()
    keys = [INPUT, OUTPUT, INPUT._replace(version="4"), WindowKey(entity="features.v2")]
    for key in keys:
        gathered.add([1.0], key=key)
    gathered.windows.close_all()
    gathered.windows.close_all()
    assert [window.key for window in gathered.closed] == keys


def test_everybody_is_told_of_a_window_and_a_fault_stops_none(caplog: pytest.LogCaptureFixture) -> None:
    faults.strict = False
    gathered = Gathered()
    told: list[Window] = []

    def fails(_window: Window) -> None:
        raise LookupError

    gathered.windows.on_close(fails)
    gathered.windows.on_close(told.append)
    gathered.add([1.0])
    gathered.windows.close_all()
    assert told == gathered.closed
    assert len(told) == 1
    assert faults.counts.pop("windows") == 1
    assert "inferspan failed in windows (LookupError" in caplog.text


def test_who_is_told_may_use_the_windows_from_any_thread() -> None:
    config.load(window_inferences=1)
    windows = Windows()
    found: list[int] = []

    def look(window: Window) -> None:
        if window.key == INPUT:
            windows.add(OUTPUT, captured([2.0]))
            thread = threading.Thread(target=lambda: found.append(len(windows.totals())))
            thread.start()
            thread.join(10)

    windows.on_close(look)
    windows.add(INPUT, captured([1.0]))
    assert found == [2]


def test_an_inference_that_comes_between() -> None:
    """A finaliser can run one while another is added, on the same thread; here it is who is asked that does."""
    config.load(window_inferences=2)
    gathered = Gathered(keeps=lambda _key, name: name == "x" and gathered.add({"y": [5.0]}) is None)
    for _ in range(4):
        gathered.add({"x": [1.0]})
    assert [window.inferences for window in gathered.closed] == [2, 2]
    assert [{name: field.count for name, field in window.fields.items()} for window in gathered.closed] == [
        {"y": 1},
        {"x": 2},
    ]
    assert gathered.windows.overflowed == 1
    assert gathered.close().fields["x"].count == 1


def test_a_forked_child_starts_anew() -> None:
    gathered = Gathered(keeps=lambda _key, _name: True)
    gathered.add([1.0, 2.0])
    held = threading.Event()
    release = threading.Event()

    def hold() -> None:
        with gathered.windows._lock:  # as a thread of the parent may, at the fork
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    gathered.windows.clear()
    assert gathered.windows.next_due() is None
    assert gathered.windows.totals() == gathered.windows.distributions() == {}
    gathered.add([3.0])
    assert gathered.close().fields["x"].count == 1
    release.set()
    thread.join(10)


def test_two_threads_and_one_model() -> None:
    config.load(window_inferences=50)
    gathered = Gathered()
    captures = captured(np.arange(20, dtype=np.float32).reshape(1, 20))
    ready = threading.Barrier(5)
    counts: list[int] = []

    def add() -> None:
        ready.wait(10)
        for _ in range(1000):
            gathered.windows.add(INPUT, captures)

    def look() -> None:
        ready.wait(10)
        while len(counts) < 200:
            counts.append(gathered.windows.totals().get((INPUT, "x.7"), FieldTotals()).count)

    threads = [threading.Thread(target=work) for work in (add, add, add, look, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(gathered.closed) == 60
    assert {window.inferences for window in gathered.closed} == {50}
    for window in gathered.closed:
        assert [field.mean for field in window.fields.values()] == list(range(20))
        assert {field.count for field in window.fields.values()} == {50}
    assert gathered.windows.totals()[INPUT, "x.19"].count == 3000
