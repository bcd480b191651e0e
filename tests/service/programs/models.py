# SPDX-License-Identifier: Apache-2.0
"""A wrapper around a detector and a classifier, both torch, and a scorer that is an ONNX model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch

import inferspan

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


class Detector(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Any) -> Any:
        return self.layer(x)


class Classifier(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        return self.layer(x.flatten(1)) * float("nan")


class Wrapper(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.detector = Detector()
        self.classifier = Classifier()
        self.scorer = ort.InferenceSession(EXAMPLES / "digits.onnx", providers=["CPUExecutionProvider"])

    def forward(self, x: Any) -> Any:
        found = self.detector(x)
        self.scorer.run(None, {"image": np.array(found.tolist(), np.float32)})
        return self.classifier(found)


model = Wrapper().eval()
inferspan.describe(model.detector, name="detector")
inferspan.describe(model.classifier, name="classifier")
with torch.inference_mode():
    for _ in range(3):
        model(torch.ones(16, 1, 8, 8))
