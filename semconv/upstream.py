# SPDX-License-Identifier: Apache-2.0
"""What upstream defines, as the package `opentelemetry-semantic-conventions` has it.

The package has the names, not the whole model, which is enough to see that a reference goes to something.
"""

from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from types import ModuleType

EXCLUDED = ("gen_ai.", "mcp.", "openai.")
"""Names that the package still has, but that moved out of the conventions on which we depend."""


def has_attribute(key: str) -> bool:
    """Whether upstream defines an attribute."""
    return key in _names(key, "attributes") and not key.startswith(EXCLUDED)


def has_metric(pattern: str) -> bool:
    """Whether upstream defines a metric that matches a wildcard such as `hw.gpu.*`."""
    return any(fnmatchcase(name, pattern) for name in _names(pattern, "metrics"))


@cache
def _names(name: str, signal: str) -> frozenset[str]:
    root = name.split(".")[0]
    modules = [
        _module(f"opentelemetry.semconv.{signal}.{root}_{signal}"),
        _module(f"opentelemetry.semconv._incubating.{signal}.{root}_{signal}"),
    ]
    values = (value for module in modules if module for value in vars(module).values())
    return frozenset(value for value in values if isinstance(value, str))


def _module(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None
