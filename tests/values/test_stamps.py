# SPDX-License-Identifier: Apache-2.0
"""The inputs of a call that was not sampled are looked at when it has failed: those that it has not changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from inferspan_instrumentors.torch import TorchInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from support.telemetry import Telemetry

from inferspan.values import stamp

CHANGED = "changed by the call"


def _in_inference_mode() -> torch.Tensor:
    with torch.inference_mode():
        return torch.ones(2)


TOLD: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], bool]] = {
    # what is given, what is done to it, and whether that is told
    "tensor": (lambda: torch.ones(2), lambda x: x.mul_(2), True),
    "parameter": (lambda: torch.nn.Parameter(torch.ones(2)), lambda x: x.data.mul_(2), False),
    "view": (lambda: torch.ones(2, 2)[0], lambda x: x.mul_(2), True),
    "base of a view": (lambda: torch.ones(2, 2)[0], lambda x: x._base.mul_(2), True),
    "in a list": (lambda: [1, torch.ones(2)], lambda x: x[1].mul_(2), True),
    "in a dict": (lambda: {"a": torch.ones(2)}, lambda x: x["a"].mul_(2), True),
    "in a tuple": (lambda: (torch.ones(2),), lambda x: x[0].mul_(2), True),
    "a longer list": (lambda: [torch.ones(2)], lambda x: x.append(torch.ones(2)), True),
    "inference mode": (_in_inference_mode, lambda _: None, False),
    "only read": (lambda: torch.ones(2), lambda x: x * 2, False),
    "number": (lambda: 3, lambda _: None, False),
    "unknown": (object, lambda _: None, False),
}


@pytest.mark.parametrize(("make", "change", "told"), TOLD.values(), ids=TOLD)
def test_told(make: Callable[[], Any], change: Callable[[Any], Any], told: bool) -> None:
    value = make()
    before = stamp(value)
    assert stamp(value) == before
    change(value)
    assert (stamp(value) != before) == told


def test_a_list_in_itself_has_a_stamp() -> None:
    value: list[Any] = [torch.ones(2)]
    value.append(value)
    assert stamp(value) == [0, None]


class Failing(torch.nn.Module):
    def forward(self, x: torch.Tensor, more: Any) -> None:
        x.mul_(2)
        raise ValueError("no")


@pytest.mark.usefixtures("spent_budget")
def test_changed_inputs_are_left_out_and_named() -> None:
    with Telemetry(sampler=ALWAYS_OFF) as telemetry:
        telemetry.instrument(TorchInstrumentor())
        with pytest.raises(ValueError, match="no"):
            Failing().eval()(torch.ones(2), [torch.ones(3)])
        (event,) = telemetry.events()
        assert set(event.attributes["inferspan.input.names"]) == {"x", "more.0"}
        assert event.attributes["inferspan.input.profile.notes"] == (f"x: {CHANGED}",)


FIRST = """
import torch
from inferspan.values import stamp

x = torch.ones(2)
before = stamp(x)
x.mul_(2)
assert stamp(x) != before
"""


def test_the_first_tensor_of_a_process_has_a_stamp() -> None:
    """No tensor may have been read before: in a process that samples nothing, none is."""
    subprocess.run([sys.executable, "-c", FIRST], check=True)
