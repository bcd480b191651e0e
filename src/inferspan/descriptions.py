# SPDX-License-Identifier: Apache-2.0
"""What is said of models: in code by ``describe()``, and for code that cannot be changed in a file or a variable."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, cast

from inferspan import config

_MAX_PROBLEMS = 5
_GLOB = frozenset("*?[")

_log = logging.getLogger("inferspan")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What somebody says of a model; what is not said has its default.

    Attributes:
        name: of the model.
        version: of the model.
        features: names of the columns of a value that is a table, by the value's name; under ``""`` for any input.
        table: whether a value is a table, by its name; under ``""`` whether the inputs are.
        preprocessing: which preparation of inputs it is served with.
        config_digest: of the configuration that it is served with.
        batch_axis: of its inputs and outputs; None where they have none.
    """

    name: str | None = None
    version: str | None = None
    features: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    table: Mapping[str, bool] = field(default_factory=dict[str, bool])
    preprocessing: str | None = None
    config_digest: str | None = None
    batch_axis: int | None = 0

    @classmethod
    def of(cls, **said: Any) -> Description:
        """Checks what is said.

        Raises:
            TypeError: a value is of another type, which the message says, or there is no such thing to say.
        """
        for name, value in said.items():
            if name not in _CHECKS:
                raise TypeError(f"{name} is not known: there are {', '.join(_CHECKS)}")
            said[name] = _CHECKS[name](name, value)
        return cls(**said)

    def over(self, other: Description) -> Description:
        """Returns what both say, of two answers this one's. A default is as good as nothing said."""
        both = {one.name: getattr(self, one.name) for one in fields(self)}
        return Description(
            **{name: getattr(other, name) if value == getattr(NOTHING, name) else value for name, value in both.items()}
        )


def _text(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{name} must be a string, not {type(value).__name__}")


def _features(name: str, value: Any) -> Mapping[str, Sequence[str]]:
    if value is None:
        return {}
    found: dict[str, Sequence[str]] = {}
    given: Mapping[Any, Any] = cast(Any, value) if isinstance(value, Mapping) else {"": value}
    for key, columns in given.items():
        texts: tuple[Any, ...] = ()
        is_sequence = isinstance(columns, Iterable) and not isinstance(columns, str)
        if is_sequence:
            texts = tuple(cast("Iterable[Any]", columns))
        if not is_sequence or not all(isinstance(text, str) for text in (key, *texts)):
            raise TypeError(f"{name} must be a sequence of strings, or a mapping of input names to such")
        repeated = [text for text, count in Counter(texts).items() if count > 1]
        if repeated:
            raise TypeError(f"{name} must differ from one another: {repeated[0]!r} is there more than once")
        found[key] = texts
    return found


def _table(name: str, value: Any) -> Mapping[str, bool]:
    if value is None:
        return {}
    given: Mapping[Any, Any] = cast(Any, value) if isinstance(value, Mapping) else {"": value}
    if not all(isinstance(key, str) and isinstance(said, bool) for key, said in given.items()):
        raise TypeError(f"{name} must be True or False, or a mapping of names to such")
    return dict(given)


def _axis(name: str, value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TypeError(f"{name} must be a whole number or None, not {type(value).__name__}")


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "name": _text,
    "version": _text,
    "features": _features,
    "table": _table,
    "preprocessing": _text,
    "config_digest": _text,
    "batch_axis": _axis,
}

NOTHING = Description()


def from_settings(found: Iterable[str | None], path: str | None) -> Description:
    """Returns what the variable and the file say of a model, of two answers the variable's.

    Args:
        found: what the model is found to be called.
        path: of what it was loaded from.
    """
    names = list(dict.fromkeys(filter(None, (*found, path))))
    settings = config.in_force
    said = next((settings.models[name] for name in names if name in settings.models), "")
    name, _, version = said.partition(":")
    from_variable = Description(name=name or None, version=version or None)
    paths = [path, os.path.abspath(path)] if path else []
    for pattern, description in read_file(settings.models_file):
        is_glob = not _GLOB.isdisjoint(pattern)
        if pattern in names or pattern in paths or (is_glob and any(fnmatchcase(one, pattern) for one in paths)):
            return from_variable.over(description)
    return from_variable


_files: dict[str, Sequence[tuple[str, Description]]] = {}


def read_file(path: str) -> Sequence[tuple[str, Description]]:
    """Reads the file of the setting ``models_file``, once, whose errors are one warning.

    Returns:
        Its good entries, in their order.
    """
    if not path:
        return ()
    found = _files.get(path)
    if found is None:
        problems: list[str] = []
        found = _files[path] = _read(path, problems)
        if problems:
            more = f"; and {len(problems) - _MAX_PROBLEMS} more" if len(problems) > _MAX_PROBLEMS else ""
            _log.warning("%s is not used in full: %s%s", path, "; ".join(problems[:_MAX_PROBLEMS]), more)
    return found


def _read(path: str, problems: list[str]) -> list[tuple[str, Description]]:
    try:
        with open(path, encoding="utf-8") as file:
            # As pairs: a key that is there twice is a mistake that a dict would hide.
            content = json.load(file, object_pairs_hook=_Pairs)
    except OSError as error:
        problems.append(error.strerror or type(error).__name__)
        return []
    except json.JSONDecodeError as error:
        problems.append(f"line {error.lineno}, column {error.colno}: {error.msg}")
        return []
    except (ValueError, RecursionError) as error:  # no UTF-8; too deep
        problems.append("not UTF-8" if isinstance(error, UnicodeDecodeError) else "not to be read as JSON")
        return []
    if not isinstance(content, _Pairs):
        problems.append("expected an object, with an entry for each model")
        return []
    entries: list[tuple[str, Description]] = []
    seen: set[str] = set()
    for key, said in content.pairs:
        try:
            if key in seen:
                raise TypeError("there twice, the first counts")
            seen.add(key)
            if not isinstance(said, _Pairs):
                raise TypeError("expected an object")
            entries.append((key, Description.of(**_plain(said))))
        except TypeError as error:
            problems.append(f"{json.dumps(key, ensure_ascii=False)}: {error}")
    return entries


class _Pairs:
    """An object of a JSON file, as it is written."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _plain(value: Any) -> Any:
    if not isinstance(value, _Pairs):
        return value
    found: dict[str, Any] = {}
    for key, one in value.pairs:
        if key in found:
            raise TypeError(f"{key} is there twice")
        found[key] = _plain(one)
    return found
