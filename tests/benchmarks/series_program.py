# SPDX-License-Identifier: Apache-2.0
"""A process with one model of many features, all of which have been missing and infinite, and what of it arrives."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

import numpy as np
from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

import inferspan
from inferspan.cli._receiver import Receiver


class _Model:
    """Nothing but somebody to be described."""


def main() -> None:
    """Prints, as JSON, by metric, how many series have arrived at a receiver of OTLP."""
    parser = argparse.ArgumentParser()
    parser.add_argument("features", type=int)
    features = parser.parse_args().features
    inferspan.configure(raise_faults=True, profile_budget=float("inf"))
    seen: set[tuple[str, str]] = set()

    def arrived(export: Any) -> None:
        for resource in export.resource_metrics:
            for scope in resource.scope_metrics:
                if scope.scope.name.startswith("inferspan"):
                    for metric in scope.metrics:
                        points = getattr(metric, metric.WhichOneof("data")).data_points
                        seen.update((metric.name, str(sorted(map(str, point.attributes)))) for point in points)

    with Receiver(on_export=arrived, on_status=lambda _: None) as receiver:
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(receiver.url + "/v1/metrics"))
        provider = MeterProvider([reader], shutdown_on_exit=False)
        metrics.set_meter_provider(provider)
        model = _Model()
        inferspan.describe(
            model, name="benchmark", version="1", features=[f"feature {index}" for index in range(features)]
        )
        rng = np.random.default_rng(0)
        for index in range(100):
            values = rng.standard_normal((32, features), np.float32)
            values[index % 32] = (np.nan, np.inf)[index % 2]
            try:
                with inferspan.inference(model=model) as call:
                    call.inputs(values)
                    call.outputs(values[:, :2])
                    if index % 10 == 9:
                        raise ArithmeticError("benchmark")
            except ArithmeticError:
                pass
            if index % 25 == 24:
                provider.force_flush()
        provider.shutdown()
    print(json.dumps(Counter(name for name, _ in seen)))


if __name__ == "__main__":
    main()
