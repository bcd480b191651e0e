# SPDX-License-Identifier: Apache-2.0
"""The public names, locked: a new one is a decision, and a lost one breaks somebody."""

from __future__ import annotations

import inspect
from importlib.metadata import distribution, entry_points

import pytest

import inferspan


def test_exported_members() -> None:
    assert inferspan.__all__ == ["__version__", "configure", "describe", "inference"]
    assert set(inferspan.__all__) <= set(dir(inferspan))
    assert callable(inferspan.inference)
    with pytest.raises(AttributeError, match="no attribute 'infer'"):
        inferspan.infer  # noqa: B018


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("inference", ["model", "version", "system", "server", "port"]),
        ("describe", ["model", "name", "version", "features"]),
        ("configure", ["settings"]),
    ],
)
def test_options_are_keyword_only(name: str, parameters: list[str]) -> None:
    signature = inspect.signature(getattr(inferspan, name))
    assert list(signature.parameters) == parameters
    for parameter in list(signature.parameters.values())[1:]:
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY


def test_entry_points() -> None:
    ours = distribution("inferspan").entry_points
    instrumentors = {one.name for one in ours if one.group == "opentelemetry_instrumentor"}
    assert instrumentors == {"inferspan_torch", "inferspan_onnxruntime"}
    for one in entry_points(group="opentelemetry_instrumentor"):
        if one.name in instrumentors:
            assert one.load()().instrumentation_dependencies() == ()
    # The launcher would skip all of them where one library is missing.
    assert "instruments" not in (distribution("inferspan").metadata.get_all("Provides-Extra") or [])
    assert inferspan.__version__ == distribution("inferspan").version
