# SPDX-License-Identifier: Apache-2.0
"""Many inferences: mergeable windows of what data looked like, and the file that they are kept in."""

from inferspan.windows.file import WindowFileError
from inferspan.windows.store import FieldKey, Windows, prepare
from inferspan.windows.summary import MIXED, FieldSummary, IncompatibleWindows
from inferspan.windows.totals import Distribution, FieldTotals
from inferspan.windows.window import Window, WindowKey

__all__ = [
    "MIXED",
    "Distribution",
    "FieldKey",
    "FieldSummary",
    "FieldTotals",
    "IncompatibleWindows",
    "Window",
    "WindowFileError",
    "WindowKey",
    "Windows",
    "prepare",
]
