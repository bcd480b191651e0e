# SPDX-License-Identifier: Apache-2.0
"""Digests of what models are loaded from: honest names, bounded cost, and never of another file."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from inferspan import artifact as artifact_module
from inferspan.artifact import Artifact

MIB = 1024 * 1024
BLOCK = 256 * 1024


def digest(source: object, **options: str) -> str | None:
    found = Artifact.of(source, **options)
    assert found is not None
    return found.digest()


def whole(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def sampled(*files: tuple[str, bytes]) -> str:
    """Returns the digest as docs/identity.md describes it."""
    expected = hashlib.sha256()
    for name, content in files:
        expected.update(f"{name}\0{len(content)}\0".encode())
    together = b"".join(content for _, content in files)
    if len(together) <= 16 * MIB:
        expected.update(together)
    else:
        for index in range(64):
            start = index * (len(together) - BLOCK) // 63
            expected.update(together[start : start + BLOCK])
    return "sampled-sha256:" + expected.hexdigest()


def random(size: int) -> bytes:
    return np.random.default_rng(size).bytes(size)


# -- what is covered ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 100_000, 16 * MIB])
def test_up_to_16_mib_it_is_of_the_whole(tmp_path: Path, size: int) -> None:
    content = random(size)
    file = tmp_path / "model.pt"
    file.write_bytes(content)
    assert digest(str(file)) == digest(file) == digest(content) == digest(io.BytesIO(content)) == whole(content)


def test_beyond_it_is_of_a_sample_and_says_so(tmp_path: Path) -> None:
    content = random(20 * MIB + 12_345)
    file = tmp_path / "model.pt"
    file.write_bytes(content)
    assert digest(file) == digest(content) == sampled(("", content))


@pytest.mark.parametrize("place", [0, BLOCK - 1, -1, -BLOCK])
def test_a_change_in_a_block_is_seen(place: int) -> None:
    content = bytearray(random(20 * MIB))
    before = digest(bytes(content))
    content[place] ^= 1
    assert digest(bytes(content)) != before


def test_another_size_is_seen() -> None:
    assert len({digest(bytes(20 * MIB)), digest(bytes(20 * MIB + 1)), digest(bytes(15 * MIB))}) == 3


def test_no_more_than_16_mib_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model.pt"
    with file.open("wb") as sparse:
        sparse.truncate(50 * 1024 * MIB)
    read: list[int] = []
    original = artifact_module._File.read

    def counted(self: artifact_module._File, start: int, end: int) -> bytes:
        read.append(end - start)
        return original(self, start, end)

    monkeypatch.setattr(artifact_module._File, "read", counted)
    found = Artifact.of(file)
    assert found is not None
    assert read == []
    assert str(found.digest()).startswith("sampled-sha256:")
    assert sum(read) == 16 * MIB
    assert found.size == 50 * 1024 * MIB


# -- what it is loaded from --------------------------------------------------------------------------------------------


def test_a_stream_counts_from_where_it_is(tmp_path: Path) -> None:
    stream = io.BytesIO(b"headermodel")
    stream.seek(6)
    assert digest(stream) == whole(b"model")
    assert stream.read() == b"model"
    stream.write(b"it can still grow")


def test_a_stream_that_was_closed_has_none() -> None:
    stream = io.BytesIO(b"model")
    found = Artifact.of(stream)
    assert found is not None
    assert found.is_fleeting
    stream.close()
    assert found.digest() is None
    assert not found.is_fleeting


def test_a_stream_is_not_read_before_it_is_asked_for() -> None:
    stream = io.BytesIO(b"one")
    found = Artifact.of(stream)
    assert found is not None
    stream.write(b"two")
    assert found.digest() == whole(b"two")


def test_an_open_file_is_that_file(tmp_path: Path) -> None:
    file = tmp_path / "churn.pt"
    file.write_bytes(b"model")
    with file.open("rb") as stream:
        found = Artifact.of(stream)
        assert found is not None
        assert (found.path, found.digest()) == (str(file), whole(b"model"))
        assert stream.read() == b"model"


@pytest.mark.parametrize("source", [None, 7, object(), bytearray(b"model"), b"".join], ids=str)
def test_anything_else_is_not_looked_at(source: object) -> None:
    assert Artifact.of(source) is None


@pytest.mark.parametrize("path", ["/nowhere/model.onnx", "a\0b", ""])
def test_a_path_that_leads_nowhere_is_still_one(path: str) -> None:
    found = Artifact.of(path)
    assert found is not None
    assert (found.path, found.size, found.digest()) == (path, None, None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert digest(tmp_path / "pipe") is None


def test_a_folder_is_its_weights_and_configuration(tmp_path: Path) -> None:
    content = {"config.json": b"{}", "b.safetensors": b"second", "a.safetensors": b"first"}
    for name, text in {**content, "tokenizer.json": b"not a part"}.items():
        (tmp_path / name).write_bytes(text)
    found = Artifact.of(tmp_path)
    assert found is not None
    assert found.digest() == sampled(*((name, content[name]) for name in ("config.json", *sorted(content)[:2])))
    assert found.size == 2 + 6 + 5
    (tmp_path / "tokenizer.json").write_bytes(b"another")
    assert digest(tmp_path) == found.digest()
    (tmp_path / "a.safetensors").write_bytes(b"other")
    assert digest(tmp_path) != found.digest()


def test_a_folder_of_something_else_has_none(tmp_path: Path) -> None:
    (tmp_path / "readme").write_text("hello")
    assert digest(tmp_path) is None


# -- ONNX with its weights in other files ------------------------------------------------------------------------------


def save_with_weights_beside(path: Path, value: float, *, name: str = "weights.bin") -> bytes:
    """Writes a model as exporters do by default; returns its own file, which says nothing of the weights."""
    weights = np.full((64, 64), value, np.float32)
    x, y = (helper.make_tensor_value_info(one, onnx.TensorProto.FLOAT, [1, 64]) for one in "xy")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "main_graph", [x], [y], [numpy_helper.from_array(weights, "w")]
    )
    model = helper.make_model(graph)
    onnx.save(model, path, save_as_external_data=True, location=name, size_threshold=0)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["weights.bin", "weights" + "s" * 150 + ".bin"])
def test_weights_in_another_file_count(tmp_path: Path, name: str) -> None:
    path = tmp_path / "churn.onnx"
    own = save_with_weights_beside(path, 1.0, name=name)
    weights = (tmp_path / name).read_bytes()
    found = Artifact.of(path, format="onnx")
    assert found is not None
    assert found.digest() == sampled(("", own), (name, weights))
    assert found.size == len(own) + len(weights)
    (tmp_path / name).unlink()
    assert save_with_weights_beside(path, 2.0, name=name) == own
    assert digest(path, format="onnx") != found.digest()


def test_weights_written_after_the_load_are_not_those_that_were_loaded(tmp_path: Path) -> None:
    path = tmp_path / "churn.onnx"
    save_with_weights_beside(path, 1.0)
    found = Artifact.of(path, format="onnx")
    assert found is not None
    later = os.stat(path).st_mtime_ns + 10**10
    os.utime(tmp_path / "weights.bin", ns=(later, later))
    assert found.digest() is None


def test_weights_that_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "churn.onnx"
    save_with_weights_beside(path, 1.0)
    (tmp_path / "weights.bin").unlink()
    assert digest(path, format="onnx") is None


# -- what it was, and not what it is -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["replaced", "written over", "removed"])
def test_a_file_that_is_another_by_now_has_no_digest(tmp_path: Path, how: str) -> None:
    file = tmp_path / "model.pt"
    file.write_bytes(b"one")
    found = Artifact.of(file)
    assert found is not None
    if how == "replaced":
        (tmp_path / "new.pt").write_bytes(b"two")
        os.replace(tmp_path / "new.pt", file)
    elif how == "written over":
        file.write_bytes(b"three")
    else:
        file.unlink()
    assert found.digest() is None


def test_it_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    file.write_bytes(b"one")
    found = Artifact.of(file)
    assert found is not None
    assert found.digest() == whole(b"one")
    file.unlink()
    assert found.digest() == whole(b"one")


def test_bytes_are_let_go_of() -> None:
    content = random(1000)
    before = sys.getrefcount(content)
    found = Artifact.of(content)
    assert found is not None
    found.digest()
    assert sys.getrefcount(content) == before
    assert found.size == 1000
