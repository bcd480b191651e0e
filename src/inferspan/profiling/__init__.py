# SPDX-License-Identifier: Apache-2.0
"""What an array or a column looks like: counts, moments and quantiles, and nothing of its values besides."""

from inferspan.profiling._capture import Capture, capture
from inferspan.profiling._fields import FieldProfile, has_findings, prepare, summarise
from inferspan.profiling._scalars import packed

__all__ = ["Capture", "FieldProfile", "capture", "has_findings", "packed", "prepare", "summarise"]
