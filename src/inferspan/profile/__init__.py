# SPDX-License-Identifier: Apache-2.0
"""What an array or a column looks like: counts, moments and quantiles, and nothing of its values besides."""

from inferspan.profile._capture import Capture, capture
from inferspan.profile._fields import FieldProfile, summarise

__all__ = ["Capture", "FieldProfile", "capture", "summarise"]
