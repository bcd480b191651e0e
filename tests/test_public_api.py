# SPDX-License-Identifier: Apache-2.0
"""What is public stays so, and is loaded when it is used."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

import inferspan
from inferspan.config import Config

MEMBERS = {
    "Token": "() -> 'None'",
    "__version__": None,
    "batch": "(tokens: 'Iterable[Token]') -> 'Batching'",
    "configure": "(**settings: 'Any') -> 'config.Config'",
    "current_id": "() -> 'str | None'",
    "describe": "(model: 'object', *, name: 'str | None' = None, version: 'str | None' = None, "
    "features: 'Sequence[str] | Mapping[str, Sequence[str]] | None' = None, "
    "table: 'bool | Mapping[str, bool] | None' = None, preprocessing: 'str | None' = None, "
    "config_digest: 'str | None' = None, batch_axis: 'int | None' = 0) -> 'None'",
    "enqueue": "() -> 'Token'",
    "inference": "(model: 'object', *, version: 'str | None' = None, system: 'str' = '_OTHER', "
    "server: 'str | None' = None, port: 'int | None' = None) -> 'Call'",
    "labels": "(**values: 'object') -> 'Labelling'",
    "profile": "(data: 'Any', *, entity: 'str') -> 'None'",
    "register_profiler": "(name: 'str', factory: 'Callable[[], Profiler] | None' = None, *, "
    "models: 'str | Sequence[str] | None' = None, fields: 'str | Sequence[str] | None' = None, "
    "types: 'str | Sequence[str] | None' = None, dimensions: 'int | Sequence[int] | None' = None) -> 'None'",
    "show": "() -> 'None'",
    "stage": "(name: 'str', *, model: 'str | None' = None) -> 'Step'",
}


def test_the_members_are_locked() -> None:
    assert set(inferspan.__all__) == set(MEMBERS)
    assert set(inferspan.__all__) <= set(dir(inferspan))


@pytest.mark.parametrize(("name", "signature"), [(name, text) for name, text in MEMBERS.items() if text])
def test_the_signatures_are_locked(name: str, signature: str) -> None:
    member = getattr(inferspan, name)
    assert str(inspect.signature(member)) == signature
    assert inspect.getdoc(member)


@pytest.mark.parametrize(
    ("made", "members"),
    [
        (lambda: inferspan.inference("model"), {"headers", "id", "inputs", "outputs"}),
        (lambda: inferspan.stage("preprocess"), set()),
        (lambda: inferspan.labels(), set()),
        (lambda: inferspan.batch([]), set()),
        (inferspan.enqueue, {"context", "since"}),
    ],
    ids=["inference", "stage", "labels", "batch", "enqueue"],
)
def test_what_is_returned_has_these_members(made: Callable[[], object], members: set[str]) -> None:
    assert {name for name in dir(made()) if not name.startswith("_")} == members


def test_the_settings_are_locked() -> None:
    assert set(Config.__dataclass_fields__) == {
        "anomaly_events_per_minute",
        "automatic_stages",
        "crash_folder",
        "defer",
        "distribution_fields",
        "enabled",
        "exception_detail",
        "faulty_field_series",
        "field_distributions",
        "field_series",
        "labels",
        "max_faults",
        "max_label_values",
        "max_links",
        "max_models",
        "model_info_digests",
        "models",
        "models_file",
        "profile",
        "profile_budget",
        "profile_kernel",
        "profile_max_elements",
        "profile_min_count",
        "profile_span_bytes",
        "profile_text",
        "profile_token_ids",
        "profilers",
        "quantile_fields",
        "queue_size",
        "raise_faults",
        "stall_seconds",
        "warn_after_seconds",
        "window_events",
        "window_fields",
        "window_inferences",
        "window_seconds",
    }


def test_the_version_is_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", inferspan.__version__)


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'inferspan' has no attribute 'infer'"):
        _ = inferspan.infer
    assert not hasattr(inferspan, "lifecycle_")


@pytest.mark.parametrize("name", MEMBERS)
def test_importing_the_package_loads_nothing_and_a_member_loads_its_home(name: str) -> None:
    program = (
        "import sys, inferspan\n"
        "parts = [one for one in sys.modules if one.startswith('inferspan.') or one.startswith('opentelemetry')]\n"
        "assert not parts, parts\n"
        f"from inferspan import {name}\n"
        f"assert vars(inferspan)[{name!r}] is {name}\n"
        "assert 'numpy' not in sys.modules and 'opentelemetry.sdk' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
