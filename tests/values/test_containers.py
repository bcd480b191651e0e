# SPDX-License-Identifier: Apache-2.0
"""What is found in containers, to a bounded depth and breadth, and what it is called."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, UserDict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from support.profiles import described, profile, profiles
from tensordict import TensorDict
from transformers import BatchEncoding
from transformers.feature_extraction_utils import BatchFeature
from transformers.modeling_outputs import SequenceClassifierOutput

ONE = torch.ones(2)
Point = namedtuple("Point", "x y")  # noqa: PYI024 (both kinds are read)


class Pair(NamedTuple):
    left: Any
    right: Any


class Further(Pair):
    """A subclass of a named tuple: it could redefine anything."""


@dataclass
class Row:
    age: int


FLOAT = ("float32", (2,), None)

FOUND: dict[str, tuple[Callable[[], Any], list[tuple[str, str, tuple[int, ...] | None, str | None]]]] = {
    "list": (lambda: [ONE, ONE], [("x.0", *FLOAT), ("x.1", *FLOAT)]),
    "tuple": (lambda: (ONE, None), [("x.0", *FLOAT), ("x.1", "null", (), None)]),
    "dict": (lambda: {"a": ONE, "b": {"c": ONE}}, [("a", *FLOAT), ("b.c", *FLOAT)]),
    "ordered dict": (lambda: OrderedDict(a=ONE), [("a", *FLOAT)]),
    "list in a dict": (lambda: {"a": [ONE, 1]}, [("a.0", *FLOAT), ("a.1", "int64", (), None)]),
    "whole keys": (lambda: {7: ONE, -1: ONE}, [("7", *FLOAT), ("-1", *FLOAT)]),
    "other keys": (
        lambda: {None: ONE, (1, 2): ONE, True: ONE, 2.5: ONE, b"secret": ONE, Row: ONE},
        [
            ("NoneType", *FLOAT),
            ("tuple", *FLOAT),
            ("bool", *FLOAT),
            ("float", *FLOAT),
            ("bytes", *FLOAT),
            ("type", *FLOAT),
        ],
    ),
    "a huge key": (lambda: {10**5000: ONE, 12345678901: ONE}, [("int", *FLOAT), ("x.int", *FLOAT)]),
    "a key that is not UTF-8": (lambda: {"a\udcff": ONE}, [("a?", *FLOAT)]),
    "named tuple": (lambda: Point(ONE, 2), [("x", *FLOAT), ("y", "int64", (), None)]),
    "typed named tuple": (lambda: Pair(ONE, [ONE]), [("left", *FLOAT), ("right.0", *FLOAT)]),
    "its subclass": (
        lambda: Further(ONE, ONE),
        [("x", f"{__name__}.Further", None, f"{__name__}.Further is not read")],
    ),
    "torch's named tuple": (
        lambda: torch.eye(2).max(0),
        [("values", *FLOAT), ("indices", "int64", (2,), None)],
    ),
    "tensor dict": (
        lambda: TensorDict({"a": ONE, "b": TensorDict({"c": ONE}, [2])}, [2]),
        [("a", *FLOAT), ("b.c", *FLOAT)],
    ),
    "model output": (lambda: SequenceClassifierOutput(logits=ONE), [("logits", *FLOAT)]),
    "batch encoding": (
        lambda: BatchEncoding({"input_ids": [1, 2], "text": "secret"}),
        [("input_ids", "int64", (2,), "token ids are not profiled"), ("text", "string", (), "text is not profiled")],
    ),
    "batch feature": (lambda: BatchFeature({"pixels": ONE}), [("pixels", *FLOAT)]),
    "user dict": (lambda: UserDict(a=1), [("x", "collections.UserDict", None, "collections.UserDict is not read")]),
    "data class": (
        lambda: Row(41),
        [("x", f"{__name__}.Row", None, f"{__name__}.Row is not read")],
    ),
    "mapping proxy": (lambda: MappingProxyType({"a": 1}), [("x", "mappingproxy", None, "mappingproxy is not read")]),
    "deque": (lambda: deque([1.0]), [("x", "collections.deque", None, "collections.deque is not read")]),
    "set": (lambda: {1.0}, [("x", "set", None, "set is not read")]),
    "range": (lambda: range(3), [("x", "range", None, "range is not read")]),
    "generator": (lambda: (i for i in "ab"), [("x", "generator", None, "generator is not read")]),
    "dict view": (lambda: {"a": 1}.values(), [("x", "dict_values", None, "dict_values is not read")]),
    "module": (lambda: math, [("x", "module", None, "module is not read")]),
    "empty list": (list, [("x", "list", None, "empty")]),
    "empty dict": (lambda: {"a": {}, "b": ()}, [("a", "dict", None, "empty"), ("b", "tuple", None, "empty")]),
    "text": (lambda: "secret", [("x", "string", (), "text is not profiled")]),
    "bytes": (lambda: b"secret", [("x", "bytes", (), "text is not profiled")]),
    "None": (lambda: None, [("x", "null", (), None)]),
    "numbers": (lambda: [1, 2, 3], [("x", "int64", (3,), None)]),
    "numbers of numpy's": (lambda: [np.float32(1)], [("x.0", "float32", (), None)]),
    "numbers with gaps": (lambda: [1.5, None, 2], [("x", "float64", (3,), None)]),
    "truths": (lambda: (True, False), [("x", "bool", (2,), None)]),
    "rows": (lambda: [[1.0, 2.0], (3.0, None)], [("x", "float64", (2, 2), None)]),
    "an image": (lambda: [[[[1, 2], [3, 4]]]] * 3, [("x", "int64", (3, 1, 2, 2), None)]),
    "ragged rows": (lambda: [[1.0], [2.0, 3.0]], [("x.0", "float64", (1,), None), ("x.1", "float64", (2,), None)]),
    "records": (
        lambda: [{"age": 41, "name": "secret"}],
        [("age", "int64", (1,), None), ("name", "string", (1,), "text is not profiled")],
    ),
    "numbers and text": (
        lambda: [1, "secret"],
        [("x.0", "int64", (), None), ("x.1", "string", (), "text is not profiled")],
    ),
}


@pytest.mark.parametrize(("make", "expected"), FOUND.values(), ids=FOUND)
def test_found(make: Callable[[], Any], expected: list[Any]) -> None:
    assert described(make()) == expected


def test_a_list_in_itself() -> None:
    value: list[Any] = [ONE]
    value.append(value)
    found = described(value)
    assert [name for name, *_ in found] == ["x.0", "x.1.0", "x.1.1.0", "x.1.1.1.0", "x.1.1.1.1"]
    assert found[-1][-1] == "nested more than 4 deep"


def test_only_itself() -> None:
    value: list[Any] = []
    value.append(value)
    assert described(value) == [("x.0.0.0.0", "list", None, "nested more than 4 deep")]


def test_a_dict_in_itself() -> None:
    value: dict[str, Any] = {}
    value["again"] = value
    assert described(value) == [("again.again.again.again", "dict", None, "nested more than 4 deep")]


def test_deep() -> None:
    value: Any = ONE
    for _ in range(5000):
        value = [value]
    assert described(value) == [("x.0.0.0.0", "list", None, "nested more than 4 deep")]


def _dense(depth: int, width: int) -> Any:
    """A tree of as many leaves as width to the power of depth, in no more memory than one of its branches."""
    value: Any = "leaf"
    for _ in range(depth):
        value = [value] * width
    return value


WIDE = {
    "list": [ONE] * 5000,
    "dict": {f"f{i}": 1.0 for i in range(5000)},
    "lists of lists": _dense(3, 1000),
    "lists of nothing": [[[]] * 1000] * 1000,
    "dicts of lists": [{"a": [1], "b": "x"}] * 100_000,
}


@pytest.mark.parametrize("value", WIDE.values(), ids=WIDE)
def test_wide(value: Any) -> None:
    found = described(value)
    assert len(found) <= 1025 + 4
    assert "more than 1024 values" in {note for *_, note in found}


LONG: dict[str, Callable[[int], Any]] = {
    "numbers": lambda size: [1.0] * size,
    "rows": lambda size: [[1.0] * 10] * size,
    "dict": lambda size: dict.fromkeys(range(size), 1.0),
    "texts": lambda size: ["text"] * size,
    "nothing": lambda size: [[]] * size,
}


@pytest.mark.parametrize("make", LONG.values(), ids=LONG)
def test_the_walk_does_not_grow_with_what_is_there(make: Callable[[int], Any]) -> None:
    few, many = make(5000), make(1_000_000)

    def taken(value: Any) -> float:
        started = time.perf_counter()
        profiles(value)
        return time.perf_counter() - started

    assert min(taken(many) for _ in range(5)) < 4 * min(taken(few) for _ in range(5)) + 0.001


def test_many_numbers_are_read_in_part_and_say_so() -> None:
    found = profile([1.0] * 4096 + [1000.0] * 5904)
    assert (found.shape, found.count, found.mean) == ((10_000,), 4096, 1.0)
    assert found.note == "first 4096 of 10000"


@pytest.mark.parametrize(
    ("value", "mean", "missing", "infinite"),
    [
        (10**400, None, 0, 1),
        ([1, -(10**400)], 1.0, 0, 1),
        (2**70, 2.0**70, 0, 0),
        (True, 1.0, 0, 0),
        (None, None, 1, 0),
        (math.nan, None, 1, 0),
        (-math.inf, None, 0, 1),
    ],
)
def test_numbers(value: Any, mean: float | None, missing: int, infinite: int) -> None:
    found = profile(value)
    assert (found.mean, found.missing, found.infinite) == (mean, missing, infinite)


def test_each_input_is_read_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be read costs the others nothing, and is named."""
    from inferspan import faults
    from inferspan.profiling import capture, summarise
    from inferspan.values import _types

    def fail(_: Any) -> Any:
        raise OSError("no")

    monkeypatch.setattr(faults, "strict", False)
    monkeypatch.setitem(_types._readers, id(str), (fail, str))
    found = summarise(capture({"a": 1.0, "b": "text", 3: 2.0}, max_elements=1024), min_count=1)  # type: ignore[dict-item]
    assert [(one.name, one.note) for one in found] == [("a", None), ("b", "could not be read"), ("3", None)]
    assert faults.counts.pop("values") == 1
