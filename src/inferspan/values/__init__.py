# SPDX-License-Identifier: Apache-2.0
"""How to read a value without touching it: known exact types only, and no library is ever imported."""

from inferspan.values._onnxruntime import element_type
from inferspan.values._reading import SMALL, Lazy, Reading
from inferspan.values._shapes import batch_size, glimpses, shapes_of
from inferspan.values._types import class_of, reader_of, stamp
from inferspan.values._walk import join, walk

__all__ = [
    "SMALL",
    "Lazy",
    "Reading",
    "batch_size",
    "class_of",
    "element_type",
    "glimpses",
    "join",
    "reader_of",
    "shapes_of",
    "stamp",
    "walk",
]
