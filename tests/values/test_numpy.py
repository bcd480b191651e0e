# SPDX-License-Identifier: Apache-2.0
"""What is read of numpy's arrays and numbers, and what is not, and why."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.profiles import described, profile

MASKED = f"{np.ma.MaskedArray.__module__}.MaskedArray"
LONG = np.dtype(np.longdouble).name
MAPPED = "memory-mapped: reading it could fault pages in"


def _mapped(path: Path) -> Any:
    np.arange(4096, dtype=np.float32).tofile(path)
    return np.memmap(path, np.float32)


def _records(_path: Path) -> Any:
    return np.zeros(3, [("age", "i4"), ("name", "U8")])


def _map_of_bytes(path: Path) -> Any:
    _mapped(path)
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.float32)


NOT_READ: dict[str, tuple[Callable[[Path], Any], str, tuple[int, ...] | None, str]] = {
    "complex": (lambda _: np.ones(3, complex), "complex128", (3,), "complex numbers are not profiled"),
    "object": (lambda _: np.array([object()] * 4), "object", (4,), "Python objects are not read"),
    "text": (lambda _: np.array(["a", "b"]), "string", (2,), "text is not profiled"),
    "bytes": (lambda _: np.array([b"a", b"b"]), "bytes", (2,), "text is not profiled"),
    "months": (
        lambda _: np.zeros(2, "m8[M]"),
        "timedelta64[M]",
        (2,),
        "timedelta64[M] is not profiled: it has no unit in seconds",
    ),
    "durations of no unit": (
        lambda _: np.zeros(2, "m8"),
        "timedelta64",
        (2,),
        "timedelta64 is not profiled: it has no unit in seconds",
    ),
    "records": (_records, "void288", (3,), "records are not profiled"),
    "extended": (lambda _: np.ones(2, np.longdouble), LONG, (2,), f"{LONG} is not profiled"),
    "memmap": (_mapped, "numpy.memmap", (4096,), "numpy.memmap is not read, being a subclass"),
    "asarray of a memmap": (lambda path: np.asarray(_mapped(path)), "float32", (4096,), MAPPED),
    "few of a memmap": (lambda path: np.asarray(_mapped(path))[7:9], "float32", (2,), MAPPED),
    "frombuffer of a map": (_map_of_bytes, "float32", (4096,), MAPPED),
    "masked": (
        lambda _: np.ma.masked_less(np.arange(5.0), 3),
        MASKED,
        (5,),
        f"{MASKED} is not read, being a subclass",
    ),
    "matrix": (
        lambda _: np.asmatrix(np.eye(2)),
        "numpy.matrix",
        (2, 2),
        "numpy.matrix is not read, being a subclass",
    ),
    "complex number": (lambda _: np.complex64(1), "numpy.complex64", None, "numpy.complex64 is not read"),
    "text of numpy's": (lambda _: np.str_("a"), "numpy.str_", None, "numpy.str_ is not read"),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize(("make", "type_name", "shape", "note"), NOT_READ.values(), ids=NOT_READ)
def test_not_read(
    make: Callable[[Path], Any], type_name: str, shape: tuple[int, ...] | None, note: str, tmp_path: Path
) -> None:
    value = make(tmp_path / "values.bin")
    if type_name == "float64":
        pytest.skip("extended precision is double precision here")
    assert described(value) == [("x", type_name, shape, note)]


@pytest.mark.skipif(not hasattr(np, "dtypes") or not hasattr(np.dtypes, "StringDType"), reason="since numpy 2.0")
def test_variable_length_text_is_not_read() -> None:
    value = np.array(["a", "bc"], dtype=np.dtypes.StringDType())
    assert described(value) == [("x", "string", (2,), "text is not profiled")]


READ: dict[str, tuple[Any, str, tuple[int, ...], float]] = {
    "big-endian": (np.array([1, 2, 6], ">f4"), "float32", (3,), 3.0),
    "big-endian, large": (np.full(5000, 3, ">i2"), "int16", (5000,), 3.0),
    "scalar array": (np.array(3.0), "float64", (), 3.0),
    "bool": (np.array([True, False]), "bool", (2,), 0.5),
    "expanded": (np.broadcast_to(np.float32(3), (200, 300)), "float32", (200, 300), 3.0),
    "expanded rows": (np.broadcast_to(np.arange(4.0), (1000, 4)), "float64", (1000, 4), 1.5),
    "read-only": (np.frombuffer(b"\x03" * 8, np.uint8), "uint8", (8,), 3.0),
    "unaligned": (
        np.frombuffer(b"\0" + np.float32(3).tobytes() * 2000, np.uint8)[1:].view(np.float32),
        "float32",
        (2000,),
        3.0,
    ),
    "backwards": (np.arange(5000.0)[::-1], "float64", (5000,), 2499.5),
    "numpy's number": (np.float32(3), "float32", (), 3.0),
    "numpy's whole number": (np.uint64(2**63), "uint64", (), 2.0**63),
    "numpy's bool": (np.bool_(True), "bool", (), 1.0),
    "metadata on the type": (np.ones(3, np.dtype("f4", metadata={"unit": "m"})), "float32", (3,), 1.0),
}


@pytest.mark.parametrize(("value", "type_name", "shape", "mean"), READ.values(), ids=READ)
def test_read(value: Any, type_name: str, shape: tuple[int, ...], mean: float) -> None:
    before = value.copy()
    found = profile(value)
    assert (found.type, found.shape, found.note) == (type_name, shape, None)
    assert found.count == value.size
    assert found.mean == mean
    assert np.array_equal(value, before)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5, 2)])
def test_nothing_in_it(shape: tuple[int, ...]) -> None:
    found = profile(np.empty(shape, np.float32))
    assert (found.type, found.shape, found.count, found.mean, found.note) == ("float32", shape, 0, None, None)


@pytest.mark.parametrize("size", [5, 50, 5000])
def test_nothing_but_nan(size: int) -> None:
    found = profile(np.full(size, np.nan))
    assert (found.count, found.missing, found.infinite, found.zero) == (size, size, 0, 0)
    assert (found.mean, found.standard_deviation, found.minimum, found.quantile_50) == (None,) * 4


def test_a_copy_of_a_memory_map_is_read(tmp_path: Path) -> None:
    assert profile(np.array(_mapped(tmp_path / "values.bin"))).mean == pytest.approx(2047.5)


def test_reading_keeps_nothing_and_changes_nothing() -> None:
    """References, flags and contents are as before, for a small array and for a large one."""
    for size in (20, 50_000):
        value = np.arange(float(size))
        value.flags.writeable = False
        before = sys.getrefcount(value)
        found = profile(value)
        assert found.count == size
        assert sys.getrefcount(value) == before
        assert not value.flags.writeable
        value.flags.writeable = True
        value.resize(size // 2, refcheck=True)  # numpy refuses while anybody refers to its memory
