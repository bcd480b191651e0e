# SPDX-License-Identifier: Apache-2.0
"""Data that belongs to no inference is profiled where it is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.telemetry import Telemetry

import inferspan
from inferspan import api, pipeline
from inferspan.semconv import events

COLUMNS = {"age": np.arange(100.0), "income": np.array([1.0, np.nan] * 50)}


def profiles(telemetry: Telemetry) -> dict[str, Any]:
    """Returns the attributes of the events of the windows that a shutdown closes, by field."""
    telemetry.meter_provider.shutdown()
    found = [one for one in telemetry.events() if one.event_name == events.INFERSPAN_DATA_PROFILE]
    return {one.attributes["inferspan.field.name"]: one.attributes for one in found}


@pytest.mark.parametrize(
    "data",
    [
        COLUMNS,
        [{name: float(values[row]) for name, values in COLUMNS.items()} for row in range(100)],
    ],
    ids=["columns", "records"],
)
def test_each_column_is_a_field_of_the_entity(manual: Telemetry, data: Any) -> None:
    inferspan.profile(data, entity="features.v2")
    fields = profiles(manual)
    assert set(fields) == {"age", "income"}
    assert {one["inferspan.entity.name"] for one in fields.values()} == {"features.v2"}
    assert not any("inferspan.model.name" in one or "inferspan.io.direction" in one for one in fields.values())
    age, income = fields["age"], fields["income"]
    assert (age["inferspan.field.profile.count"], age["inferspan.field.profile.mean"]) == (100, 49.5)
    assert income["inferspan.field.profile.missing_count"] == 50
    assert manual.spans() == []


def test_what_is_given_again_and_again_is_one_window(manual: Telemetry) -> None:
    for start in range(0, 100, 10):
        inferspan.profile(np.arange(start, start + 10.0).reshape(5, 2), entity="pairs")
    first, second = profiles(manual).values()
    assert first["inferspan.field.profile.count"] == second["inferspan.field.profile.count"] == 50
    assert first["inferspan.field.profile.mean"] == 49.0
    assert second["inferspan.field.profile.mean"] == 50.0


def test_a_large_table_is_read_in_full_whatever_the_budget(manual: Telemetry) -> None:
    pipeline.configure(profile_budget=0)
    inferspan.profile({"large": np.arange(300_000.0)}, entity="large")
    (field,) = profiles(manual).values()
    assert field["inferspan.field.profile.count"] == 300_000
    assert field["inferspan.field.profile.mean"] == 149_999.5


def test_off_is_off(manual: Telemetry) -> None:
    pipeline.configure(profile=False)
    inferspan.profile(COLUMNS, entity="features.v2")
    assert profiles(manual) == {}


@pytest.mark.parametrize("entity", ["", None, 3])
def test_an_entity_has_a_name(entity: Any) -> None:
    with pytest.raises(TypeError, match="entity must be a string"):
        inferspan.profile(COLUMNS, entity=entity)


def test_without_an_sdk_it_costs_nothing_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_recorder", None)
    inferspan.profile(COLUMNS, entity="features.v2")
