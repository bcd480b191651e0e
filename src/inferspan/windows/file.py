# SPDX-License-Identifier: Apache-2.0
"""The file that windows are kept in: JSON, in a format that docs/windows.md describes member by member."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from inferspan.windows import _encoding
from inferspan.windows._checked import Checked, WindowFileError
from inferspan.windows.summary import IncompatibleWindows
from inferspan.windows.window import Window

__all__ = ["FORMAT", "VERSION", "WindowFileError", "dumps", "loads", "read", "write"]

FORMAT = "inferspan.windows"
#: Rises when a reader of the version before would misread a file. Members that it does not know, it ignores.
VERSION = 1
#: Largest file that is read, in bytes: ten windows of 10 000 fields.
_MAX_BYTES = 512 * 2**20


def write(path: str | os.PathLike[str], windows: Iterable[Window]) -> None:
    """Writes windows to a file: all or nothing, and who reads it meanwhile sees the file of before.

    Args:
        path: of the file, which is replaced if there is one.
        windows: in any order.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(path)
    text = dumps(windows)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with open(beside, "x", encoding="ascii", newline="\n") as file:
            file.write(text)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def read(path: str | os.PathLike[str]) -> list[Window]:
    """Reads windows from a file.

    Args:
        path: of the file.

    Raises:
        OSError: there is none, or it cannot be read.
        IncompatibleWindows: it has the format of another version.
        WindowFileError: it is no file of windows, is not complete, or says what cannot be.
    """
    with open(path, "rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise WindowFileError(f"the file has more than {_MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WindowFileError(f"the file is no text in UTF-8, from byte {error.start} on") from None
    return loads(text)


def dumps(windows: Iterable[Window]) -> str:
    """Returns windows as text in the format of the file: for equal windows the same."""
    content = {"format": FORMAT, "version": VERSION, "windows": [_encoding.encode(window) for window in windows]}
    return json.dumps(content, allow_nan=False, separators=(",", ":")) + "\n"


def loads(text: str) -> list[Window]:
    """Returns the windows of a text in the format of the file.

    Raises:
        IncompatibleWindows: it has the format of another version.
        WindowFileError: it is none, is not complete, or says what cannot be.
    """
    try:
        content = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:  # its message has the place, and no data
        raise WindowFileError(f"the file is not complete, or no JSON: {error}") from None
    except RecursionError:
        raise WindowFileError("the file is nested too deeply") from None
    except ValueError:
        raise WindowFileError("the file has a number that JSON has not, or one of too many digits") from None
    root = Checked(content)
    if root.member("format").optional(Checked.text) != FORMAT:
        raise WindowFileError(f"the file is none of windows: its format is not {FORMAT}")
    version = root.member("version").whole()
    if version != VERSION:
        raise IncompatibleWindows(f"the file has version {version} of its format; this reads version {VERSION}")
    return [_encoding.decode(window) for window in root.member("windows").items()]


def _refuse(constant: str) -> None:
    raise ValueError(constant)
