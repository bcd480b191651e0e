# SPDX-License-Identifier: Apache-2.0
"""Frequent values and different ones: every count within what is said of it, however values come and are merged."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from inferspan.profiling._distinct import EXACT, STANDARD_ERROR
from inferspan.profiling.categories import CAPACITY, Categories, CategorySummary, Kind

SEED = 20240607


def summary_of(values: Any, kind: Kind = "integer") -> CategorySummary:
    found = Categories(kind)
    found.add(values)
    return found.summary


def check(found: CategorySummary, values: list[Any]) -> None:
    """Compares what is said with what occurred."""
    occurred = Counter(values)
    assert found.count == len(values)
    listed = {one.value: one for one in found.categories}
    assert len(listed) == len(found.categories) <= CAPACITY
    for one in found.categories:
        assert one.count - one.error <= occurred[one.value] <= one.count
    for value, count in occurred.items():
        assert value in listed or count <= found.unlisted
    bound = len(values) // (CAPACITY + 1)
    assert found.unlisted <= bound
    assert all(one.error <= bound for one in found.categories)
    assert [one.count for one in found.categories] == sorted((one.count for one in found.categories), reverse=True)
    if len(occurred) <= CAPACITY:
        assert {one.value: one.count for one in found.categories} == occurred
        assert not any(one.error for one in found.categories)


def draws(rng: np.random.Generator, size: int) -> dict[str, Any]:
    return {
        "few": rng.integers(-3, 4, size),
        "frequent and rare": np.minimum(rng.zipf(1.3, size), 2**62),
        "all alike": np.full(size, 7),
        "all different": rng.permutation(size),
        "as many as there is room for": rng.integers(0, CAPACITY, size),
        "one more": rng.integers(0, CAPACITY + 1, size),
        "far apart": rng.integers(-(2**62), 2**62, 50)[rng.integers(0, 50, size)],
        "those first, these later": np.sort(rng.integers(0, 200, size)),
    }


@pytest.mark.parametrize("as_text", [False, True], ids=["integer", "string"])
@pytest.mark.parametrize("size", [10, 500, 20_000])
@pytest.mark.parametrize("name", draws(np.random.default_rng(0), 10))
def test_counts_are_within_their_error_in_any_order_of_merging(name: str, size: int, as_text: bool) -> None:
    rng = np.random.default_rng(SEED + size)
    order = random.Random(SEED)
    for _ in range(5):
        values = draws(rng, size)[name]
        every: list[Any] = [f"v{value}" for value in values.tolist()] if as_text else values.tolist()
        parts: list[CategorySummary] = []
        places = np.sort(rng.integers(0, size, 12)).tolist()
        for start, end in zip([0, *places], [*places, size], strict=True):
            one = Categories("string" if as_text else "integer")
            middle = (start + end) // 2
            for batch in (slice(start, middle), slice(middle, end)):
                one.add(tuple(every[batch]) if as_text else values[batch])
            check(one.summary, every[start:end])
            parts.append(one.summary)
        while len(parts) > 1:  # any tree of merges
            left, right = (parts.pop(order.randrange(len(parts))) for _ in range(2))
            merged = left.merge(right)
            assert right.merge(left) == merged
            parts.append(merged)
        check(parts[0], every)


def test_what_is_frequent_is_found_among_much_that_is_not() -> None:
    rng = np.random.default_rng(SEED)
    rare = rng.integers(1000, 2**40, 90_000)
    frequent = np.repeat(np.arange(5), 2000)
    values = rng.permutation(np.concatenate([rare, frequent]))
    found = Categories("integer")
    for batch in np.array_split(values, 40):
        found.add(batch)
    assert {one.value for one in found.summary.categories[:5]} == set(range(5))
    check(found.summary, values.tolist())


def test_no_more_is_uncertain_than_was_given_up() -> None:
    found = summary_of([*list(range(CAPACITY)) * 5, 99, 99])
    assert found.unlisted == 2
    assert {(one.count, one.error) for one in found.categories} == {(5, 0)}
    later = found.merge(summary_of([99] * 9)).categories[0]
    assert (later.value, later.count, later.error) == (99, 11, 2)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", ">i4"])
@pytest.mark.parametrize("spread", [20, 10**5])
def test_whole_numbers_of_any_type(dtype: str, spread: int) -> None:
    limits = np.iinfo(dtype)
    rng = np.random.default_rng(SEED)
    native = np.dtype(dtype).newbyteorder("=")
    ends = np.array([limits.min, limits.max], native)
    near = rng.integers(0, min(spread, limits.max), 2000).astype(native)
    for values in (near, np.concatenate([near, ends])):
        found = summary_of(values.astype(dtype).reshape(-1, 2))
        check(found, values.tolist())
        assert found.distinct == pytest.approx(len(set(values.tolist())), rel=4 * found.distinct_error, abs=0)


def test_the_same_numbers_in_any_type_are_the_same() -> None:
    values = list(range(100)) * 2
    assert len({summary_of(np.array(values, dtype)) for dtype in ("int8", "int64", ">i2", "uint8", "uint64")}) == 1
    assert summary_of(values) == summary_of(tuple(values)) == summary_of(np.array(values))


def test_truths() -> None:
    values = np.random.default_rng(SEED).random(1000) < 0.3
    found = summary_of(values, "boolean").merge(summary_of([True, False, True], "boolean"))
    counts = {one.value: one.count for one in found.categories}
    assert counts == {True: int(values.sum()) + 2, False: 1001 - int(values.sum())}
    assert [type(one.value) for one in found.categories] == [bool, bool]
    assert found.distinct == 2


def test_numbers_beyond_64_bits_are_left_out() -> None:
    found = summary_of([1, 10**30, -(10**30), 1])
    assert [(one.value, one.count) for one in found.categories] == [(1, 2)]
    assert found.count == 2


def test_nothing() -> None:
    for kind, values in (("integer", np.zeros(0, np.int32)), ("integer", ()), ("string", ()), ("boolean", [])):
        found = summary_of(values, kind)
        assert found == CategorySummary(kind)
        assert (found.count, found.categories, found.distinct) == (0, (), 0)


# -- text ----------------------------------------------------------------------------------------------------------

TEXTS = {
    "plain": "blue",
    "empty": "",
    "not ASCII": "größe 大きさ 🙂",
    "separators": 'a\x00b"c,\n[',
    "as long as is kept": "x" * 64,
    "a lone surrogate": "a\ud800b",
    "another": "a\udfffb",
    "long": "x" * 65,
    "long, and another end": "x" * 64 + "y",
    "long, and not ASCII": "ж" * 40,
    "very long": "z" * 100_000,
    "very long, and longer": "z" * 100_001,
}


def test_any_text() -> None:
    occurred = {text: count for count, text in enumerate(TEXTS.values(), 1)}
    found = summary_of([text for text, count in occurred.items() for _ in range(count)], "string")
    assert sorted(one.count for one in found.categories) == sorted(occurred.values())
    assert found.distinct == len(TEXTS)
    for one in found.categories:
        text = str(one.value)
        assert len(text.encode()) <= 64
        if text in occurred:
            assert occurred[text] == one.count
        else:
            assert "…" in text
    kept = {one.value for one in found.categories} & set(occurred)
    assert kept == {text for name, text in TEXTS.items() if "long" not in name or name == "as long as is kept"} - {
        TEXTS["a lone surrogate"],
        TEXTS["another"],
    }
    assert CategorySummary.from_dict(json.loads(json.dumps(found.as_dict()))) == found


# -- how many different ones -----------------------------------------------------------------------------------------


def _scattered(number: int) -> Any:
    return np.random.default_rng(number).integers(-(2**62), 2**62, number)


SETS: dict[str, tuple[Kind, Callable[[int], Any]]] = {
    "numbers in a row": ("integer", lambda size: np.arange(10**6, 10**6 + size)),
    "multiples": ("integer", lambda size: np.arange(size) * 4096),
    "scattered": ("integer", _scattered),
    "texts": ("string", lambda size: [f"user-{number:07d}" for number in range(size)]),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("size", [1, 32, 100, EXACT, EXACT + 1, 300, 2500, 5000, 40_000])
def test_different_values(name: str, size: int) -> None:
    kind, make = SETS[name]
    values = make(size)
    found = Categories(kind)
    for _ in range(3):  # a value that comes again is no other one
        for start in range(0, size, 700):
            found.add(values[start : start + 700])
    summary = found.summary
    if size <= EXACT:
        assert (summary.distinct, summary.distinct_error) == (size, 0)
    else:
        assert summary.distinct_error == STANDARD_ERROR
        assert summary.distinct == pytest.approx(size, rel=3.5 * STANDARD_ERROR)
        assert summary.distinct > EXACT
    # What is known of them depends on nothing but the values.
    assert summary_of(values, kind).values == summary.values
    halves = [summary_of(part, kind) for part in (values[: size // 3], values[size // 4 :])]
    assert halves[0].merge(halves[1]).values == halves[1].merge(halves[0]).values == summary.values


def test_the_estimate_has_no_bias_and_the_error_that_is_said() -> None:
    rng = np.random.default_rng(SEED)
    for size in (200, 1000, 3000, 20_000):
        errors = [summary_of(np.repeat(rng.integers(-(2**62), 2**62, size), 2)).distinct / size - 1 for _ in range(100)]
        assert abs(float(np.mean(errors))) < 3.5 * STANDARD_ERROR / math.sqrt(100)
        assert float(np.std(errors)) < 1.25 * STANDARD_ERROR


def test_never_more_different_values_than_values() -> None:
    for seed in range(30):
        values = np.random.default_rng(seed).integers(-(2**62), 2**62, 400)
        assert EXACT < summary_of(values).distinct <= 400


HASHES = """
import numpy
from inferspan.profiling.categories import Categories
for kind, values in (("string", [f"v{i}" for i in range(500)]), ("integer", numpy.arange(500))):
    found = Categories(kind)
    found.add(values)
    print(found.summary)
"""


def test_every_process_finds_the_same() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", HASHES],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


def test_few_different_texts_do_without_numpy() -> None:
    program = (
        "import sys\n"
        "from inferspan.profiling.categories import Categories\n"
        "one = Categories('string')\n"
        "one.add([f'v{i % 100}' for i in range(1000)])\n"
        "assert one.summary.merge(one.summary).distinct == 100\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# -- what is kept ----------------------------------------------------------------------------------------------------


def test_what_is_kept_is_bounded() -> None:
    rng = np.random.default_rng(SEED)
    found = Categories("integer")
    for _ in range(20):
        found.add(rng.integers(-(2**62), 2**62, 5000))
    assert found.nbytes <= 3 * 1024
    texts = Categories("string")
    for start in range(0, 20_000, 1000):
        texts.add([f"customer-{number}" for number in range(start, start + 1000)])
    assert texts.nbytes <= 2 * 1024 + 512
    texts.add(["🙂" * 16 + str(number) for number in range(1000)])
    assert texts.nbytes <= 4 * 1024


def test_written_and_read() -> None:
    rng = np.random.default_rng(SEED)
    for kind, values in (
        ("integer", rng.integers(0, 10, 100)),
        ("integer", rng.integers(0, 2**63, 5000, dtype=np.uint64)),
        ("string", ["a", "b", "b", *map(str, range(400))]),
        ("boolean", [True, False]),
        ("string", []),
    ):
        found = summary_of(values, kind)
        assert CategorySummary.from_dict(json.loads(json.dumps(found.as_dict()))) == found


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "float"},
        {"kind": ["integer"]},
        {"kind": "string"},
        {"count": "many"},
        {"count": -1},
        {"unlisted": None},
        {"categories": [[1, 2]]},
        {"categories": [[1, 2, 3]]},
        {"categories": [[1.5, 2, 0]]},
        {"categories": [[[], 2, 0]]},
        {"categories": None},
        {"hashes": "AAAA"},
        {"hashes": "AAAAAAAAAAA"},
        {"hashes": 7},
        {"hashes": "AAAAAAAAAAA=" * 200},
    ],
    ids=str,
)
def test_what_is_no_summary_is_refused(change: dict[str, Any]) -> None:
    found = {**summary_of([1, 1, 2]).as_dict(), **change}
    with pytest.raises(ValueError, match="no summary of categories"):
        CategorySummary.from_dict(found)
    with pytest.raises(ValueError, match="no summary of categories"):
        CategorySummary.from_dict({})


@pytest.mark.parametrize("text", ["x" * 65, "\ud800", 7, None, True])
def test_a_text_that_is_none_is_refused(text: Any) -> None:
    found = summary_of(["a"], "string").as_dict()
    with pytest.raises(ValueError, match="no summary of categories"):
        CategorySummary.from_dict({**found, "categories": [[text, 1, 0]]})


def test_kinds_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="integer and of string"):
        summary_of([1]).merge(summary_of(["a"], "string"))


def test_registers_that_are_none_are_refused() -> None:
    found = summary_of(np.arange(1000)).as_dict()
    for registers in ("", "AAAA", "/" * 1364 + "/w=="):
        with pytest.raises(ValueError, match="no summary of categories"):
            CategorySummary.from_dict({**found, "registers": registers})
