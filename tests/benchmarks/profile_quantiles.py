# SPDX-License-Identifier: Apache-2.0
"""How far quantiles are off: those of a large array's bounded sample, and those of a histogram."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from report import Result

from inferspan.profiling._layouts import QUANTILE_SAMPLE, sample

#: What the error is taken of, as the study did that found 1.1/sqrt(M) for random samples.
_PROBABILITIES = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
_UNIT = "/ √M"
_BOUND = 1.1

_DISTRIBUTIONS: Mapping[str, Callable[[np.random.Generator, int], Any]] = {
    "normal": lambda rng, size: rng.normal(0, 1, size),
    "N(100,1)": lambda rng, size: rng.normal(100, 1, size),
    "lognormal": lambda rng, size: rng.lognormal(0, 3, size),
    "two peaks": lambda rng, size: np.where(rng.random(size) < 0.5, -100.0, 100.0) + rng.normal(0, 1, size),
    "mostly zero": lambda rng, size: np.maximum(rng.normal(-1, 1, size), 0),
    "uniform": lambda rng, size: rng.random(size),
}

#: Images, sequences, embeddings and logits as models have them.
_USUAL = (
    (1, 3, 224, 224),
    (224, 224, 3),
    (8, 3, 256, 256),
    (1, 64, 56, 56),
    (480, 640, 3),
    (3, 1080, 1920),
    (28, 28, 64),
    (8, 128, 768),
    (16, 512, 768),
    (1, 197, 768),
    (12, 197, 197),
    (2, 77, 1280),
    (4, 2048, 512),
    (1, 50_257),
    (32, 1000),
    (512, 10_000),
    (1000, 1000),
    (1024, 1024),
)


class Quantiles:
    """Rank errors over many draws.

    Args:
        draws: of each array.
        shapes: how many shapes that nobody would think of come on top of the usual ones.
    """

    def __init__(self, *, draws: int, shapes: int) -> None:
        self._draws = draws
        self._shapes = (*_USUAL, *_unusual(shapes)) if shapes else _USUAL[:4]

    def results(self) -> Iterator[Result]:
        """Measures everything."""
        rng = np.random.default_rng(0)
        drawn = {
            name: [_errors(make(rng, 150_528), 1)[0] for _ in range(5 * self._draws)]
            for name, make in _DISTRIBUTIONS.items()
        }
        yield Result(
            name=f"quantiles of a sample of {QUANTILE_SAMPLE}, rank error at p95",
            seen=_p95([error for errors in drawn.values() for error in errors]),
            unit=_UNIT,
            at_most=_BOUND,
            detail=", ".join(f"{name} {_p95(errors):.2f}" for name, errors in drawn.items()),
        )
        errors = {
            f"{list(shape)} along axis {axis}": _p95(_errors(gradient, self._draws))
            for shape in self._shapes
            for axis, gradient in _gradients(shape)
        }
        worst = max(errors, key=errors.__getitem__)
        yield Result(
            name="the same, gradients along any axis",
            seen=errors[worst],
            unit=_UNIT,
            at_most=_BOUND,
            detail=f"the worst of {len(errors)} gradients: {worst}",
        )


def _errors(values: Any, draws: int) -> list[float]:
    """Returns the largest rank error of each draw, in units of 1/√M; ties are no error."""
    ordered = np.sort(values.ravel())
    found: list[float] = []
    for _ in range(draws):
        quantiles = np.quantile(sample(values, QUANTILE_SAMPLE), _PROBABILITIES)
        low = np.searchsorted(ordered, quantiles, "left") / ordered.size
        high = np.searchsorted(ordered, quantiles, "right") / ordered.size
        error = np.maximum(low - _PROBABILITIES, _PROBABILITIES - high).max()
        found.append(max(float(error), 0.0) * math.sqrt(QUANTILE_SAMPLE))
    return found


def _p95(errors: list[float]) -> float:
    return float(np.quantile(errors, 0.95))


def _gradients(shape: tuple[int, ...]) -> Iterator[tuple[int, Any]]:
    for axis, length in enumerate(shape):
        if length >= 8:  # shorter ones have hardly any ranks
            along = [length if index == axis else 1 for index in range(len(shape))]
            yield axis, np.broadcast_to(np.arange(length, dtype=np.float32).reshape(along), shape).copy()


def _unusual(count: int) -> Iterator[tuple[int, ...]]:
    rng = np.random.default_rng(1)
    while count:
        axes = int(rng.integers(2, 5))
        shape = tuple(int(length) for length in np.exp(rng.uniform(0.7, 17.0 / axes, axes)))
        if QUANTILE_SAMPLE < math.prod(shape) < 3_000_000:
            count -= 1
            yield shape
