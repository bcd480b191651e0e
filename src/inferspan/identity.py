# SPDX-License-Identifier: Apache-2.0
"""Which model is this: one answer, found in a fixed order.

1. what ``inferspan.describe()`` said of the object;
2. the mapping in ``OTEL_PYTHON_INFERSPAN_MODELS``, from the name that the rest finds;
3. the file that ``OTEL_PYTHON_INFERSPAN_MODELS_FILE`` names, from that name or the model's path;
4. the model's own metadata;
5. the layout of a model repository, ``<name>/<version>/model.onnx``;
6. the name and revision of a Hugging Face configuration;
7. the stem of its file, unless that is as good as random or says nothing (``model.onnx``);
8. its graph's name, or its class.

Two models that would share a name are told apart by a suffix from a digest. A version that nothing tells is the first
digits of the digest of what the model was loaded from.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from inferspan import descriptions, faults, naming
from inferspan.artifact import Artifact
from inferspan.descriptions import Description
from inferspan.text import encodable


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A model as telemetry knows it.

    Attributes:
        name: what series and spans are grouped by; of low cardinality.
        version: of the model, not of its format or library.
        format: of the artifact: ``onnx``, ``torchscript``, ``aotinductor``, ``exported_program``, ``safetensors`` ….
        artifact: what it was loaded from, where that is known.
        device: where it runs, where that is a property of the model.
        graph_name: of an ONNX graph.
        execution_providers: of an ONNX Runtime session, in order of preference.
        features: names of columns, by name of the value; under ``""`` for any input.
        table: whether a value is a table, by its name; under ``""`` whether the inputs are.
        preprocessing: which preparation of inputs it is served with, as the application says.
        config_digest: of the configuration that it is served with, as the application says.
        batch_axis: of its inputs and outputs; None where they have none.
        described: whether the application itself named it.
        bearer: the object that it is the identity of; None where a model is known by its name alone.
    """

    name: str
    version: str | None = None
    format: str | None = None
    artifact: Artifact | None = field(default=None, repr=False)
    device: str | None = None
    graph_name: str | None = None
    execution_providers: tuple[str, ...] = ()
    features: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    table: Mapping[str, bool] = field(default_factory=dict[str, bool])
    preprocessing: str | None = None
    config_digest: str | None = None
    batch_axis: int | None = 0
    described: bool = False
    bearer: weakref.ref[Any] | None = field(default=None, repr=False)

    @property
    def digest(self) -> str | None:
        """Of what it was loaded from, as `inferspan.artifact` says: read when it is first asked for."""
        return None if self.artifact is None else self.artifact.digest()

    @property
    def current(self) -> Model | None:
        """The identity that its bearer has now: itself, or what has been said since; None once the bearer is gone."""
        if self.bearer is None:
            return self
        bearer = self.bearer()
        return None if bearer is None else known(bearer) or self


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
        format: of what it was loaded from.
        device: where it runs, where that is a property of the model.
        execution_providers: of an ONNX Runtime session, in order of preference.
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
#: Of a digest, in suffixes and versions.
_DIGITS = 8
_NAMED = (FunctionType, BuiltinFunctionType, MethodType)


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

    def items(self) -> list[tuple[Any, Any]]:
        """Returns the objects that live, with what was set for each, in that order."""
        entries = [(reference(), value) for reference, value in list(self._entries.values())]
        return [(key, value) for key, value in entries if key is not None]

    @property
    def ids(self) -> Mapping[int, object]:
        """What to look an object's ``id`` up in where a call costs too much; kept up to date."""
        return self._entries

    def __len__(self) -> int:
        return len(self._entries)


_described = WeakTable()
#: Objects that the application has named: inferences of their own, inside of another as well.
named_models = WeakTable()
_loaded = WeakTable()
_evidence = WeakTable()
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
    table: bool | Mapping[str, bool] | None = None,
    preprocessing: str | None = None,
    config_digest: str | None = None,
    batch_axis: int | None = 0,
) -> None:
    """Says what a model is called, and how it is served; in place of what was said of it before.

    Where version, preprocessing or configuration are others than those of the model of this name so far, the next
    inference comes with an ``inferspan.model.changed`` event.

    Args:
        model: the object that is called: a torch module, an ONNX Runtime session, or any other object.
        name: its name on spans and metrics; by default found from the object.
        version: its version.
        features: names of the columns of its two-dimensional input, each once, or such names by name of the input or
            output. Columns are then profiled and named one by one.
        table: whether its two-dimensional inputs are tables, which are profiled column by column, or that by name of
            the input or output. By default those with at most 64 columns are, unless they are token ids, masks or
            positions; outputs are tables only where this or ``features`` says so. What comes as a frame, a dict of
            columns or a list of records always is one.
        preprocessing: which preparation of inputs it is served with, as ``resize-224-v2``; of low cardinality.
        config_digest: the digest of the configuration that it is served with, ``<algorithm>:<hexadecimal digits>``.
        batch_axis: the axis of its inputs and outputs along which samples are counted; None where they have none.

    Raises:
        TypeError: ``model`` is of a class that cannot be referred to weakly, or an argument is of another type.
    """
    description = Description.of(
        name=name,
        version=version,
        features=features,
        table=table,
        preprocessing=preprocessing,
        config_digest=config_digest,
        batch_axis=batch_axis,
    )
    _described.set(model, description)
    if name is None:
        named_models.discard(model)
    else:
        named_models.set(model, name)
    _identified.discard(model)
    try:
        # At once, and not at the next call: until then its old name would be told of a model that waits for one.
        evidence = _evidence.get(model)
        if evidence is not None:
            identify(model, evidence)
    except Exception:
        faults.caught("identity")


def known(model: object) -> Model | None:
    """Returns the identity found earlier for this object; adapters ask this on every call."""
    return _identified.get(model)


def forget(model: object) -> None:
    """Has an object identified anew at its next call: what it says of itself has changed."""
    _evidence.discard(model)
    _identified.discard(model)


def is_described(model: object) -> bool:
    """Returns whether the application has described this object."""
    return _described.get(model) is not None


def note_artifact(model: object, artifact: Artifact) -> None:
    """Notes what an object was loaded from.

    Raises:
        TypeError: objects of its class cannot be referred to weakly.
    """
    _loaded.set(model, artifact)
    forget(model)


def artifact_of(model: object) -> Artifact | None:
    """Returns what an object was loaded from, where that was seen."""
    return _loaded.get(model)


def identify(model: object, evidence: Evidence) -> Model:
    """Finds the identity of an object, and keeps it while the object lives.

    Args:
        model: the object that is called.
        evidence: what its adapter knows of it.
    """
    artifact = artifact_of(model)
    if artifact is None and evidence.content is not None:
        artifact = Artifact.of(evidence.content, format=evidence.format)
        _keep(_loaded, model, artifact)
    if artifact is not None:
        if artifact.path is None:
            artifact.digest()  # lets go of the bytes: identities are kept for longer than models
        evidence = replace(
            evidence, path=evidence.path or artifact.path, format=artifact.format or evidence.format, content=None
        )
    said: Description = _described.get(model) or descriptions.NOTHING
    described = said.name is not None
    name, version, owner = said.name or "", evidence.metadata_version or evidence.hub_revision, ""
    if not described:
        name, version, owner = _candidate(evidence, artifact)
    said = said.over(descriptions.from_settings((name, evidence.graph_name), evidence.path))
    if said.name is None:
        name = _claim((name, version if evidence.metadata_name else None), owner, evidence, artifact)
    version = said.version or version or (version_of(artifact.digest()) if artifact is not None else None)
    identity = Model(
        name=_short(said.name or name),
        version=_short(version) if version else None,
        format=evidence.format,
        artifact=artifact,
        device=evidence.device,
        graph_name=_short(evidence.graph_name) if evidence.graph_name else None,
        execution_providers=evidence.execution_providers,
        features=said.features,
        table=said.table,
        preprocessing=_short(said.preprocessing) if said.preprocessing else None,
        config_digest=_short(said.config_digest) if said.config_digest else None,
        batch_axis=said.batch_axis,
        described=described,
        bearer=_reference(model),
    )
    _keep(_evidence, model, evidence)
    _keep(_identified, model, identity)
    return identity


def _keep(table: WeakTable, model: object, fact: object) -> None:
    try:
        table.set(model, fact)
    except TypeError:  # no weak references: found again at the next call
        pass


def _reference(model: object) -> weakref.ref[Any] | None:
    try:
        return weakref.ref(model)
    except TypeError:
        return None


def version_of(digest: str | None) -> str | None:
    """Returns the version of a model of which nothing else tells one."""
    return digest.rpartition(":")[2][:_DIGITS] if digest else None


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


def guess(path: str) -> Model | None:
    """Returns what a model that could not be loaded would be called after its path."""
    name, version = naming.from_path(path)
    said = descriptions.from_settings((name,), path)
    name, version = said.name or name, said.version or version
    return None if name is None else Model(name=_short(name), version=_short(version) if version else None)


def of_object(model: object) -> Model:
    """Returns the identity of an object that no adapter knows: described, or named after its class."""
    identity = known(model)
    if identity is None:
        kind = type(model)
        # A function or class is named after itself. Of other objects no attribute is looked up: it may be computed.
        named_after: Any = model if kind in _NAMED or issubclass(kind, type) else kind
        class_name = f"{named_after.__module__}.{named_after.__qualname__}"
        identity = identify(model, Evidence(class_name=class_name))
    return identity


def _short(text: str) -> str:
    return encodable(text[:_MAX_NAME])


def _candidate(evidence: Evidence, artifact: Artifact | None) -> tuple[str, str | None, str]:
    """Returns name, version and what tells this model from another of the same name."""
    version = evidence.metadata_version or evidence.hub_revision
    path = evidence.path
    where = naming.owner_of(path) if path else ""
    if evidence.metadata_name:
        return evidence.metadata_name, version, where or "metadata"
    if path:
        name, path_version = naming.from_path(path)
        if path_version:  # a repository's layout says more than a configuration
            return name or "model", version or path_version, where
        if evidence.hub_name:
            return naming.from_hub_name(evidence.hub_name), version, where
        if name:
            return name, version, where
    if evidence.hub_name:
        return naming.from_hub_name(evidence.hub_name), version, evidence.class_name or ""
    graph = evidence.graph_name
    if graph and naming.tells(graph):
        return graph, version, where or _digits(artifact)
    if evidence.class_name:
        # A class of which only the bare name is known (a traced graph's) is taken for the one that bears it.
        module, _, name = evidence.class_name.rpartition(".")
        return name, version, evidence.class_name if module else ""
    return "model", version, where or _digits(artifact)


def _claim(key: tuple[str, str | None], owner: str, evidence: Evidence, artifact: Artifact | None) -> str:
    """Gives the name to its first owner; another owner gets it with a suffix from its digest."""
    name, _ = key
    with _lock:
        if not owner or _claims.get(key) == owner:
            return name
        if key not in _claims:
            if len(_claims) < _MAX_CLAIMS:
                _claims[key] = owner
            return name
    artifact = artifact or Artifact.of(evidence.path)
    digits = _digits(artifact) or hashlib.sha256(owner.encode("utf-8", "replace")).hexdigest()
    return f"{name}-{digits[:_DIGITS]}"


def _digits(artifact: Artifact | None) -> str:
    digest = None if artifact is None else artifact.digest()
    return digest.rpartition(":")[2] if digest else ""
