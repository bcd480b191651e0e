# SPDX-License-Identifier: Apache-2.0
"""Names and versions read from paths, repositories and graphs: what says something, and what is as good as random."""

from __future__ import annotations

import os
import re
from pathlib import PurePath

_GENERIC = re.compile(
    "best|checkpoint|ckpt|export|exported|final|graph|last|latest|main|main_graph|model|model_fp16|model_fp32|"
    "model_int8|model_optimized|model_quantized|models|net|network|onnx|onnx_model|package|pytorch_model|"
    "saved_model|scripted|torch_jit|torch-jit-export|traced|weights",
    re.IGNORECASE,
)
_VERSION = re.compile(r"v?\d+(\.\d+)*([-+.]\w+)?", re.IGNORECASE)
_RANDOM = re.compile(r"tmp\w{6,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=\D*\d)[0-9a-f]{8,}|\d{6,}", re.IGNORECASE)
#: Formats and precisions, which begin with a letter; what begins with a digit is of the name: ``ocr_v2.0_small.onnx``.
_EXTENSIONS = re.compile(r"(\.[a-z]\w*)+$", re.IGNORECASE)
#: Where Hugging Face's libraries keep what they have downloaded.
_HUB_CACHE = re.compile(r"(?:^|/)models--([^/]+)/snapshots/([^/]+)")


def tells(name: str) -> bool:
    """Returns whether a name says something of the model."""
    return not _GENERIC.fullmatch(name) and not _RANDOM.fullmatch(name)


def from_hub_name(name: str) -> str:
    """``org/model`` stays as it is; a local folder is its last part that says something."""
    return (from_path(name)[0] or name) if os.path.isabs(name) or name.startswith(".") else name


def from_path(path: str) -> tuple[str | None, str | None]:
    """Reads name and version from a path, innermost part first."""
    pure = PurePath(path)
    hub = _HUB_CACHE.search(pure.as_posix())
    if hub is not None:
        return hub[1].replace("--", "/"), hub[2]
    folders = [part for part in reversed(pure.parts[:-1]) if part not in (pure.anchor, ".", "..")]
    stem = _EXTENSIONS.sub("", pure.name) or pure.name
    version = None
    if folders and _is_version_folder(pure):
        return folders[0], pure.name
    if folders and _VERSION.fullmatch(folders[0]):
        version = folders[0]
        if len(folders) > 1 and not _RANDOM.fullmatch(folders[1]):
            return folders[1], version
        folders = folders[1:]
    for part in [stem, *folders[:1]]:
        if part and tells(part):
            return part, version
    return (None if _RANDOM.fullmatch(stem) else stem or None), version


def owner_of(path: str) -> str:
    """Returns what files that are versions of one model have in common: the path without the version in it."""
    pure = PurePath(os.path.abspath(path))
    hub = _HUB_CACHE.search(pure.as_posix())
    if hub is not None:
        return pure.as_posix().replace(hub[2], "")
    if _is_version_folder(pure):
        return str(pure.parent)
    if _VERSION.fullmatch(pure.parent.name):
        return str(pure.parent.parent / pure.name)
    return str(pure)


def _is_version_folder(pure: PurePath) -> bool:
    return not pure.suffix[1:].isalpha() and _VERSION.fullmatch(pure.name) is not None
