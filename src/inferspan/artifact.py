# SPDX-License-Identifier: Apache-2.0
"""What a model was loaded from, and its digest: of bounded cost, under a name that says what it is of.

``sha256`` is of a whole artifact: of one file, or bytes, of at most 16 MiB. It is what ``sha256sum`` says.

``sampled-sha256`` is of what is larger, or in several files. It covers the size and name of each file, and of what
they hold, one after the other, all up to 16 MiB, and beyond that 64 blocks of 256 KiB at even distances, the first
and the last byte included. Training changes all of a model's weights; a change that misses every block is not seen.

Nothing is read before somebody asks, and nothing of a file that is no longer the one that was loaded.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any

_WHOLE = 16 * 1024 * 1024
_BLOCK = 256 * 1024
_BLOCKS = _WHOLE // _BLOCK
_MAX_FILES = 1024

#: Where an ONNX model says in which file beside it a weight is: an entry of ``TensorProto.external_data`` with the key
#: ``location``, as protobuf encodes it. The library that could read it is none that an inference needs.
_EXTERNAL = re.compile(rb"\x0a\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])")


class _Bytes:
    """A piece of an artifact that is in memory."""

    name = ""

    def __init__(self, content: memoryview) -> None:
        self.size = len(content)
        self._content = content

    def read(self, start: int, end: int) -> memoryview:
        return self._content[start:end]


class _Stream:
    """A piece of an artifact that is in memory, and is the application's to change."""

    name = ""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream
        self._start = stream.tell()
        with stream.getbuffer() as view:
            self.size = max(len(view) - self._start, 0)

    def read(self, start: int, end: int) -> bytes:
        # A copy: the application can write to its stream again once no view of it is left.
        with self._stream.getbuffer() as view:
            return bytes(view[self._start + start : self._start + end])


class _File:
    """A piece of an artifact that is a file, as it was when it was looked at."""

    def __init__(self, path: str, name: str = "") -> None:
        """Looks at a file.

        Raises:
            OSError: there is no such file.
        """
        self._path = path
        self.name = name
        self._stamp = self._stamp_of(os.stat(path))
        self.size = self._stamp[2]

    def read(self, start: int, end: int) -> bytes:
        """Reads a part.

        Raises:
            OSError: the file is another by now, or is gone.
        """
        with open(self._path, "rb", buffering=0) as file:
            if self._stamp_of(os.fstat(file.fileno())) != self._stamp:
                raise OSError("replaced since it was loaded")
            file.seek(start)
            return b"".join(_exactly(file, end - start))

    def is_newer_than(self, time_ns: int) -> bool:
        return max(self._stamp[3:]) > time_ns

    @staticmethod
    def _stamp_of(found: os.stat_result) -> tuple[int, ...]:
        if not stat.S_ISREG(found.st_mode):
            raise OSError("not a file")
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _exactly(file: io.FileIO, size: int) -> Iterator[bytes]:
    while size:
        part = file.read(min(size, _BLOCK))
        if not part:
            raise OSError("shorter than it was")
        size -= len(part)
        yield part


_Piece = _Bytes | _Stream | _File


class Artifact:
    """What a model was loaded from; made before it is loaded.

    Attributes:
        path: of the file or folder, for the model to be named after; None for bytes.
        format: as ``inferspan.model.format`` has it.
        size: in bytes, of what has been found so far: `digest` may find more. None where there is nothing.
    """

    __slots__ = ("_digest", "_pieces", "_taken", "format", "path", "size")

    def __init__(self, pieces: Iterable[_Piece], *, path: str | None, format: str | None) -> None:
        self.path = path
        self.format = format
        self._taken = time.time_ns()
        self._pieces = tuple(pieces)
        self.size = sum(piece.size for piece in self._pieces) if self._pieces else None
        #: Empty until it is asked for; None where it cannot be known.
        self._digest: str | None = ""

    @classmethod
    def of(cls, source: object, *, format: str | None = None, named: bool = True) -> Artifact | None:
        """Looks at what a model is about to be loaded from.

        Args:
            source: a path; a file that is open; bytes. Anything else is not looked at.
            format: of it.
            named: whether the path says something: that of a temporary file does not.

        Returns:
            None for what can be anything. A path that leads nowhere is still one.
        """
        kind: type[Any] = type(source)
        content: Any = source
        if kind is bytes:
            return cls([_Bytes(memoryview(content))], path=None, format=format)
        if kind is io.BytesIO:
            return cls([_Stream(content)], path=None, format=format)
        if kind is io.BufferedReader:
            source = content.name
        if isinstance(source, (str, PurePath)):
            path = str(source)
            return cls(_files_of(path), path=path if named else None, format=format)
        return None

    @property
    def is_fleeting(self) -> bool:
        """Whether its digest has to be read at once: it can be changed without notice."""
        return any(isinstance(piece, _Stream) for piece in self._pieces)

    def digest(self) -> str | None:
        """Returns ``<algorithm>:<hexadecimal digits>``, read once; None where it cannot be known.

        At most 16 MiB are read, and a little of each further file.
        """
        if self._digest == "":
            # Without a lock, which a forked child could find taken: whoever comes second reads the same.
            self._read(self._pieces)
        return self._digest

    def _read(self, pieces: tuple[_Piece, ...]) -> None:
        digest = None
        try:
            pieces = self._with_external(pieces)
            if pieces:
                digest = _digest_of(pieces)
                self.size = sum(piece.size for piece in pieces)
        except (OSError, ValueError):  # of a stream that was closed
            pass
        if self._digest == "":
            self._digest = digest
        self._pieces = ()  # lets go of the application's bytes

    def _with_external(self, pieces: tuple[_Piece, ...]) -> tuple[_Piece, ...]:
        """Adds the files that an ONNX model keeps its weights in, which its own file does not change with."""
        if self.format != "onnx" or self.path is None or len(pieces) != 1 or pieces[0].size > _WHOLE:
            return pieces
        folder = os.path.dirname(os.path.abspath(self.path))
        found: list[_File] = []
        for name in _locations(bytes(pieces[0].read(0, pieces[0].size))):
            file = _File(os.path.join(folder, name), name)
            if file.is_newer_than(self._taken):
                raise OSError("replaced since it was loaded")
            found.append(file)
        return (*pieces, *found)


def _files_of(path: str) -> list[_File]:
    """Returns a file, or the weights and the configuration in a folder as Hugging Face's libraries write it."""
    path = os.path.abspath(path)
    try:
        if not os.path.isdir(path):
            return [_File(path)]
        names = sorted(name for name in os.listdir(path) if name.endswith((".safetensors", ".bin")))
        return [_File(os.path.join(path, name), name) for name in ["config.json", *names][:_MAX_FILES]]
    except (OSError, ValueError):  # of a path with a null character
        return []


def _locations(model: bytes) -> list[str]:
    names: set[str] = set()
    for match in _EXTERNAL.finditer(model):
        length = match[1][0] & 0x7F | (match[1][1] << 7 if len(match[1]) > 1 else 0)
        name = os.fsdecode(model[match.end() : match.end() + length])
        if "\0" not in name and not os.path.isabs(name):
            names.add(name)
    return sorted(names)[:_MAX_FILES]


def _digest_of(pieces: tuple[_Piece, ...]) -> str:
    total = sum(piece.size for piece in pieces)
    digest = hashlib.sha256()
    whole = len(pieces) == 1 and total <= _WHOLE
    if not whole:
        for piece in pieces:
            digest.update(f"{piece.name}\0{piece.size}\0".encode("utf-8", "surrogateescape"))
    for start, end in _blocks(total):
        for piece in pieces:
            if start < piece.size and end > 0:
                digest.update(piece.read(max(start, 0), min(end, piece.size)))
            start, end = start - piece.size, end - piece.size
    return f"{'sha256' if whole else 'sampled-sha256'}:{digest.hexdigest()}"


def _blocks(total: int) -> Iterator[tuple[int, int]]:
    if total <= _WHOLE:
        yield 0, total
        return
    for index in range(_BLOCKS):
        start = index * (total - _BLOCK) // (_BLOCKS - 1)
        yield start, start + _BLOCK
