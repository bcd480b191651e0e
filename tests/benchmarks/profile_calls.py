# SPDX-License-Identifier: Apache-2.0
"""The data profile of a small array, by itself, with either kernel, and what whylogs takes for the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from peers import Process, ours, peer
from report import TIMES, Result

_PROGRAM = "calls_program.py"
_SHAPES = ((1, 20), (32, 20))
#: What is bounded: the time of a call in µs, with the native kernel for an array of either library, and with numpy.
_NATIVE = {"numpy": 2.0, "torch": 2.5}
_FALLBACK = {"numpy": 8.0, "torch": 8.0}


class Calls:
    """Profiles of one array in a tight loop.

    Args:
        windows: that each of the processes has in turn.
        calls: of a window.
        folder: where data are put for the processes.
    """

    def __init__(self, *, windows: int, calls: int, folder: Path) -> None:
        self._windows = windows
        self._calls = calls
        self._folder = folder

    def results(self) -> Iterator[Result]:
        """Measures everything."""
        rng = np.random.default_rng(0)
        for shape in _SHAPES:
            np.save(self._data(shape), rng.standard_normal(shape, np.float32))
        for kernel, bounds in (("native", _NATIVE), ("numpy", _FALLBACK)):
            with ours(kernel=kernel, program=_PROGRAM) as process:
                yield from self._alone(process, kernel, bounds)
        with ours(kernel="native", program=_PROGRAM) as process, peer("whylogs") as whylogs:
            for shape in _SHAPES:
                yield self._against(process, whylogs, shape)

    def _alone(self, process: Process, kernel: str, bounds: dict[str, float]) -> Iterator[Result]:
        tails: dict[str, float] = {}
        for library, at_most in bounds.items():
            for shape in _SHAPES:
                question = {"data": str(self._data(shape)), "torch": library == "torch", "calls": self._calls}
                name = f"profile of {list(shape)}, {library}, {kernel} kernel"
                means: Sequence[float] = [process.ask("mean", **question) for _ in range(self._windows)]
                found = [process.ask("tail", **question) for _ in range(self._windows)]
                tails[f"{list(shape)}, {library}"] = median(one["p99"] / one["median"] for one in found)
                yield Result(
                    name=name,
                    seen=min(means) / 1e3,
                    unit="µs",
                    at_most=at_most,
                    detail=f"median window {median(means) / 1e3:.1f} µs; on the clock median "
                    f"{median(one['median'] for one in found) / 1e3:.1f} µs, "
                    f"p99 {median(one['p99'] for one in found) / 1e3:.1f} µs; {process.label}",
                )
        worst = max(tails, key=tails.__getitem__)
        yield Result(
            name=f"p99 of these, {kernel} kernel",
            seen=tails[worst],
            unit=f"{TIMES} median",
            at_most=5,
            detail=f"the worst of {len(tails)}: {worst}",
        )

    def _against(self, process: Process, whylogs: Process, shape: tuple[int, int]) -> Result:
        data = str(self._data(shape))
        turns = [
            (
                process.ask("mean", data=data, torch=False, calls=self._calls),
                whylogs.ask("frame", data=data, seconds=0.2),
                whylogs.ask("row", data=data, seconds=0.2),
            )
            for _ in range(self._windows)
        ]
        row = f", one row as a dict {median(turn[2] for turn in turns) / 1e3:.0f} µs" if shape[0] == 1 else ""
        return Result(
            name=f"profile of {list(shape)}: whylogs",
            seen=median(frame / own for own, frame, _ in turns),
            unit=f"{TIMES} ours",
            at_least=1000,
            detail=f"{whylogs.label}: a frame {median(turn[1] for turn in turns) / 1e3:.0f} µs of CPU time{row}; "
            f"ours {median(turn[0] for turn in turns) / 1e3:.1f} µs",
        )

    def _data(self, shape: tuple[int, int]) -> Path:
        return self._folder / f"{shape[0]}.npy"
