# SPDX-License-Identifier: Apache-2.0
"""The kernels by themselves: moments against the sum of the same array, and histograms by the element."""

from __future__ import annotations

from collections.abc import Iterator

from peers import Process, ours
from report import TIMES, Result

#: An image of 224 by 224 pixels.
_SIZE = 150_528
_FAULTY = ("one NaN", "1 % NaN", "±Inf", "above 1e19")
_DISTRIBUTIONS = ("clean", "N(100,1)", "lognormal", "mixed signs and zeroes")


class Kernels:
    """Both kernels, each in a process of its own.

    Args:
        windows: that each side has in turn.
    """

    def __init__(self, *, windows: int) -> None:
        self._windows = windows

    def results(self) -> Iterator[Result]:
        """Measures everything."""
        for kernel, clean, faulty in (("native", 0.65, 2.0), ("numpy", 6.0, 12.0)):
            with ours(kernel=kernel, program="kernel_program.py") as process:
                yield self._moments(process, kernel, "clean", clean)
                for case in _FAULTY:
                    yield self._moments(process, kernel, case, faulty)
                for dtype, at_most in (("float32", 1.0), ("float64", 2.0)):
                    yield self._histogram(process, kernel, dtype, at_most if kernel == "native" else None)

    def _moments(self, process: Process, kernel: str, case: str, at_most: float) -> Result:
        found = process.ask("moments", case=case, size=_SIZE, dtype="float32", windows=self._windows)
        return Result(
            name=f"moments of 150 528 float32, {case}, {kernel} kernel",
            seen=found["ratio"],
            unit=f"{TIMES} numpy.sum",
            at_most=at_most,
            detail=f"{found['moments'] / 1e3:.1f} against {found['sum'] / 1e3:.1f} µs; {process.label}",
        )

    def _histogram(self, process: Process, kernel: str, dtype: str, at_most: float | None) -> Result:
        found = {
            case: process.ask("histogram", case=case, size=_SIZE, dtype=dtype, windows=self._windows)
            for case in _DISTRIBUTIONS
        }
        worst = max(found, key=lambda case: found[case]["histogram"])
        each = ", ".join(f"{case} {one['histogram']:.2f} ({one['with moments']:.2f})" for case, one in found.items())
        return Result(
            name=f"exponential histogram of {dtype}, an element, {kernel} kernel",
            seen=found[worst]["histogram"],
            unit="ns",
            at_most=at_most,
            detail=f"with moments in brackets: {each}",
        )
