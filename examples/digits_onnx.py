# SPDX-License-Identifier: Apache-2.0
"""Classifies handwritten digits with ONNX Runtime. Knows nothing of OpenTelemetry, and needs not to:

    inferspan run -- python examples/digits_onnx.py
    opentelemetry-instrument python examples/digits_onnx.py

Requests arrive in batches of one to sixteen images. As in life, now and then a scanner delivers pixels that are not
a number, and a client sends an image of the wrong size.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Classifies handwritten digits with ONNX Runtime.")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to serve requests")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    options = parser.parse_args()

    data = np.load(HERE / "digits.npz")
    images, labels = data["images"].astype(np.float32) / 16, data["labels"]
    session = ort.InferenceSession(HERE / "digits.onnx", providers=["CPUExecutionProvider"])
    choose = random.Random(7)

    right = seen = refused = 0
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        chosen = [choose.randrange(len(images)) for _ in range(choose.randint(1, 16))]
        batch = images[chosen]
        if choose.random() < 0.02:
            batch[0, 0, choose.randrange(8)] = np.nan
        if choose.random() < 0.01:
            batch = batch[:, :, :7]
        try:
            scores = np.asarray(session.run(["scores"], {"image": batch})[0])
        except Exception:
            refused += 1
        else:
            right += int((np.argmax(scores, axis=1) == labels[chosen]).sum())
            seen += len(chosen)
        time.sleep(1 / options.rate)
    print(f"{seen} images, {right / max(1, seen):.1%} right; {refused} requests refused")


if __name__ == "__main__":
    main()
