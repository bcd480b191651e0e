# SPDX-License-Identifier: Apache-2.0
"""The profilers that are included: how bright images are, how long vectors and texts are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from inferspan.profiling._images import image_axes
from inferspan.profiling.profilers import Value

#: Rec. ITU-R BT.601: of red, green and blue.
_LUMA = (0.299, 0.587, 0.114)
_FLOATS = ("float*", "bfloat16")


class _Distribution:
    """Mean, deviation and extremes of a number, of which each call has some."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0
        self._minimum = math.inf
        self._maximum = -math.inf

    def update(self, values: Any, shape: tuple[int, ...]) -> None:
        """Takes in the values of one call."""
        # Imported here: numpy is the application's.
        import numpy

        np: Any = numpy
        with np.errstate(all="ignore"):
            numbers = np.asarray(self._numbers(values, shape))
            numbers = numbers[np.isfinite(numbers)]
            if numbers.size:
                mean = float(numbers.mean())
                squares = float(((numbers - mean) ** 2).sum())
                self._join(numbers.size, mean, squares, float(numbers.min()), float(numbers.max()))

    def merge(self, summary: Mapping[str, Value]) -> None:
        """Takes in what another one has said."""
        count, mean, deviation, minimum, maximum = (
            float(summary[name]) for name in ("count", "mean", "standard_deviation", "minimum", "maximum")
        )
        self._join(int(count), mean, deviation * deviation * count, minimum, maximum)

    def summary(self) -> dict[str, Value]:
        """Says what it has found."""
        if not self._count:
            return {}
        return {
            "count": self._count,
            "mean": self._mean,
            "standard_deviation": math.sqrt(self._squares / self._count),
            "minimum": self._minimum,
            "maximum": self._maximum,
        }

    def _numbers(self, values: Any, shape: tuple[int, ...]) -> Any:
        """Returns the numbers of one call, as doubles."""
        raise NotImplementedError

    def _join(self, count: int, mean: float, squares: float, minimum: float, maximum: float) -> None:
        """Brings two parts together: Chan, Golub and LeVeque, 1983."""
        total = self._count + count
        difference = mean - self._mean
        self._squares += squares + difference * difference * self._count * count / total
        self._mean += difference * count / total
        self._count = total
        self._minimum = min(self._minimum, minimum)
        self._maximum = max(self._maximum, maximum)


class ImageBrightness(_Distribution):
    """The brightness of each image: its mean luma, in the units that the values have.

    `inferspan.profiling._images` says what an image is. One of one channel is as bright as its mean.
    """

    types = (*_FLOATS, "uint8")
    dimensions = (3, 4)

    def _numbers(self, values: Any, shape: tuple[int, ...]) -> Any:
        axes = image_axes(shape)
        if axes is None:
            return ()
        height, width, _ = axes
        channels = values.mean(axis=(height, width), dtype="float64")
        return channels @ _LUMA if channels.shape[-1] == len(_LUMA) else channels


class EmbeddingNorm(_Distribution):
    """The Euclidean length of each vector along the last axis, of vectors of up to 8 192 elements."""

    fields = ("*embed*", "*pooler_output*")
    types = _FLOATS
    dimensions = (1, 2, 3)

    def _numbers(self, values: Any, shape: tuple[int, ...]) -> Any:
        if values.shape[-1] < shape[-1]:
            return ()
        doubles = values.astype("float64", copy=False)
        return (doubles * doubles).sum(axis=-1) ** 0.5


class TextLength(_Distribution):
    """The number of characters of each text."""

    types = ("string", "category")

    def _numbers(self, values: Any, shape: tuple[int, ...]) -> Any:  # noqa: ARG002 (it is as long as it is)
        return values.astype("float64")
