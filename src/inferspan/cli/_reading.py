# SPDX-License-Identifier: Apache-2.0
"""What OTLP attributes say, as plain Python values."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    from inferspan.semconv.attributes import FieldAttributes

Attributes = Mapping[str, Any]


def read_attributes(pairs: Iterable[KeyValue], *, only: Container[str] | None = None) -> dict[str, Any]:
    """Reads key-value pairs; a value that is not set (null) is ``None``.

    Args:
        pairs: the attributes.
        only: the names to read, by default all: reading a data profile costs more than the rest of a span.
    """
    return {pair.key: _value(pair.value) for pair in pairs if only is None or pair.key in only}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return read_attributes(value.kvlist_value.values)
    return getattr(value, kind)


def text(attributes: Attributes, name: str) -> str:
    """One attribute as text; empty where there is none."""
    value = attributes.get(name)
    return "" if value is None else str(value)


@dataclass(frozen=True)
class FieldProfile:
    """One field (tensor, feature or column) of one inference; ``None`` where withheld or not applicable."""

    name: str
    type: str = "?"
    shape: str = "?"
    count: int | None = None
    missing: int | None = None
    infinite: int | None = None
    mean: float | None = None
    standard_deviation: float | None = None
    minimum: float | None = None
    quantile_05: float | None = None
    quantile_50: float | None = None
    quantile_95: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class DataProfile:
    """The input or the output of one inference."""

    fields: tuple[FieldProfile, ...]
    #: Fields that the value had, those that the span has no room for included.
    field_count: int
    notes: tuple[str, ...]


#: Arrays of a profile with one element for each name, by what they are called here.
_COLUMNS = {
    "type": "types",
    "shape": "shapes",
    "count": "counts",
    "missing": "missing_counts",
    "infinite": "infinite_counts",
    "mean": "means",
    "standard_deviation": "standard_deviations",
    "minimum": "minimums",
    "quantile_05": "quantiles_05",
    "quantile_50": "quantiles_50",
    "quantile_95": "quantiles_95",
    "maximum": "maximums",
}


def read_profile(attributes: Attributes, direction: FieldAttributes) -> DataProfile | None:
    """Reads the data profile of an inference.

    Args:
        attributes: of a span or an anomaly event.
        direction: the names for inputs or for outputs.

    Returns:
        The profile, or ``None`` where the attributes have not even the names of fields.
    """
    fields = _list(attributes, direction.names)
    if not fields:
        return None
    columns = {column: _list(attributes, getattr(direction, array)) for column, array in _COLUMNS.items()}
    read = tuple(
        FieldProfile(
            name=str(name),
            **{column: values[position] for column, values in columns.items() if position < len(values)},
        )
        for position, name in enumerate(fields)
    )
    return DataProfile(
        fields=read,
        field_count=max(len(read), int(attributes.get(direction.field_count) or 0)),
        notes=tuple(map(str, _list(attributes, direction.notes))),
    )


def _list(attributes: Attributes, name: str) -> Sequence[Any]:
    value = attributes.get(name)
    return cast("list[Any]", value) if isinstance(value, list) else ()
