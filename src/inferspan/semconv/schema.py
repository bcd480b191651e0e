# SPDX-License-Identifier: Apache-2.0
# Generated from semconv/model by `python semconv/generate.py`; do not edit.
"""The schema that the telemetry follows."""

from typing import Final

SCHEMA_URL: Final = "https://inferspan.dev/schemas/inferspan-dev/0.1.0-dev"
"""Identifies these conventions on tracers, meters and loggers."""
