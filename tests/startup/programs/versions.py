# SPDX-License-Identifier: Apache-2.0
"""Infers, and says which packages it has found, and whether they are its own."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import google.protobuf
import numpy
import wrapt
from classifier import predict

for number in range(20):
    predict(number)
for name, module in (("numpy", numpy), ("wrapt", wrapt), ("protobuf", google.protobuf)):
    own = Path(sys.prefix) in Path(module.__file__ or "").parents
    print(name, version(name), module.__version__, own)
