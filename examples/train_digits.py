# SPDX-License-Identifier: Apache-2.0
"""Trains the digits classifier of the examples: `python examples/train_digits.py` takes a few seconds.

Real images: the 1 797 scans of handwritten digits, 8 by 8 pixels, that scikit-learn bundles (UCI Machine Learning
Repository, "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, CC BY 4.0). Writes, beside this
file, the weights for torch, the model for ONNX Runtime, and the images held out, for the programs that serve it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).parent
SEED = 7
EPOCHS = 30


class DigitsClassifier(nn.Module):
    """Scores of the ten digits, from images of shape (batch, 1, 8, 8) with values from 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.head = nn.Linear(16 * 4 * 4, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(image))


def load_classifier() -> DigitsClassifier:
    """Returns the trained classifier, ready to serve."""
    model = DigitsClassifier()
    model.load_state_dict(torch.load(HERE / "digits.pt", weights_only=True))
    return model.eval()


def main() -> None:
    from sklearn.datasets import load_digits

    torch.manual_seed(SEED)
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    shuffled = np.random.default_rng(SEED).permutation(len(images))
    held_out, used = shuffled[:360], shuffled[360:]
    train_x, train_y = images[used], labels[used].astype(np.int64)
    test_x, test_y = images[held_out], labels[held_out].astype(np.int64)

    model = DigitsClassifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss = nn.CrossEntropyLoss()
    inputs, targets = torch.from_numpy(train_x), torch.from_numpy(train_y)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(inputs)).split(64):
            optimizer.zero_grad()
            loss(model(inputs[batch]), targets[batch]).backward()
            optimizer.step()

    model.eval()
    with torch.inference_mode():
        accuracy = (model(torch.from_numpy(test_x)).argmax(1) == torch.from_numpy(test_y)).float().mean()
    print(f"accuracy on {len(test_x)} images held out: {accuracy:.1%}")

    torch.save(model.state_dict(), HERE / "digits.pt")
    np.savez_compressed(HERE / "digits.npz", images=(test_x * 16).astype(np.uint8), labels=test_y.astype(np.uint8))
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        model,
        (torch.from_numpy(test_x[:2]),),
        input_names=["image"],
        output_names=["scores"],
        dynamic_shapes=({0: batch},),
        dynamo=True,
        external_data=False,
    )
    assert program is not None
    # The exporter notes where in which file each node came from; a model has no need to tell.
    for node in program.model.graph:
        node.metadata_props.clear()
    program.save(HERE / "digits.onnx", external_data=False)


if __name__ == "__main__":
    main()
