# SPDX-License-Identifier: Apache-2.0
"""Classifies handwritten digits with torch:

opentelemetry-instrument python examples/digits_torch.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from train_digits import load_classifier

HERE = Path(__file__).parent


def main() -> None:
    data = np.load(HERE / "digits.npz")
    images, labels = torch.from_numpy(data["images"].astype(np.float32) / 16), torch.from_numpy(data["labels"])
    classifier = load_classifier()
    with torch.inference_mode():
        right = sum(
            int((classifier(batch).argmax(1) == truth).sum())
            for batch, truth in zip(images.split(32), labels.split(32), strict=True)
        )
    print(f"{len(images)} images, {right / len(images):.1%} right")


if __name__ == "__main__":
    main()
