# SPDX-License-Identifier: Apache-2.0
"""The core's settings, as the environment and the launcher see them."""

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any, cast

from source import ROOT

PREFIX = "OTEL_PYTHON_INFERSPAN_"

_TYPES = {
    "bool": "`true` or `false`",
    "int": "whole number",
    "float": "number",
    "str": "text",
    "tuple[str, ...]": "words, separated by commas",
    "Mapping[str, str]": "`key=value` pairs, separated by commas",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting.

    Attributes:
        name: The field of the dataclass.
        type: What its text has to be, in words.
        default: The default, as one would write it into the environment; empty where that is nothing.
        help: What it is for.
    """

    name: str
    type: str
    default: str
    help: str

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """The flag of `opentelemetry-instrument`, which makes it from the variable's name."""
        return "--" + self.variable.removeprefix("OTEL_PYTHON_").lower()


def configuration() -> type:
    """The dataclass of the core's settings, from the sources beside this folder."""
    # By its file: the package could need the very names that are about to be generated.
    spec = spec_from_file_location("inferspan_config", ROOT.parent / "src" / "inferspan" / "config.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.Config


def read(configuration: type) -> list[Setting]:
    """Reads the settings that users may set.

    Args:
        configuration: A dataclass whose fields have `help` in their metadata; `internal` ones are left out.
    """
    return [
        Setting(
            name=field.name,
            type=_TYPES[field.type if isinstance(field.type, str) else field.type.__name__],
            default=_text(_default(field)),
            help=field.metadata["help"],
        )
        for field in dataclasses.fields(configuration)
        if not field.metadata.get("internal")
    ]


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, str]", value)
        return ",".join(f"{key}={item}" for key, item in pairs.items())
    if isinstance(value, tuple):
        return ",".join(cast("tuple[str, ...]", value))
    return "" if value is None else str(value)
