# SPDX-License-Identifier: Apache-2.0
"""What is public stays so, and is loaded when it is used."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import pytest

import inferspan
from inferspan.config import Config

MEMBERS = {
    "__version__": None,
    "configure": "(**settings: 'Any') -> 'config.Config'",
    "describe": "(model: 'object', *, name: 'str | None' = None, version: 'str | None' = None, "
    "features: 'Sequence[str] | Mapping[str, Sequence[str]] | None' = None) -> 'None'",
    "inference": "(model: 'object', *, version: 'str | None' = None, system: 'str' = '_OTHER', "
    "server: 'str | None' = None, port: 'int | None' = None) -> 'Call'",
}


def test_the_members_are_locked() -> None:
    assert set(inferspan.__all__) == set(MEMBERS)
    assert set(inferspan.__all__) <= set(dir(inferspan))


@pytest.mark.parametrize(("name", "signature"), [(name, text) for name, text in MEMBERS.items() if text])
def test_the_signatures_are_locked(name: str, signature: str) -> None:
    member = getattr(inferspan, name)
    assert str(inspect.signature(member)) == signature
    assert inspect.getdoc(member)


def test_a_call_has_these_members() -> None:
    call = inferspan.inference("model")
    assert {name for name in dir(call) if not name.startswith("_")} == {"headers", "inputs", "outputs"}


def test_the_settings_are_locked() -> None:
    assert set(Config.__dataclass_fields__) == {
        "anomaly_events_per_minute",
        "defer",
        "enabled",
        "exception_detail",
        "max_models",
        "models",
        "profile",
        "profile_max_elements",
        "profile_min_count",
        "profile_span_bytes",
        "queue_size",
        "raise_faults",
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
