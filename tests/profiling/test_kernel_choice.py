# SPDX-License-Identifier: Apache-2.0
"""Which kernel is in use: chosen once, by the setting and by what is installed, and said."""

from __future__ import annotations

import logging
import sys

import numpy as np
import pytest
from support.telemetry import Telemetry

from inferspan import config, pipeline, status
from inferspan.profiling import _compiled, kernel

NATIVE = f"native, {_compiled.levels()[0]}"


@pytest.fixture(autouse=True)
def unchosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_kernel", None)


def use(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setattr(config, "in_force", config.Config(profile_kernel=setting))


@pytest.mark.parametrize(("setting", "expected"), [("auto", NATIVE), ("native", NATIVE), ("numpy", "numpy")])
def test_it_is_chosen_at_the_first_use(
    setting: str, expected: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    use(monkeypatch, setting)
    caplog.set_level(logging.INFO, "inferspan")
    assert kernel.name_in_use() is None
    assert status.status()["kernel"] is None
    for _ in range(2):
        (found,) = kernel.moments(np.arange(5.0), "<f8")
        assert found.mean == 2
    assert kernel.name() == kernel.name_in_use() == status.status()["kernel"] == expected
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("INFO", f"Kernel of data profiles: {expected}")
    ]
    use(monkeypatch, "auto")
    assert kernel.name() == expected, "it does not change under those who compare figures"


@pytest.mark.parametrize(("setting", "level"), [("auto", "INFO"), ("native", "WARNING")])
def test_where_no_native_one_is_installed(
    setting: str, level: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    use(monkeypatch, setting)
    monkeypatch.delattr(sys.modules["inferspan.profiling"], "_compiled")
    monkeypatch.setitem(sys.modules, "inferspan.profiling._compiled", None)
    caplog.set_level(logging.INFO, "inferspan")
    assert kernel.name() == "numpy"
    kernel.name()
    (record,) = caplog.records
    assert record.levelname == level
    assert record.getMessage().startswith("Kernel of data profiles: numpy")
    assert ("OTEL_PYTHON_INFERSPAN_PROFILE_KERNEL" in record.getMessage()) is (level == "WARNING")


def test_it_is_a_metric(telemetry: Telemetry) -> None:
    pipeline.recorder("kernel", system="other", **telemetry.providers)
    assert not telemetry.points("inferspan.self.profile.kernels")
    kernel.name()
    (point,) = telemetry.points("inferspan.self.profile.kernels")
    assert (point.value, dict(point.attributes)) == (1, {"inferspan.self.profile.kernel": NATIVE})
