# SPDX-License-Identifier: Apache-2.0
"""A table of many rows, each column with its moments and its histogram, against what others make of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
from peers import peer
from report import TIMES, Result
from timing import per_call

from inferspan.profiling import kernel
from inferspan.profiling.states import States

_OF_OURS = f"{TIMES} ours"


class Columns:
    """One table, profiled in turns.

    Args:
        rows: of the table, which has 20 columns of doubles.
        windows: turns that the peers and we take.
        folder: where data are put for the peers.
    """

    def __init__(self, *, rows: int, windows: int, folder: Path) -> None:
        self._rows = rows
        self._windows = windows
        self._folder = folder

    def results(self) -> Iterator[Result]:
        """Measures everything."""
        values = np.random.default_rng(0).normal(100, 1, (self._rows, 20))
        data = self._folder / "columns.npy"
        np.save(data, values)
        states = States(20)

        def ours() -> None:
            states.clear()
            kernel.accumulate(states, values, values.dtype.str, columns=20)

        for name, at_least in (("whylogs", 100), ("evidently", 500)):
            with peer(name) as process:
                process.ask("frame", data=str(data), seconds=0)
                turns = [
                    (per_call(ours, calls=5), process.ask("frame", data=str(data), seconds=0))
                    for _ in range(self._windows)
                ]
            yield Result(
                name=f"[100 000,20] float64, columns with histograms, {name}",
                seen=median(theirs / own for own, theirs in turns),
                unit=_OF_OURS,
                at_least=at_least,
                detail=f"{process.label}: {median(theirs for _, theirs in turns) / 1e6:.0f} ms of CPU time, ours "
                f"{median(own for own, _ in turns) / 1e6:.1f} ms",
            )
