# SPDX-License-Identifier: Apache-2.0
"""Which tensors are images."""

from __future__ import annotations

from collections.abc import Sequence

#: By number of dimensions: a tensor of three whose first is 1 is a batch of one sequence rather than a grey image.
_CHANNELS = {3: (3,), 4: (1, 3)}
_LEAST = 8


def image_axes(shape: Sequence[int]) -> tuple[int, int, int] | None:
    """Returns the axes of height, width and channels, counted from the last, where a shape is that of images.

    It is one image of 3 channels or several of 1 or 3, ``[channels, height, width]`` or ``[height, width, channels]``,
    of at least 8 pixels either way.
    """
    allowed = _CHANNELS.get(len(shape), ())
    for height, width, channels in ((-2, -1, -3), (-3, -2, -1)) if allowed else ():
        if shape[channels] in allowed and min(shape[height], shape[width]) >= _LEAST:
            return height, width, channels
    return None
