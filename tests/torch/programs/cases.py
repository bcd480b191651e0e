# SPDX-License-Identifier: Apache-2.0
"""All cases of the matrix, by name."""

from __future__ import annotations

import inspect

import calling
import compiling
import tracing
from models import Case


def all_cases() -> dict[str, Case]:
    """Returns the public functions of the modules of cases, in their order."""
    return {
        name: function
        for module in (calling, compiling, tracing)
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    }
