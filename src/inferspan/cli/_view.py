# SPDX-License-Identifier: Apache-2.0
"""The table in the terminal, and the summary at the end: lines of text from a snapshot, and nothing else."""

from __future__ import annotations

import textwrap
import time
from typing import TYPE_CHECKING

from rich.text import Text

from inferspan.cli._format import NOTHING, count, duration, number, plain, rate, share
from inferspan.cli._layout import Column, table
from inferspan.semconv.attributes import OperationName, SelfDropReason, SystemName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferspan.cli._reading import DataProfile, FieldProfile
    from inferspan.cli._summary import Failure, ModelSummary, Snapshot

_QUIET = "dim"
_HEADING = "bold"
_MODEL = "bold cyan"
_VERSION = "cyan"
_WRONG = "bold red"
_ODD = "yellow"

#: Longest version shown in full: a digest is told apart by its beginning.
_MAX_VERSION = 12

_MAX_MODELS = 40
_MAX_PROFILES = 10
_MAX_FIELDS = 16
_MAX_FAILURES = 5

#: Fewest columns for the message of a failure, before another column gives way.
_LEAST_MESSAGE = 24

DROPPED = {
    SelfDropReason.QUEUE_FULL: "inferences without a data profile, because the worker's queue was full",
    SelfDropReason.RATE_LIMITED: "anomaly events beyond the rate that is allowed",
    SelfDropReason.MODEL_LIMIT: "models beyond the limit, which metrics report as _OTHER",
}


def live(snapshot: Snapshot, *, title: str, elapsed: float, width: int, height: int) -> list[Text]:
    """What fits into a few lines while the program runs.

    Args:
        snapshot: the present one.
        title: what runs.
        elapsed: seconds since it was started.
        width: of the terminal, in columns.
        height: most lines to use.
    """
    lines = [_title(snapshot, title, _clock(elapsed), width)]
    if not snapshot.models:
        return _cut([*lines, Text(" waiting for the first inference", style=_QUIET)], width)
    # A third of the lines at most for models and a sixth for failures; the data gets what is left.
    blocks = [_models(snapshot, width, limit=max(height // 3, 2))]
    failures = _failures(snapshot, width, limit=max(height // 6, 1))
    left = height - len(lines) - len(blocks[0]) - len(failures)
    for model in snapshot.models:
        block = _data(model, width, limit=left - 1 - bool(model.anomalies))
        if block:
            blocks.append(block)
            left -= len(block)
    blocks.append(failures)
    for block in filter(None, blocks):
        if len(lines) > 1 and left > 0:
            lines.append(Text())
            left -= 1
        lines += block
    return _cut(lines[:height], width)


def summary(snapshot: Snapshot, *, title: str, ended: str, width: int) -> list[Text]:
    """Everything that was seen, for the end.

    Args:
        snapshot: the final one.
        title: what ran.
        ended: how it ended and after how long.
        width: of the terminal, in columns.
    """
    lines = [_title(snapshot, title, ended, width)]
    if snapshot.models:
        lines += _models(snapshot, width, limit=_MAX_MODELS)
    data = [_data(model, width, limit=_MAX_FIELDS, notes=True) for model in snapshot.models]
    blocks = list(filter(None, data))[:_MAX_PROFILES]
    for block in blocks:
        lines += [Text(), *block]
    if blocks:
        lines.append(Text(f" data of the last inference: → input, ← output, {NOTHING} withheld or none", style=_QUIET))
    if snapshot.failures:
        lines += [Text(), *_failures(snapshot, width, limit=_MAX_FAILURES)]
    remarks = _remarks(snapshot, width)
    return _cut(lines + [Text(), *remarks] if remarks else lines, width)


def _cut(lines: Sequence[Text], width: int) -> list[Text]:
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return list(lines)


def _title(snapshot: Snapshot, title: str, state: str, width: int) -> Text:
    inferences = f"{count(snapshot.inferences)} inference{'s' if snapshot.inferences != 1 else ''}"
    right = Text.assemble(f" {inferences}", (" · ", _QUIET), state, " ")
    if snapshot.errors:
        right = Text.assemble(
            f" {inferences}",
            (" · ", _QUIET),
            (f"{count(snapshot.errors)} failed", _WRONG),
            (" · ", _QUIET),
            state,
            " ",
        )
    left = Text.assemble(("── ", _QUIET), ("inferspan", _HEADING), f" {plain(title)}")
    left.truncate(max(width - right.cell_len - 4, len("── inferspan…")), overflow="ellipsis")
    left.append(" ")
    rule = "─" * max(width - left.cell_len - right.cell_len - 2, 1)
    return Text.assemble(left, (rule, _QUIET), right, ("──", _QUIET))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _models(snapshot: Snapshot, width: int, *, limit: int) -> list[Text]:
    models = snapshot.models[:limit]
    mixed = len({model.source for model in models}) > 1
    columns = [
        Column("model", [_label(model) for model in models], align="left", shorten=True),
        Column("runtime", [Text(_runtime(model)) for model in models], align="left", drop=3, shorten=True),
    ]
    if any(model.device for model in models):
        columns.append(Column("device", [Text(plain(model.device)) for model in models], align="left", drop=5))
    if len({model.key.service for model in models}) > 1:
        columns.append(Column("service", [Text(plain(model.key.service)) for model in models], align="left", drop=4))
    columns += [
        Column("calls", [_calls(model, mixed=mixed) for model in models]),
        Column("per s", [Text(rate(model.rate)) for model in models]),
        Column("errors", [_errors(model) for model in models]),
        Column("p50", [Text(duration(model.latency and model.latency.p50)) for model in models]),
        Column("p95", [Text(duration(model.latency and model.latency.p95)) for model in models]),
        Column("p99", [Text(duration(model.latency and model.latency.p99)) for model in models], drop=1),
        Column("max", [Text(duration(model.latency and model.latency.maximum)) for model in models], drop=2),
    ]
    lines = table(columns, width=width)
    if len(models) < len(snapshot.models):
        lines.append(Text(f" and {count(len(snapshot.models) - len(models))} models more", style=_QUIET))
    return [*lines, _source(models)]


def _label(model: ModelSummary) -> Text:
    label = Text(plain(model.key.name), style=_MODEL)
    if model.key.version:
        version = plain(model.key.version)
        shortened = version if len(version) <= _MAX_VERSION else version[: _MAX_VERSION - 1] + "…"
        label.append(f" {shortened}", style=_VERSION)
    if model.key.operation not in ("", OperationName.INFER):
        label.append(f" {plain(model.key.operation)}", style="not bold default")
    return label


def _runtime(model: ModelSummary) -> str:
    system = "other" if model.key.system == SystemName.OTHER else plain(model.key.system)
    return f"{system} (client)" if model.key.client else system


def _calls(model: ModelSummary, *, mixed: bool) -> Text:
    calls = Text(count(model.count))
    if mixed:
        calls.append("*" if model.source == "histogram" else " ", style=_QUIET)
    return calls


def _errors(model: ModelSummary) -> Text:
    if not model.errors:
        return Text("0", style=_QUIET)
    return Text(f"{count(model.errors)} ({share(model.errors, model.count)})", style=_WRONG)


def _source(models: Sequence[ModelSummary]) -> Text:
    """Says where the rows come from."""
    measured = [model for model in models if model.source == "histogram"]
    if not measured:
        said = "from spans: every inference has one"
    elif len(measured) == 1:
        said = f"from the histogram ({count(measured[0].sampled)} of {count(measured[0].count)} have a span)"
    else:
        sampled, counted = sum(model.sampled for model in measured), sum(model.count for model in measured)
        said = f"from the histogram ({count(sampled)} of {count(counted)} have a span)"
    if measured:
        said += ": quantiles are interpolated"
    mark = " * " if 0 < len(measured) < len(models) else " "
    return Text(f"{mark}{said}", style=_QUIET)


def _data(model: ModelSummary, width: int, *, limit: int, notes: bool = False) -> list[Text]:
    """The data profile of a model's last inference; nothing where there is none."""
    if limit < 1 or not (model.input or model.output):
        return []
    outputs = _most_telling(model.output, limit if model.input is None else max(limit // 4, 1))
    inputs = _most_telling(model.input, limit - len(outputs))
    rows = [*(("→", field) for field in inputs), *(("←", field) for field in outputs)]
    fields = [field for _, field in rows]
    names = [Text.assemble((f"{arrow} ", _QUIET), plain(field.name)) for arrow, field in rows]
    heading = _label(model)
    # A long name must not cost a column of numbers: it is in the table above in full.
    heading.truncate(max(_MAX_VERSION, *(name.cell_len for name in names)), overflow="ellipsis")
    lines = table(
        [
            Column(heading, names, align="left", shorten=True),
            Column("type", [Text(plain(field.type)) for field in fields], align="left", drop=5, shorten=True),
            Column(
                "shape",
                [Text(plain(field.shape) or "scalar") for field in fields],
                align="left",
                shorten=True,
            ),
            Column("missing", [_part(field.missing, field.count) for field in fields]),
            Column("inf", [_part(field.infinite, field.count) for field in fields], drop=3),
            Column("mean", [_statistic(field.mean) for field in fields]),
            Column("std", [_statistic(field.standard_deviation) for field in fields], drop=2),
            Column("min", [_statistic(field.minimum) for field in fields], drop=1),
            Column("p05", [_statistic(field.quantile_05) for field in fields], drop=6),
            Column("p50", [_statistic(field.quantile_50) for field in fields], drop=4),
            Column("p95", [_statistic(field.quantile_95) for field in fields], drop=7),
            Column("max", [_statistic(field.maximum) for field in fields], drop=1),
        ],
        width=width,
    )
    total = sum(profile.field_count for profile in (model.input, model.output) if profile)
    if total > len(rows) and notes:
        lines.append(Text(f"   and {count(total - len(rows))} fields more", style=_QUIET))
    if model.anomalies:
        found = " · ".join(map(plain, model.anomalies))
        inferences = "inference" if model.anomalous == 1 else "inferences"
        lines.append(Text(f" ! {found} ({count(model.anomalous)} {inferences})", style=_ODD))
    if notes:
        said = [note for profile in (model.input, model.output) if profile for note in profile.notes]
        lines += [Text(f"   {plain(note)}", style=_QUIET) for note in said]
    return lines


def _most_telling(profile: DataProfile | None, limit: int) -> list[FieldProfile]:
    """As many fields as fit, in their order: those with missing or infinite values, then the first ones."""
    if profile is None:
        return []
    ranked = sorted(range(len(profile.fields)), key=lambda position: -_problems(profile.fields[position]))
    return [profile.fields[position] for position in sorted(ranked[:limit])]


def _problems(field: FieldProfile) -> float:
    return ((field.missing or 0) + (field.infinite or 0)) / field.count if field.count else 0.0


def _part(part: int | None, whole: int | None) -> Text:
    if part is None or whole is None:
        return Text(NOTHING, style=_QUIET)
    if not part:
        return Text("0", style=_QUIET)
    return Text(share(part, whole), style=_WRONG if part == whole else _ODD)


def _statistic(value: float | None) -> Text:
    return Text(number(value), style=_QUIET if value is None else "")


def _failures(snapshot: Snapshot, width: int, *, limit: int) -> list[Text]:
    """The last failures, each kind of them once."""
    kinds = {(failure.model, failure.error_type, failure.message): failure for failure in snapshot.failures}
    failures = sorted(kinds.values(), key=lambda failure: failure.at)[-limit:]
    if not failures:
        return []
    when = Column("failed", [Text(_time_of_day(failure.at), style=_QUIET) for failure in failures], align="left")
    model = Column("model", [Text(plain(failure.model), style=_MODEL) for failure in failures], align="left", drop=1)
    error = Column("error", [Text(_class_name(failure), style=_WRONG) for failure in failures], align="left")
    trace = Column("trace", [Text(failure.trace_id[:8], style=_QUIET) for failure in failures], drop=2)
    # Messages are long: they are cut before another column goes.
    room = width - 1 - sum(column.width + 2 for column in (when, model, error, trace))
    messages = [Text(plain(failure.message)) for failure in failures]
    for message in messages:
        message.truncate(max(room, _LEAST_MESSAGE), overflow="ellipsis")
    return table([when, model, error, Column("message", messages, align="left", shorten=True), trace], width=width)


def _class_name(failure: Failure) -> str:
    """The exception's class without its module, which may be longer than a line."""
    return plain(failure.error_type).rpartition(".")[2] or plain(failure.error_type)


def _time_of_day(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def _remarks(snapshot: Snapshot, width: int) -> list[Text]:
    remarks = [
        f"{count(dropped)} {DROPPED.get(reason, f'items dropped: {plain(reason)}')}"
        for reason, dropped in snapshot.dropped
    ]
    if snapshot.beyond_limit:
        remarks.append(f"{count(snapshot.beyond_limit)} inferences of models that have no row: there are too many")
    if snapshot.faults:
        parts = ", ".join(f"{plain(component)} {count(number)}" for component, number in snapshot.faults)
        remarks.append(f"faults of inferspan itself, which the program did not feel: {parts}; see its log")
    lines = (line for remark in remarks for line in textwrap.wrap(remark, width - 2))
    return [Text(f" {line}", style=_ODD) for line in lines]
