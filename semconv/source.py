# SPDX-License-Identifier: Apache-2.0
"""The files of the registry, as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent
MODEL = ROOT / "model"

Definition = Mapping[str, Any]
"""One entry of a registry file: an attribute, a group or a signal."""


@dataclass(frozen=True)
class Source:
    """The files of a registry as they are, their lists joined.

    Attributes:
        manifest: The content of `manifest.yaml`.
        documents: The content of each other file, by file name.
    """

    manifest: Definition
    documents: Mapping[str, Any]

    def entries(self, section: str) -> list[Definition]:
        """All entries of a section (`attributes`, `spans`, …), in the order of the files' names."""
        return [entry for document in self.documents.values() for entry in document.get(section) or ()]

    def imports(self, signal: str) -> list[str]:
        """The wildcards by which signals of a kind are imported from the dependencies."""
        imports: list[Definition] = [document.get("imports") or {} for document in self.documents.values()]
        return [pattern for patterns in imports for pattern in patterns.get(signal) or ()]


def read(model: Path = MODEL) -> Source:
    """Reads the files of a registry.

    Args:
        model: The folder that holds `manifest.yaml` and the definitions.
    """
    files = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in sorted(model.glob("*.yaml"))}
    return Source(manifest=files.pop("manifest.yaml"), documents=files)


def annotations(entry: Definition) -> Definition:
    """The annotations of a definition, empty where it has none."""
    return entry.get("annotations") or {}


def references(entry: Definition, groups: Mapping[str, Definition]) -> list[Definition]:
    """The attribute references of a signal or group, those of the groups that it includes put in place."""
    found: list[Definition] = []
    for reference in entry.get("attributes") or ():
        group = reference.get("ref_group")
        if group is None:
            found.append(reference)
        elif group in groups:
            # Without the group itself, so that a group that includes itself ends.
            others = {name: other for name, other in groups.items() if name != group}
            found.extend(references(groups[group], others))
    return found


def members(entry: Definition) -> list[Definition]:
    """The members of an attribute's enumeration, empty where its type is no enumeration."""
    kind = entry["type"]
    return [] if isinstance(kind, str) else kind["members"]
