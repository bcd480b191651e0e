# SPDX-License-Identifier: Apache-2.0
"""Serves the digits classifier over HTTP, with torch and with ONNX Runtime:

    opentelemetry-instrument python examples/digits_service.py --port 8080
    curl -X POST http://127.0.0.1:8080/predict/onnx -H 'content-type: application/json' \
         -d '{"image": [[0, 0, 5, 13, 9, 1, 0, 0], ...]}'
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import onnxruntime as ort
import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field
from train_digits import load_classifier

HERE = Path(__file__).parent

Row = Annotated[list[float], Field(min_length=8, max_length=8)]


class Request(BaseModel):
    """One scan: eight rows of eight pixels, each from 0 (paper) to 16 (ink)."""

    image: Annotated[list[Row], Field(min_length=8, max_length=8)]


class Answer(BaseModel):
    """The digit, and how sure the model is."""

    digit: int
    confidence: float


app = FastAPI(title="digits")
classifier = load_classifier()
session = ort.InferenceSession(HERE / "digits.onnx", providers=["CPUExecutionProvider"])


@app.post("/predict/{engine}")
def predict(engine: Literal["torch", "onnx"], request: Request) -> Answer:
    image = np.asarray(request.image, dtype=np.float32).reshape(1, 1, 8, 8) / 16
    if engine == "torch":
        with torch.inference_mode():
            scores = classifier(torch.from_numpy(image)).numpy()
    else:
        scores = np.asarray(session.run(["scores"], {"image": image})[0])
    weights = np.exp(scores[0] - scores[0].max())
    digit = int(weights.argmax())
    return Answer(digit=digit, confidence=float(weights[digit] / weights.sum()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serves the digits classifier over HTTP.")
    parser.add_argument("--port", type=int, default=8080)
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port, log_level="warning")
