# SPDX-License-Identifier: Apache-2.0
"""What an application's profilers are given: private, bounded, and of the shape that the values have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from inferspan.profiling._capture import Capture
from inferspan.profiling._images import image_axes
from inferspan.profiling._layouts import floating
from inferspan.profiling._scalars import doubles
from inferspan.profiling._strides import start
from inferspan.profiling.profilers import MAX_ELEMENTS
from inferspan.values import Lazy, Reading

#: Without its types, which know no array of any element type.
np: Any = numpy

#: Pixels along height and width that an image keeps at least.
_SIDE = 16


def of_large(reading: Reading) -> Any:
    """Returns a bounded copy of a large array, which is the application's."""
    array = reading.array
    if isinstance(array, Lazy):
        step = -(-array.size // MAX_ELEMENTS)
        return _native(array.array(start(step), step), reading.layout)
    kept = _kept(array.shape)
    steps = [size // keep for size, keep in zip(array.shape, kept, strict=True)]
    # From elsewhere each time, so that nothing is always left out.
    starts = [start(size - (keep - 1) * step) for size, keep, step in zip(array.shape, kept, steps, strict=True)]
    ends = [first + keep * step for first, keep, step in zip(starts, kept, steps, strict=True)]
    return _native(array[tuple(map(slice, starts, ends, steps))], reading.layout)


def of_capture(capture: Capture) -> Any:
    """Returns the values of a capture, of a table row by row; None where it has none."""
    reading = capture.reading
    values: Any
    if capture.kept is not None:
        values = capture.kept
    elif reading.lengths is not None:
        values = np.array(reading.lengths, np.int64)
    elif isinstance(reading.data, bytes):
        bits = reading.layout == "bfloat16"
        values = np.frombuffer(reading.data, np.uint16 if bits else reading.layout)
        values = _native(values.reshape(reading.shape), reading.layout)
    elif reading.data is not None:
        values = _of_list(reading.data, reading.shape or ())
    else:
        return None
    if capture.columns:
        values = values.reshape(-1, capture.columns)
    values.flags.writeable = False
    return values


def _kept(shape: Sequence[int]) -> list[int]:
    """Returns how many elements are kept along each axis."""
    kept = list(shape)
    image = image_axes(shape)
    if image is not None:
        height, width, _ = image
        # Both by as much; along the width also what the height has not given up.
        kept[height] = _fewer(kept[height], math.sqrt(math.prod(kept) / MAX_ELEMENTS))
        kept[width] = _fewer(kept[width], math.prod(kept) / MAX_ELEMENTS)
    for axis, size in enumerate(kept):
        total = math.prod(kept)
        if total > MAX_ELEMENTS:
            kept[axis] = max(1, size * MAX_ELEMENTS // total)
    return kept


def _fewer(pixels: int, divisor: float) -> int:
    return pixels if divisor <= 1 else max(min(_SIDE, pixels), int(pixels / divisor))


def _native(array: Any, layout: str) -> Any:
    """Returns a copy in C order, in the machine's order of bytes, and in single precision what is half."""
    if layout == "bfloat16" or layout[1:] == "f2":
        return floating(np.array(array, order="C"), layout)
    return np.array(array, array.dtype.newbyteorder("="), order="C")


def _of_list(items: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Returns the numbers of a list, or of lists in a list; of the first of a long one, as many as are complete."""
    inner = shape[1:]
    whole = len(items) // max(1, math.prod(inner))
    if not shape:
        return np.array(doubles(items)[0])
    return np.array(doubles(items[: whole * math.prod(inner)])).reshape(whole, *inner)
