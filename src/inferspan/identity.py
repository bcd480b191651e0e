# SPDX-License-Identifier: Apache-2.0
"""Which model is this: one answer, found in a fixed order.

1. what ``inferspan.describe()`` said of the object;
2. the mapping in ``OTEL_PYTHON_INFERSPAN_MODELS``, from the name that the rest finds;
3. the model's own metadata;
4. the layout of a model repository, ``<name>/<version>/model.onnx``;
5. the name and revision of a Hugging Face configuration;
6. the stem of its file, unless that is as good as random or says nothing (``model.onnx``);
7. its graph's name, or its class.

Two models that would share a name are told apart by a suffix from a digest.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from inferspan.text import encodable


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A model as telemetry knows it.

    Attributes:
        name: what series and spans are grouped by; of low cardinality.
        version: of the model, not of its format or library.
        format: of the artifact: ``onnx``, ``torchscript``, ``aotinductor``, ``exported_program``.
        digest: of the artifact, ``sha256:…``.
        device: where it runs, where that is a property of the model.
        graph_name: of an ONNX graph.
        execution_providers: of an ONNX Runtime session, in order of preference.
        features: names of columns, by name of the input; under ``""`` for any.
        described: whether the application itself named it.
    """

    name: str
    version: str | None = None
    format: str | None = None
    digest: str | None = None
    device: str | None = None
    graph_name: str | None = None
    execution_providers: tuple[str, ...] = ()
    features: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    described: bool = False


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What an adapter can tell of a model, besides the object itself.

    Attributes:
        metadata_name: a name written into the artifact.
        metadata_version: a version written into the artifact.
        hub_name: ``name_or_path`` of a Hugging Face configuration.
        hub_revision: its revision or commit.
        path: of the file or folder it was loaded from.
        graph_name: of its graph.
        class_name: fully qualified, of the object that the author wrote.
        content: its bytes, where there is no file.
    """

    metadata_name: str | None = None
    metadata_version: str | None = None
    hub_name: str | None = None
    hub_revision: str | None = None
    path: str | None = None
    graph_name: str | None = None
    class_name: str | None = None
    content: bytes | None = None
    format: str | None = None
    device: str | None = None
    execution_providers: tuple[str, ...] = ()


_MAX_NAME = 128
_MAX_CLAIMS = 4096
_EDGE = 8 * 1024 * 1024

_NAMED = (FunctionType, BuiltinFunctionType, MethodType)

_GENERIC = re.compile(
    "best|checkpoint|ckpt|export|exported|final|graph|last|latest|main|main_graph|model|model_fp16|model_fp32|"
    "model_int8|model_optimized|model_quantized|models|net|network|onnx|onnx_model|package|pytorch_model|"
    "saved_model|scripted|torch_jit|torch-jit-export|traced|weights",
    re.IGNORECASE,
)
_VERSION = re.compile(r"v?\d+(\.\d+)*([-+.]\w+)?", re.IGNORECASE)
_RANDOM = re.compile(r"tmp\w{6,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=\D*\d)[0-9a-f]{8,}|\d{6,}", re.IGNORECASE)
#: Where Hugging Face's libraries keep what they have downloaded.
_HUB_CACHE = re.compile(r"(?:^|/)models--([^/]+)/snapshots/([^/]+)")


class WeakTable:
    """Facts about objects by their identity, gone with the object; their ``__hash__`` and ``__eq__`` are not used."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def get(self, key: object) -> Any:
        """Returns what was set for this object, or None."""
        entry = self._entries.get(id(key))
        return entry[1] if entry is not None and entry[0]() is key else None

    def set(self, key: object, value: Any) -> None:
        """Keeps ``value`` as long as ``key`` lives.

        Raises:
            TypeError: objects of its class cannot be referred to weakly.
        """
        number = id(key)
        entries = self._entries

        def gone(reference: weakref.ref[Any]) -> None:
            entry = entries.get(number)
            if entry is not None and entry[0] is reference:
                del entries[number]

        entries[number] = (weakref.ref(key, gone), value)

    def discard(self, key: object) -> None:
        """Forgets what was set for this object."""
        self._entries.pop(id(key), None)

    def __len__(self) -> int:
        return len(self._entries)


_described = WeakTable()
_identified = WeakTable()
#: Who has a name; of one that the artifact itself bears, each version has an owner.
_claims: dict[tuple[str, str | None], str] = {}
_lock = threading.Lock()


def describe(
    model: object,
    *,
    name: str | None = None,
    version: str | None = None,
    features: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Says what a model is called, and what the columns of its input mean.

    Args:
        model: the object that is called: a torch module, an ONNX Runtime session, or any other object.
        name: its name on spans and metrics; by default found from the object.
        version: its version.
        features: names of the columns of its two-dimensional input, or such names by name of the input. Fields are
            then profiled and named one by one.

    Raises:
        TypeError: ``model`` is of a class that cannot be referred to weakly, or an argument is of another type.
    """
    for label, text in (("name", name), ("version", version)):
        if text is not None and not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{label} must be a string, not {type(text).__name__}")
    names: dict[str, Sequence[str]] = {}
    if features is not None:
        given: Mapping[Any, Any] = features if isinstance(features, Mapping) else {"": features}
        for key, columns in given.items():
            if isinstance(columns, str) or not all(isinstance(text, str) for text in (key, *columns)):
                raise TypeError("features must be a sequence of strings, or a mapping of input names to such")
            names[key] = tuple(columns)
    _described.set(model, {"name": name, "version": version, "features": names})
    _identified.discard(model)


def known(model: object) -> Model | None:
    """Returns the identity found earlier for this object; adapters ask this on every call."""
    return _identified.get(model)


def forget(model: object) -> None:
    """Has an object identified anew at its next call: what it says of itself has changed."""
    _identified.discard(model)


def is_described(model: object) -> bool:
    """Returns whether the application has described this object."""
    return _described.get(model) is not None


def identify(model: object, evidence: Evidence, *, mapping: Mapping[str, str]) -> Model:
    """Finds the identity of an object, and keeps it while the object lives.

    Args:
        model: the object that is called.
        evidence: what its adapter knows of it.
        mapping: ``Config.models``.
    """
    said: Mapping[str, Any] = _described.get(model) or {}
    name, version = said.get("name"), said.get("version")
    if name is None:
        name, found_version = _find(evidence, mapping)
        version = version or found_version
    else:
        version = version or evidence.metadata_version or evidence.hub_revision
    identity = Model(
        name=_short(name),
        version=_short(version) if version else None,
        format=evidence.format,
        device=evidence.device,
        graph_name=_short(evidence.graph_name) if evidence.graph_name else None,
        execution_providers=evidence.execution_providers,
        features=said.get("features") or {},
        described=said.get("name") is not None,
    )
    try:
        _identified.set(model, identity)
    except TypeError:  # no weak references: found again at the next call
        pass
    return identity


_named: dict[tuple[str, str | None], Model] = {}


def named(name: str, version: str | None = None) -> Model:
    """Returns the identity of a model that is known by its name alone."""
    model = _named.get((name, version))
    if model is None:
        if len(_named) >= _MAX_CLAIMS:
            _named.clear()
        model = _named[name, version] = Model(
            name=_short(name), version=_short(version) if version else None, described=True
        )
    return model


def _short(text: str) -> str:
    return encodable(text[:_MAX_NAME])


def of_object(model: object, *, mapping: Mapping[str, str]) -> Model:
    """Returns the identity of an object that no adapter knows: described, or named after its class."""
    identity = known(model)
    if identity is None:
        kind = type(model)
        # A function or class is named after itself. Of other objects no attribute is looked up: it may be computed.
        named_after: Any = model if kind in _NAMED or issubclass(kind, type) else kind
        class_name = f"{named_after.__module__}.{named_after.__qualname__}"
        identity = identify(model, Evidence(class_name=class_name), mapping=mapping)
    return identity


def _find(evidence: Evidence, mapping: Mapping[str, str]) -> tuple[str, str | None]:
    name, version, owner = _candidate(evidence)
    for key in (name, evidence.path, evidence.graph_name):
        told = mapping.get(key) if key else None
        if told is not None:
            name, _, mapped_version = told.partition(":")
            return name, mapped_version or version
    key = (name, version if evidence.metadata_name else None)
    return _claim(key, owner, evidence), version


def _candidate(evidence: Evidence) -> tuple[str, str | None, str]:
    """Returns name, version and what tells this model from another of the same name."""
    version = evidence.metadata_version or evidence.hub_revision
    path = evidence.path
    where = _owner_of(path) if path else ""
    if evidence.metadata_name:
        return evidence.metadata_name, version, where or "metadata"
    if path:
        name, path_version = _from_path(path)
        if path_version:  # a repository's layout says more than a configuration
            return name or "model", version or path_version, where
        if evidence.hub_name:
            return _hub_name(evidence.hub_name), version, where
        if name:
            return name, version, where
    if evidence.hub_name:
        return _hub_name(evidence.hub_name), version, evidence.class_name or ""
    graph = evidence.graph_name
    if graph and not _GENERIC.fullmatch(graph) and not _RANDOM.fullmatch(graph):
        return graph, version, where or _digest_of(evidence)
    if evidence.class_name:
        # A class of which only the bare name is known (a traced graph's) is taken for the one that bears it.
        module, _, name = evidence.class_name.rpartition(".")
        return name, version, evidence.class_name if module else ""
    return "model", version, where or _digest_of(evidence)


def _hub_name(name: str) -> str:
    """``org/model`` stays as it is; a local folder is its last part that says something."""
    return (_from_path(name)[0] or name) if os.path.isabs(name) or name.startswith(".") else name


def _from_path(path: str) -> tuple[str | None, str | None]:
    """Reads name and version from a path, innermost part first."""
    pure = PurePath(path)
    hub = _HUB_CACHE.search(pure.as_posix())
    if hub is not None:
        return hub[1].replace("--", "/"), hub[2]
    folders = [part for part in reversed(pure.parts[:-1]) if part not in (pure.anchor, ".", "..")]
    stem = pure.name.partition(".")[0] if pure.suffix else pure.name
    version = None
    if folders and _is_version_folder(pure):
        return folders[0], pure.name
    if folders and _VERSION.fullmatch(folders[0]):
        version = folders[0]
        if len(folders) > 1 and not _RANDOM.fullmatch(folders[1]):
            return folders[1], version
        folders = folders[1:]
    for part in [stem, *folders[:1]]:
        if part and not _GENERIC.fullmatch(part) and not _RANDOM.fullmatch(part):
            return part, version
    return (None if _RANDOM.fullmatch(stem) else stem or None), version


def _is_version_folder(pure: PurePath) -> bool:
    return not pure.suffix[1:].isalpha() and _VERSION.fullmatch(pure.name) is not None


def _owner_of(path: str) -> str:
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


def _claim(key: tuple[str, str | None], owner: str, evidence: Evidence) -> str:
    """Gives the name to its first owner; another owner gets it with a suffix from its digest."""
    name, _ = key
    with _lock:
        if not owner or _claims.get(key) == owner:
            return name
        if key not in _claims:
            if len(_claims) < _MAX_CLAIMS:
                _claims[key] = owner
            return name
    digest = _digest_of(evidence) or hashlib.sha256(owner.encode("utf-8", "replace")).hexdigest()
    return f"{name}-{digest[:8]}"


def _digest_of(evidence: Evidence) -> str:
    """Digests content or file: all of it up to 16 MiB, beyond that its size and both ends."""
    digest = hashlib.sha256()
    if evidence.content is not None:
        _update(digest.update, len(evidence.content), lambda start, end: evidence.content[start:end])  # type: ignore[index]
        return digest.hexdigest()
    if evidence.path:
        try:
            with open(evidence.path, "rb") as file:
                size = os.fstat(file.fileno()).st_size

                def read(start: int, end: int) -> bytes:
                    file.seek(start)
                    return file.read(end - start)

                _update(digest.update, size, read)
                return digest.hexdigest()
        except OSError:
            pass
    return ""


def _update(update: Callable[[bytes], None], size: int, read: Callable[[int, int], bytes]) -> None:
    if size <= 2 * _EDGE:
        update(read(0, size))
    else:
        update(str(size).encode())
        update(read(0, _EDGE))
        update(read(size - _EDGE, size))
