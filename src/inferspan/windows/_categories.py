# SPDX-License-Identifier: Apache-2.0
"""Of which numbers it is worth knowing which are frequent: whole ones and truths, in columns and vectors."""

from __future__ import annotations

from typing import Any

import numpy

from inferspan.profiling import Capture
from inferspan.profiling.categories import Kind

#: Without its types, which know no array of any element type.
np: Any = numpy

#: Beyond it not every whole number is a double.
_EXACT = 2.0**53


def kind_of(capture: Capture) -> Kind | None:
    """Returns of which kind the categories of a capture's fields are; None where they have none."""
    reading = capture.reading
    if not capture.columns and not reading.column and len(reading.shape or ()) > 1:
        return None
    if reading.type == "bool":
        return "boolean"
    return "integer" if reading.type.startswith(("int", "uint")) else None


def whole(values: Any) -> Any:
    """Returns whole numbers as such, which may be doubles, without missing ones and those that doubles cannot tell."""
    if values.dtype.kind != "f":
        return values
    return values[np.abs(values) < _EXACT].astype(np.int64)
