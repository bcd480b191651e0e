# SPDX-License-Identifier: Apache-2.0
"""What the programs here have in common: a model, and a file that says what each process has finished."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime as ort

EXAMPLES = Path(__file__).parents[3] / "examples"
IMAGES = np.load(EXAMPLES / "digits.npz")["images"].astype(np.float32) / 16

settings = ort.SessionOptions()
settings.intra_op_num_threads = 1
session = ort.InferenceSession(EXAMPLES / "digits.onnx", settings, providers=["CPUExecutionProvider"])


def predict(number: int) -> int:
    """Returns the digit on one of the images."""
    image = IMAGES[number % len(IMAGES)].reshape(1, 1, 8, 8)
    digit = int(np.asarray(session.run(["scores"], {"image": image})[0]).argmax())
    if "FINISHED" in os.environ:
        descriptor = os.open(os.environ["FINISHED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, b"%d\n" % os.getpid())
        finally:
            os.close(descriptor)
    return digit
