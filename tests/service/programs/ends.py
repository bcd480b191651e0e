# SPDX-License-Identifier: Apache-2.0
"""Ends, or stays, in the middle of an inference, in the way that its argument says."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


class Fraud(torch.nn.Module):
    def forward(self, amounts: Any, countries: Any) -> Any:
        match sys.argv[1]:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "abort":
                os.abort()
            case "hang":
                time.sleep(5)
        return amounts


if sys.argv[1] != "start":
    session = ort.InferenceSession(EXAMPLES / "digits.onnx", providers=["CPUExecutionProvider"])
    session.run(None, {"image": np.zeros((1, 1, 8, 8), np.float32)})  # has ended: nothing is to be told of it
    with torch.inference_mode():
        Fraud().eval()(torch.ones(8, 20), countries=torch.ones(8, dtype=torch.int64))
