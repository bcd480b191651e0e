# SPDX-License-Identifier: Apache-2.0
"""Exceptions as telemetry: what is kept of them, and what of their messages leaves."""

from __future__ import annotations

import gc
import sys
import time
import traceback
import weakref
from collections.abc import Callable

import pytest

from inferspan.config import EXCEPTION_DETAILS
from inferspan.recording.exceptions import capture, elide, from_text, message_of, name_of, stacktrace_of

KEPT = [
    "mat1 and mat2 shapes cannot be multiplied (1x5 and 20x3)",
    "expected input[1, 5, 224, 224] to have 3 channels, but got 5 channels instead",
    "Got invalid dimensions for input: x for the following indices\n index: 1 Got: 5 Expected: 20",
    "CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 15.78 GiB total capacity)",
    "index 150528 is out of bounds for dimension 0 with size 10",
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
    "The size of tensor a (3) must match the size of tensor b (20) at non-singleton dimension 1",
    "expected scalar type Float8_e4m3fn but found BFloat16, int64 or complex128",
    "X has 5 features, but StandardScaler is expecting 20 features as input.",
    "operands could not be broadcast together with shapes (1,20) (3,4)",
    "Input shape:{1,5}, requested shape:{20}",
    "got input size torch.Size([1, 20]) in layer4.0.bn1.weight of torch 2.15.0",
    "can't convert it, and it's broken",
    "model.layers.12.mlp is not in the checkpoint",
    "",
]

ELIDED = [
    ("could not convert string to float: 'secret'", "could not convert string to float: '…'"),
    ('no category "dark chocolate" here', 'no category "…" here'),
    ("it says 'it\\'s secret' and `more`", "it says '…' and `…`"),
    ("begins 'and never ends secret", "begins '…'"),
    ("('a', \"b\")", "('…', \"…\")"),
    ("jane.doe@example.com is not allowed", "… is not allowed"),
    ("bad value 8231.77 or -0.25 or 1e-05 or 6.02E23", "bad value … or … or … or …"),
    ("customer 48213977", "customer …"),
    ("born 1985-06-14 at 10.20.30.40", "born … at …"),
    ("token CANARY-3f9d2c", "token …"),
    ("key sk4bH7xQ2", "key …"),
    ("550e8400-e29b-41d4-a716-446655440000 is gone", "… is gone"),
    ("at 0x7f3a2b4c", "at …"),
    ("bad row [41, 3, 120, 7, 1, 2, 3, 4, 5, 6]", "bad row […]"),
    ("bad row (41, 3, 120, 7, 1, 2, 3, 4, 5, 6)", "bad row (…)"),
    ("bad row [41 3 120]", "bad row […]"),
    ("bad rows [[41. 3.]\n [5. 6.]]", "bad rows [[…]\n […]]"),
    ("array([[41, 3]]) is bad", "array(…) is bad"),
    ("tensor([41], device='cuda:0') is bad", "tensor(…) is bad"),
    ("array([41, 3", "array(…)"),
    ("{'age': 41} is bad", "{…} is bad"),
    ("Row(age=41, name=Jane, weights=[1, 2])", "Row(age=…, name=…, weights=[1, 2])"),
    ("np.float64(8231.77) is bad", "np.float64(…) is bad"),
]


@pytest.mark.parametrize("message", KEPT)
def test_kept(message: str) -> None:
    assert elide(message) == message


@pytest.mark.parametrize(("message", "expected"), ELIDED)
def test_elided(message: str, expected: str) -> None:
    assert elide(message) == expected


@pytest.mark.parametrize(
    "unit", ["'", "(", "array(", "array((", "a@", "@", "{a", "[1 ", "1.", "a=", "\\'", "a_", "(1,"]
)
def test_eliding_takes_no_longer_than_its_message_is(unit: str) -> None:
    """A message is others' data too: none makes this take seconds."""

    def taken(size: int) -> float:
        message = (unit * size)[:size]
        started = time.thread_time()
        elide(message)
        return time.thread_time() - started

    assert min(taken(4096) for _ in range(3)) < 0.5


def raised(action: Callable[[], object]) -> BaseException:
    try:
        action()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def _chained() -> None:
    try:
        int("secret one")
    except ValueError as error:
        raise LookupError("no 'secret two'") from error


def _during() -> None:
    try:
        int("secret one")
    except ValueError:
        raise LookupError("no 'secret two'")  # noqa: B904 (during the other, and not because of it)


def test_each_detail_reveals_what_it_says() -> None:
    found = {}
    for detail in EXCEPTION_DETAILS:
        failure = capture(raised(_chained), detail=detail)
        found[detail] = (message_of(failure, detail=detail), stacktrace_of(failure, detail=detail))
    assert found["type"] == (None, None)
    assert found["message"] == ("no '…'", None)
    message, stack = found["stacktrace"]
    assert message == "no '…'"
    assert stack is not None
    assert "LookupError: no '…'" in stack
    assert "ValueError: invalid literal for int() with base 10: '…'" in stack
    assert 'raise LookupError("…") from error' in stack
    assert "secret" not in stack
    message, stack = found["full"]
    assert message == "no 'secret two'"
    assert stack is not None
    assert "secret one" in stack


@pytest.mark.parametrize("action", [_chained, _during])
def test_a_stack_is_as_python_prints_it(action: Callable[[], None]) -> None:
    error = raised(action)
    printed = "".join(traceback.format_exception(error)).splitlines()
    expected = [line for line in printed if not line or not set(line) <= set(" ^~")]
    stack = stacktrace_of(capture(error, detail="full"), detail="full")
    assert stack is not None
    assert stack.splitlines() == expected


def test_a_reason_that_is_hidden_stays_hidden() -> None:
    def suppressed() -> None:
        try:
            int("secret one")
        except ValueError:
            raise LookupError("no") from None

    stack = stacktrace_of(capture(raised(suppressed), detail="full"), detail="full")
    assert stack is not None
    assert "ValueError" not in stack


def test_a_recursion_is_cut_in_its_middle() -> None:
    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        raise ValueError("at the bottom")

    failure = capture(raised(lambda: deeper(500)), detail="stacktrace")
    stack = stacktrace_of(failure, detail="stacktrace")
    assert stack is not None
    assert len(failure.frames) == 64
    assert f"[{failure.skipped_frames} more frames]" in stack
    assert "in raised" in stack
    assert stack.endswith("ValueError: at the bottom\n")
    assert len(stack) < 17_000


def test_notes_stay_here() -> None:
    error = ValueError("no")
    if sys.version_info < (3, 11):
        pytest.skip("exceptions have notes since Python 3.11")
    error.add_note("secret")
    failure = capture(error, detail="full")
    assert "secret" not in f"{message_of(failure, detail='full')}{stacktrace_of(failure, detail='full')}"


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_exception_without_words() -> None:
    failure = capture(raised(lambda: (_ for _ in ()).throw(Broken())), detail="stacktrace")
    assert message_of(failure, detail="stacktrace") == "<exception str() failed>"


def test_names() -> None:
    assert name_of(ValueError()) == "ValueError"
    assert name_of(Broken()) == f"{__name__}.Broken"


@pytest.mark.parametrize("detail", ["message", "full"])
def test_a_message_is_utf8_and_bounded(detail: str) -> None:
    message = message_of(capture(ValueError("no file \udcff" + " a" * 10_000), detail=detail), detail=detail)
    assert message is not None
    assert message.startswith("no file ? a a")
    assert len(message) == 1024


def test_an_error_that_came_as_text() -> None:
    failure = from_text("Fail", "no 'secret'")
    assert (failure.type, message_of(failure, detail="stacktrace")) == ("Fail", "no '…'")
    assert stacktrace_of(failure, detail="stacktrace") is None


def test_nothing_of_the_frames_is_kept() -> None:
    class Local:
        pass

    def fail() -> None:
        local = Local()
        references.append(weakref.ref(local))
        raise ValueError("no")

    references: list[weakref.ref[Local]] = []
    error: BaseException | None = raised(fail)
    assert error is not None
    failure = capture(error, detail="full")
    gc.disable()
    try:
        error = None
        assert references[0]() is None
    finally:
        gc.enable()
    assert failure.frames
