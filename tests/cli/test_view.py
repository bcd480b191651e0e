# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from dataclasses import replace

import pytest
from rich.text import Text

from inferspan.cli import _view
from inferspan.cli._durations import Latency
from inferspan.cli._format import duration, number, rate, share
from inferspan.cli._layout import Column, table
from inferspan.cli._reading import DataProfile, FieldProfile
from inferspan.cli._summary import Failure, ModelKey, ModelSummary, Snapshot
from inferspan.semconv.attributes import SelfDropReason

IMAGE = FieldProfile(
    "image",
    "float32",
    "1x3x224x224",
    count=150_528,
    missing=0,
    infinite=0,
    mean=0.1307,
    standard_deviation=0.3081,
    minimum=-0.4242,
    quantile_05=-0.4242,
    quantile_50=-0.4242,
    quantile_95=2.1,
    maximum=2.821,
)
AGE = FieldProfile("age", "float32", "32", count=32, missing=32, infinite=0)
TOKENS = FieldProfile("tokens", "str", "")
LOGITS = FieldProfile(
    "logits",
    "float32",
    "1x10",
    count=10,
    missing=0,
    infinite=1,
    mean=-1.234e-5,
    standard_deviation=1.9,
    minimum=-4.21,
    quantile_05=-3.0,
    quantile_50=-0.1,
    quantile_95=2.2,
    maximum=12345.6,
)

DIGITS = ModelSummary(
    key=ModelKey(service="app", operation="infer", name="digits", version="3", system="onnxruntime", client=False),
    device="cpu",
    count=1204,
    errors=3,
    rate=98.21,
    latency=Latency(p50=0.00121, p95=0.00204, p99=0.0031, maximum=0.01523),
    source="spans",
    sampled=1204,
    input=DataProfile((IMAGE, AGE, TOKENS), field_count=5, notes=("tokens: string values",)),
    output=DataProfile((LOGITS,), field_count=1, notes=()),
    anomalies=("age: 100 % missing", "logits: 10 % infinite"),
    anomalous=12,
)
RESNET = replace(
    DIGITS,
    key=ModelKey(
        service="app",
        operation="infer",
        name="resnet18",
        version="sha256:8f2a9c114d",
        system="pytorch",
        client=False,
    ),
    device="cuda:0",
    count=88_210,
    errors=0,
    rate=None,
    source="histogram",
    sampled=412,
    input=None,
    output=None,
    anomalies=(),
    anomalous=0,
)
FAILURE = Failure(
    at=1_700_000_000,
    model="digits",
    error_type="ValueError",
    message="could not convert string to float: '…'\n\x1b[31m of a row",
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def summary(snapshot: Snapshot, *, width: int) -> str:
    return shown(_view.summary(snapshot, title="python app.py", ended="exit 0 · 12.3 s", width=width), width)


def live(snapshot: Snapshot, *, width: int, height: int) -> str:
    lines = _view.live(snapshot, title="python app.py", elapsed=75, width=width, height=height)
    assert len(lines) <= height
    return shown(lines, width)


def shown(lines: list[Text], width: int) -> str:
    assert all(line.cell_len <= width for line in lines)
    return "\n" + "\n".join(line.plain.rstrip() for line in lines) + "\n"


ONE = Snapshot(models=(DIGITS,), failures=(FAILURE,))
TWO = Snapshot(
    models=(DIGITS, RESNET),
    failures=(FAILURE,),
    dropped=((SelfDropReason.QUEUE_FULL, 12),),
    faults=(("worker", 1),),
    beyond_limit=2,
)


def test_summary_of_one_model() -> None:
    assert (
        summary(ONE, width=100)
        == """
── inferspan python app.py ──────────────────────── 1,204 inferences · 3 failed · exit 0 · 12.3 s ──
 model     runtime      device  calls  per s     errors      p50      p95      p99      max
 digits 3  onnxruntime  cpu     1,204   98.2  3 (0.2 %)  1.21 ms  2.04 ms  3.10 ms  15.2 ms
 from spans: every inference has one

 digits 3  type     shape        missing   inf     mean    std     min     p05     p50  p95    max
 → image   float32  1x3x224x224        0     0    0.131  0.308  -0.424  -0.424  -0.424  2.1   2.82
 → age     float32  32             100 %     0        ·      ·       ·       ·       ·    ·      ·
 → tokens  str      scalar             ·     ·        ·      ·       ·       ·       ·    ·      ·
 ← logits  float32  1x10               0  10 %  -1.2e-5    1.9   -4.21      -3    -0.1  2.2  12346
   and 2 fields more
 ! age: 100 % missing · logits: 10 % infinite (12 inferences)
   tokens: string values
 data of the last inference: → input, ← output, · withheld or none

 failed    model   error       message                                                  trace
 22:13:20  digits  ValueError  could not convert string to float: '…' [31m of a row  4bf92f35
"""
    )


def test_summary_of_two_models_in_80_columns() -> None:
    assert (
        summary(TWO, width=80)
        == """
── inferspan python app.py ─── 89,416 inferences · 3 failed · exit 0 · 12.3 s ──
 model                   calls per s    errors     p50     p95     p99     max
 digits 3               1,204   98.2 3 (0.2 %) 1.21 ms 2.04 ms 3.10 ms 15.2 ms
 resnet18 sha256:8f2a… 88,210*     ·         0 1.21 ms 2.04 ms 3.10 ms 15.2 ms
 * from the histogram (412 of 88,210 have a span): quantiles are interpolated

 digits 3 type    shape       missing  inf    mean   std    min    p50   max
 → image  float32 1x3x224x224       0    0   0.131 0.308 -0.424 -0.424  2.82
 → age    float32 32            100 %    0       ·     ·      ·      ·     ·
 → tokens str     scalar            ·    ·       ·     ·      ·      ·     ·
 ← logits float32 1x10              0 10 % -1.2e-5   1.9  -4.21   -0.1 12346
   and 2 fields more
 ! age: 100 % missing · logits: 10 % infinite (12 inferences)
   tokens: string values
 data of the last inference: → input, ← output, · withheld or none

 failed    model   error       message                                     trace
 22:13:20  digits  ValueError  could not convert string to float: '…'…  4bf92f35

 12 inferences without a data profile, because the worker's queue was full
 2 inferences of models that have no row: there are too many
 faults of inferspan itself, which the program did not feel: worker 1; see its
 log
"""
    )


def test_live_view_fits_its_lines() -> None:
    assert (
        live(ONE, width=80, height=12)
        == """
── inferspan python app.py ─────────────── 1,204 inferences · 3 failed · 1:15 ──
 model    runtime     calls per s    errors     p50     p95     p99     max
 digits 3 onnxruntime 1,204  98.2 3 (0.2 %) 1.21 ms 2.04 ms 3.10 ms 15.2 ms
 from spans: every inference has one
 digits 3 type    shape       missing  inf    mean   std    min    p50   max
 → image  float32 1x3x224x224       0    0   0.131 0.308 -0.424 -0.424  2.82
 → age    float32 32            100 %    0       ·     ·      ·      ·     ·
 → tokens str     scalar            ·    ·       ·     ·      ·      ·     ·
 ← logits float32 1x10              0 10 % -1.2e-5   1.9  -4.21   -0.1 12346
 ! age: 100 % missing · logits: 10 % infinite (12 inferences)
 failed    model   error       message                                     trace
 22:13:20  digits  ValueError  could not convert string to float: '…'…  4bf92f35
"""
    )


def test_live_view_has_blank_lines_where_there_is_room() -> None:
    assert (
        live(ONE, width=80, height=16)
        == """
── inferspan python app.py ─────────────── 1,204 inferences · 3 failed · 1:15 ──
 model    runtime     calls per s    errors     p50     p95     p99     max
 digits 3 onnxruntime 1,204  98.2 3 (0.2 %) 1.21 ms 2.04 ms 3.10 ms 15.2 ms
 from spans: every inference has one

 digits 3 type    shape       missing  inf    mean   std    min    p50   max
 → image  float32 1x3x224x224       0    0   0.131 0.308 -0.424 -0.424  2.82
 → age    float32 32            100 %    0       ·     ·      ·      ·     ·
 → tokens str     scalar            ·    ·       ·     ·      ·      ·     ·
 ← logits float32 1x10              0 10 % -1.2e-5   1.9  -4.21   -0.1 12346
 ! age: 100 % missing · logits: 10 % infinite (12 inferences)

 failed    model   error       message                                     trace
 22:13:20  digits  ValueError  could not convert string to float: '…'…  4bf92f35
"""
    )


def test_live_view_before_anything_has_come() -> None:
    assert (
        live(Snapshot(), width=80, height=12)
        == """
── inferspan python app.py ────────────────────────────── 0 inferences · 1:15 ──
 waiting for the first inference
"""
    )


def test_narrow_terminal() -> None:
    assert (
        live(TWO, width=50, height=20)
        == """
── inferspan… ─ 89,416 inferences · 3 failed · 1:…
 model       calls per s    errors     p50     p95
 digits 3   1,204   98.2 3 (0.2 %) 1.21 ms 2.04 ms
 resnet18… 88,210*     ·         0 1.21 ms 2.04 ms
 * from the histogram (412 of 88,210 have a span)…

 digits 3 shape       missing    mean    min   max
 → image  1x3x224x224       0   0.131 -0.424  2.82
 → age    32            100 %       ·      ·     ·
 → tokens scalar            ·       ·      ·     ·
 ← logits 1x10              0 -1.2e-5  -4.21 12346
 ! age: 100 % missing · logits: 10 % infinite (12…

 failed    error       message
 22:13:20  ValueError  could not convert strin…
"""
    )


@pytest.mark.parametrize("width", range(20, 140, 3))
@pytest.mark.parametrize("height", [3, 6, 12, 40])
def test_nothing_is_wider_or_higher_than_the_terminal(width: int, height: int) -> None:
    live(TWO, width=width, height=height)
    summary(TWO, width=width)


def test_where_numbers_come_from() -> None:
    def source(*models: ModelSummary) -> str:
        return next(line for line in summary(Snapshot(models=models), width=100).splitlines() if "from " in line)

    other = replace(RESNET, key=replace(RESNET.key, name="other"), count=10, sampled=0)
    assert source(DIGITS) == " from spans: every inference has one"
    assert source(RESNET) == " from the histogram (412 of 88,210 have a span): quantiles are interpolated"
    assert source(RESNET, other) == " from the histogram (412 of 88,220 have a span): quantiles are interpolated"
    assert source(DIGITS, other) == " * from the histogram (0 of 10 have a span): quantiles are interpolated"


def test_labels() -> None:
    client = replace(DIGITS, key=replace(DIGITS.key, client=True, operation="generate", service="web"))
    text = summary(Snapshot(models=(client, DIGITS)), width=140)
    assert "digits 3 generate" in text
    assert "onnxruntime (client)" in text
    assert "service" in text
    assert "service" not in summary(ONE, width=140)


def test_wide_data_shows_what_is_wrong_with_it() -> None:
    fields = tuple(
        FieldProfile(f"feature_{number}", "float32", "64", count=64, missing=64 if number == 400 else 0, infinite=0)
        for number in range(500)
    )
    wide = replace(DIGITS, input=DataProfile(fields, field_count=500, notes=()))
    text = summary(Snapshot(models=(wide,)), width=100)
    assert "→ feature_0 " in text
    assert "→ feature_400 " in text
    assert "← logits" in text
    assert "and 485 fields more" in text


def test_each_kind_of_failure_is_told_once() -> None:
    again = replace(FAILURE, at=FAILURE.at + 60)
    other = replace(FAILURE, at=FAILURE.at + 30, error_type="onnxruntime.capi.InvalidArgument", message="rank 3")
    lines = summary(Snapshot(models=(DIGITS,), failures=(FAILURE, other, again)), width=100).splitlines()
    assert [line.split()[:3] for line in lines[-2:]] == [
        ["22:13:50", "digits", "InvalidArgument"],
        ["22:14:20", "digits", "ValueError"],
    ]


def test_many_models_are_cut() -> None:
    models = tuple(replace(DIGITS, key=replace(DIGITS.key, name=f"model {number}")) for number in range(100))
    text = summary(Snapshot(models=models), width=100)
    assert "and 60 models more" in text
    assert text.count("← logits") == 10


def test_text_of_the_program_cannot_control_the_terminal() -> None:
    evil = replace(DIGITS, key=replace(DIGITS.key, name="a\x1b[2Jb\nc"), device="\x9b1m")
    assert not any(character in summary(Snapshot(models=(evil,)), width=100) for character in "\x1b\x9b")


def test_columns_are_dropped_before_cells_are_cut() -> None:
    columns = [
        Column("name", [Text("a long name of a thing")], align="left", shorten=True),
        Column("first", [Text("1")], drop=2),
        Column("second", [Text("2")], drop=1),
    ]
    assert [line.plain for line in table(columns, width=40)] == [
        " name                    first  second",
        " a long name of a thing      1       2",
    ]
    assert [line.plain for line in table(columns, width=36)] == [
        " name                   first second",
        " a long name of a thing     1      2",
    ]
    assert table(columns, width=32)[1].plain == " a long name of a thing       2"
    assert table(columns, width=16)[1].plain == " a long name of…"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "·"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.1307, "0.131"),
        (-12.44, "-12.4"),
        (999.4, "999"),
        (999.6, "1000"),
        (12345.6, "12346"),
        (99_999.4, "99999"),
        (99_999.6, "1.0e5"),
        (-1.234e-5, "-1.2e-5"),
        (1e300, "1.0e300"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "·"),
        (0.0, "0 ns"),
        (4.2e-8, "42.0 ns"),
        (0.00085, "850 µs"),
        (0.00121, "1.21 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (12.34, "12.3 s"),
        (100.0, "100 s"),
        (600.0, "10 min"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 10, "0 %"), (0, 0, "0 %"), (1, 100_000, "<0.1 %"), (1, 3, "33 %"), (1, 30, "3.3 %")]
    + [(9_999, 10_000, ">99.9 %"), (995, 1000, "99.5 %"), (10, 10, "100 %")],
)
def test_shares(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == text


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(None, "·"), (0.0, "0"), (0.001, "<0.01"), (0.42, "0.42"), (98.2, "98.2"), (12345.0, "12,345")],
)
def test_rates(per_second: float | None, text: str) -> None:
    assert rate(per_second) == text
