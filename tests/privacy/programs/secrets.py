# SPDX-License-Identifier: Apache-2.0
"""Feeds secrets to models in every way that data go in; prints none of them."""

from __future__ import annotations

import json
import logging
import sys

import numpy as np
import onnxruntime as ort
import pandas as pd
import polars as pl
import pyarrow as pa
import torch
from onnxruntime.datasets import get_example

import inferspan

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
SECRETS = json.load(sys.stdin)
NUMBER, TEXT, EMAIL = SECRETS["number"], SECRETS["text"], SECRETS["email"]


class Model(torch.nn.Module):
    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return row * 1.0


class Failing(torch.nn.Module):
    def forward(self, row: torch.Tensor) -> torch.Tensor:
        raise ValueError(f"no such customer: {TEXT}")


def row(*shape: int) -> np.ndarray:
    """A row of ordinary values, with the secret in the middle."""
    values = np.linspace(-1, 1, int(np.prod(shape))).astype(np.float64)
    values[values.size // 2] = NUMBER
    return values.reshape(shape)


def one_row_inputs() -> None:
    for shape in ((1,), (1, 4), (3, 4), (1, 20), (1, 64), (20,), (9, 20), (1, 1, 20), (1, 3, 20)):
        Model()(torch.from_numpy(row(*shape)))
        with inferspan.inference("manual") as call:
            call.inputs(row(*shape))
            call.outputs(row(*shape).tolist())
    session = ort.InferenceSession(get_example("sigmoid.onnx"))
    for _ in range(2):
        try:
            session.run(None, {"x": row(1, 4).astype(np.float32)})
        except Exception:
            pass


def named_columns() -> None:
    """The columns' names go out; what is in them does not."""
    model = Model()
    inferspan.describe(model, name="described", features=[f"column_{index}" for index in range(20)])
    for rows in (1, 3, 9):
        model(torch.from_numpy(row(rows, 20)))


def categories_and_columns() -> None:
    with inferspan.inference("records") as call:
        call.inputs({"name": TEXT, "email": EMAIL, "income": NUMBER, "tags": [TEXT, EMAIL], "raw": TEXT.encode()})
        call.outputs({"label": TEXT, "scores": [NUMBER, 0.0]})
    with inferspan.inference("arrays") as call:
        call.inputs(np.array([TEXT, EMAIL]), objects=np.array([TEXT, NUMBER], dtype=object))
    columns = {"name": [TEXT, EMAIL], "income": [NUMBER, 0.0], "group": [TEXT, None]}
    rows = [{"name": TEXT, "income": NUMBER}, {"name": EMAIL, "income": TEXT}]
    with inferspan.inference("frames") as call:
        call.inputs(pd.DataFrame(columns).astype({"group": "category"}), of_polars=pl.DataFrame(columns))
        call.outputs(pa.table(columns), rows=rows, texts=[TEXT, EMAIL])


def failures() -> None:
    def fail(error: Exception, cause: Exception | None = None) -> None:
        try:
            with inferspan.inference("failing") as call:
                call.inputs({"name": TEXT})
                raise error from cause
        except Exception:
            pass

    fail(ValueError(f"could not convert string to float: '{TEXT}'"))
    fail(ValueError(f'could not convert string to float: "{TEXT}"'))
    fail(ValueError(f"bad customer {TEXT}"))
    fail(ValueError(f"no mail to {EMAIL}, please"))
    fail(ValueError(f"value {NUMBER} out of range, {NUMBER:.3e}, {NUMBER:g}, {NUMBER:,.2f}"))
    fail(ValueError(f"cannot score {row(1, 4)!r}"))
    fail(ValueError(f"cannot score {torch.from_numpy(row(1, 4))}"))
    fail(KeyError(TEXT))
    fail(RuntimeError("failed"), KeyError(TEXT))
    fail(json.JSONDecodeError(f"Expecting value '{TEXT}'", TEXT, 0))
    try:
        Failing()(torch.from_numpy(row(1, 4)))
    except ValueError:
        pass
    try:
        float(TEXT)
    except ValueError as error:
        if sys.version_info >= (3, 11):
            error.add_note(TEXT)
        fail(error)


with torch.inference_mode():
    one_row_inputs()
    named_columns()
    categories_and_columns()
    failures()
