# SPDX-License-Identifier: Apache-2.0
"""An AWS Lambda function: it exports at the end of each call, for the process is frozen after it."""

from __future__ import annotations

from typing import Any

from classifier import predict
from opentelemetry import metrics, trace


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    try:
        return {"digit": predict(event["number"])}
    finally:
        trace.get_tracer_provider().force_flush()
        metrics.get_meter_provider().force_flush()
