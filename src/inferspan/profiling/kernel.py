# SPDX-License-Identifier: Apache-2.0
"""What computes profiles: a native kernel where it was built, else numpy, with the same results.

Which one is decided at the first use, by what is installed and the setting ``profile_kernel``, and logged.
"""

from __future__ import annotations

import logging
import threading
from types import ModuleType
from typing import Any

from inferspan import config
from inferspan.profiling._moments import Moments
from inferspan.profiling.states import States

_log = logging.getLogger("inferspan")
_kernel: Any = None
_lock = threading.Lock()


def moments(data: Any, layout: str, *, columns: int = 0) -> list[Moments]:
    """Counts values, and computes extremes, mean and deviation of all of them.

    Args:
        data: private bytes in C order, or a numpy array of any strides, which is read once and not kept.
        layout: of its elements, as `inferspan.values.Reading` says it.
        columns: 0, or the length of the last axis.

    Returns:
        One entry for all elements; where columns are given, one a column of the last axis.
    """
    return (_kernel or _choose()).moments(data, layout, columns)


def accumulate(states: States, data: Any, layout: str, *, first: int = 0, columns: int = 0) -> None:
    """Adds values to fields: to their moments and to their histograms.

    Args:
        states: whose owner lets no other thread use it meanwhile.
        data: as for `moments`.
        layout: likewise.
        first: the field that all values are added to; where columns are given, the field of the first column.
        columns: 0, or the length of the last axis.

    Raises:
        IndexError: there is no such field.
    """
    (_kernel or _choose()).accumulate(states, data, layout, first, columns)


def distribute(states: States, index: int, data: Any, layout: str) -> None:
    """Adds values to a field's histogram alone: a sample of values whose moments are known.

    Args:
        states: as for `accumulate`.
        index: of the field.
        data: as for `moments`.
        layout: likewise.

    Raises:
        IndexError: there is no such field.
    """
    (_kernel or _choose()).distribute(states, index, data, layout)


def name() -> str:
    """Returns which kernel is in use, the native one with its instruction set: ``native, x86-64-v4``, or ``numpy``."""
    return _name_of(_kernel or _choose())


def is_native() -> bool:
    """Returns whether the native kernel is in use."""
    return not _is_numpy(_kernel or _choose())


def name_in_use() -> str | None:
    """Returns the same, but None where nothing was computed so far."""
    return None if _kernel is None else _name_of(_kernel)


def _choose() -> Any:
    global _kernel
    with _lock:
        if _kernel is not None:
            return _kernel
        wanted = config.in_force.profile_kernel
        found = _native() if wanted != "numpy" else None
        if found is None:
            # Imported late: numpy is the application's, and is there as soon as there is an array.
            from inferspan.profiling import _numpy_kernel as found
        if wanted == "native" and _is_numpy(found):
            _log.warning(
                "Kernel of data profiles: numpy. The native one that %sPROFILE_KERNEL asks for is not installed",
                config.PREFIX,
            )
        else:
            _log.info("Kernel of data profiles: %s", _name_of(found))
        _kernel = found
        return found


def _native() -> ModuleType | None:
    try:
        from inferspan.profiling import _compiled
    except ImportError:
        return None
    return _compiled


def _is_numpy(kernel: Any) -> bool:
    return kernel.__name__.endswith("._numpy_kernel")


def _name_of(kernel: Any) -> str:
    return "numpy" if _is_numpy(kernel) else f"native, {kernel.level()}"
