# SPDX-License-Identifier: Apache-2.0
"""What windows say of the whole life of a process: counts and distributions that never go down."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from support.histograms import histogram_of
from support.windows import INPUT, Gathered

from inferspan import config
from inferspan.windows import FieldTotals, WindowKey

OUTPUT = INPUT._replace(direction="output")


def test_totals_go_on_from_window_to_window() -> None:
    gathered = Gathered()
    gathered.add({"x": np.array([1.0, math.nan, 0.0]), "y": [5]})
    assert gathered.windows.totals() == {
        (INPUT, "x"): FieldTotals(3, 1, 0, 1, 1.0),
        (INPUT, "y"): FieldTotals(1, 0, 0, 0, 5.0),
    }
    gathered.close()
    gathered.add({"x": np.array([math.inf, 3.0])})
    gathered.add({"x": np.arange(2000.0)}, key=OUTPUT)
    for _ in range(2):
        assert gathered.windows.totals() == {
            (INPUT, "x"): FieldTotals(5, 1, 1, 1, 4.0),
            (INPUT, "y"): FieldTotals(1, 0, 0, 0, 5.0),
            (OUTPUT, "x"): FieldTotals(2000, 0, 0, 1, 1_999_000.0),
        }
        gathered.windows.close_all()


def test_totals_close_nothing() -> None:
    gathered = Gathered()
    for _ in range(5):
        gathered.add([1.0, 2.0])
        gathered.windows.totals()
    assert not gathered.closed
    assert gathered.close().fields["x"].count == 10


def test_totals_never_go_down() -> None:
    config.load(window_inferences=7)
    rng = random.Random(20240131)
    gathered = Gathered()
    before = FieldTotals()
    for _ in range(100):
        gathered.add({"x": [rng.choice((1.0, None, math.inf, 0.0))]})
        found = gathered.windows.totals()[INPUT, "x"]
        assert found.count == before.count + 1
        assert (found.missing, found.infinite, found.zero) >= (before.missing, before.infinite, before.zero)
        before = found


def test_a_field_of_changing_type_has_one_count() -> None:
    gathered = Gathered()
    gathered.add(np.array([1, 2], np.int32))
    gathered.add(np.array([3.0]))
    assert gathered.windows.totals() == {(INPUT, "x"): FieldTotals(3, 0, 0, 0, 6.0)}


def test_a_sum_beyond_all_doubles() -> None:
    gathered = Gathered()
    for _ in range(2):
        gathered.add([1.5e308, 1.5e308])
        assert gathered.windows.totals()[INPUT, "x"].total == pytest.approx(1.7976931348623157e308)
        gathered.close()


def test_distributions_are_kept_of_those_that_are_chosen() -> None:
    asked: list[tuple[WindowKey, str]] = []

    def keeps(key: WindowKey, name: str) -> bool:
        asked.append((key, name))
        return name == "x"

    gathered = Gathered(keeps=keeps)
    values = np.random.default_rng(20240131).normal(0, 1, (6, 50))
    for index in range(6):
        gathered.add({"x": values[index], "y": [1.0]})
        found = gathered.windows.distributions()
        assert list(found) == [(INPUT, "x")]
        summary = found[INPUT, "x"].summary
        seen = values[: index + 1].ravel()
        assert summary.histogram == histogram_of(seen.tolist())
        assert (summary.count, summary.minimum, summary.maximum) == (seen.size, seen.min(), seen.max())
        assert summary.mean == pytest.approx(seen.mean())
        if index % 2:
            window = gathered.close()
            assert found[INPUT, "x"].started <= window.started
    assert asked == [(INPUT, "x"), (INPUT, "y")]
    assert gathered.windows.distributions()[INPUT, "x"].summary.count == 300


def test_a_model_that_was_replaced_gives_way() -> None:
    config.load(window_fields=4)
    gathered = Gathered()
    for version in range(20):
        gathered.add({"x": [1.0], "y": [2.0]}, key=INPUT._replace(version=str(version)))
        gathered.close()
    assert gathered.windows.overflowed == 0
    kept = [(key.version, name) for key, name in gathered.windows.totals()]
    assert kept == [("18", "x"), ("18", "y"), ("19", "x"), ("19", "y")]


def test_a_model_in_use_gives_way_to_none() -> None:
    config.load(window_fields=4)
    gathered = Gathered()
    gathered.add({"x": [1.0], "y": [2.0]})
    for version in range(20):
        key = INPUT._replace(version=f"other {version}")
        gathered.add({"x": [1.0], "y": [2.0], "z": [3.0]}, key=key)
        gathered.windows.close_due()
    assert gathered.windows.totals()[INPUT, "x"].count == 1
    gathered.windows.close_all()
    assert len(gathered.windows.totals()) <= 4
