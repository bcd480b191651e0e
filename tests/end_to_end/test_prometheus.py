# SPDX-License-Identifier: Apache-2.0
"""What windows say arrives in a real Prometheus, and PromQL puts replicas together."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support import environments
from support.collector import Collector, free_ports
from support.launcher import ROOT, environment, run
from support.prometheus import Prometheus

# The first run compiles Prometheus.
pytestmark = pytest.mark.timeout(1200)

LABELS = {"inferspan_field_name", "inferspan_self_profile_allowance", "inferspan_self_profile_coverage"}
PROGRAMS = Path(__file__).parent / "programs"


def run_replicas(endpoint: str) -> np.ndarray:
    """Runs two replicas that export metrics to this endpoint; returns the values of the first feature."""
    features: list[np.ndarray] = []
    for instance, mean in enumerate((-3.0, 5.0)):
        env = environment(
            "http://127.0.0.1:1",
            OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=endpoint,
            OTEL_TRACES_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
            OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET="inf",
            OTEL_RESOURCE_ATTRIBUTES=f"service.instance.id=replica-{instance}",
        )
        finished = run(PROGRAMS / "replica.py", str(mean), str(instance), env=env)
        assert finished.returncode == 0, finished.stderr
        generator = np.random.default_rng(instance)
        features += [generator.normal(mean, 1, size=(20, 2))[:, 0] for _ in range(100)]
    return np.concatenate(features)


@pytest.fixture(scope="module", params=["otlp", "remote write"])
def received(request: pytest.FixtureRequest) -> Iterator[tuple[Prometheus, np.ndarray]]:
    """A Prometheus with the metrics of two replicas, and what the first feature was."""
    with Prometheus() as prometheus:
        if request.param == "otlp":
            features = run_replicas(prometheus.endpoint_otlp)
        else:
            variables = {"INFERSPAN_COLLECTOR_PROMETHEUS_ENDPOINT": prometheus.endpoint_remote_write}
            with Collector(overlays=["prometheus"], environment=variables) as collector:
                features = run_replicas(f"{collector.endpoint_http}/v1/metrics")
        prometheus.wait_for(
            lambda: [
                found
                for found in prometheus.query('sum(inferspan_field_values_total{inferspan_field_name="x.0"})')
                if float(found["value"][1]) == 4000
            ]
        )
        yield prometheus, features


DISTRIBUTION = 'sum(inferspan_field_distribution{inferspan_model_name="scorer", inferspan_field_name="x.0"})'


def test_the_distribution_is_that_of_both_replicas(received: tuple[Prometheus, np.ndarray]) -> None:
    prometheus, features = received

    assert len(prometheus.query('inferspan_field_distribution{inferspan_field_name="x.0"}')) == 2
    assert prometheus.value(f"histogram_count({DISTRIBUTION})") == 4000
    assert prometheus.value(f"histogram_sum({DISTRIBUTION})") == pytest.approx(features.sum(), rel=1e-9)
    assert prometheus.value(f"histogram_avg({DISTRIBUTION})") == pytest.approx(features.mean(), rel=1e-9)
    for probability in (0.01, 0.25, 0.5, 0.75, 0.99):
        found = prometheus.value(f"histogram_quantile({probability}, {DISTRIBUTION})")
        # Within one bucket, at a scale of at least 3, of a value of that rank, give or take one rank.
        low, high = np.quantile(features, [probability - 1 / 4000, probability + 1 / 4000])
        margin = max(abs(low), abs(high)) * (2 ** (2**-3) - 1)
        assert low - margin <= found <= high + margin, (probability, found)
    assert prometheus.value(f"histogram_quantile(0.25, {DISTRIBUTION})") < -2


def test_the_share_of_missing_values_of_each_feature(received: tuple[Prometheus, np.ndarray]) -> None:
    prometheus, _ = received
    found = prometheus.query(
        "sum by (inferspan_io_direction, inferspan_field_name) (inferspan_field_missing_total)"
        " / sum by (inferspan_io_direction, inferspan_field_name) (inferspan_field_values_total)"
    )
    ratios = {
        (one["metric"]["inferspan_io_direction"], one["metric"]["inferspan_field_name"]): float(one["value"][1])
        for one in found
    }
    assert ratios == {("input", "x.0"): 0, ("input", "x.1"): 0.05, ("output", "score"): 0}


def test_what_the_documents_say_can_be_asked(received: tuple[Prometheus, np.ndarray]) -> None:
    prometheus, _ = received
    expressions = re.findall(r"```promql\n(.*?)```", (ROOT / "docs" / "data-quality.md").read_text(), re.DOTALL)
    assert len(expressions) > 5
    for expression in expressions:
        prometheus.query(expression)  # raises what Prometheus has against it
        named = set(re.findall(r"inferspan_\w+?(?=\{|\[|\))", expression)) - set(
            re.findall(r"by \(([^)]*)\)", expression)
        )
        known = {one["__name__"] for one in prometheus.series()} | {"inferspan_field_infinite_total"}
        assert {name for name in named if name.startswith(("inferspan_field_", "inferspan_self"))} - LABELS <= known


def test_what_a_scrape_cannot_carry_is_said_in_one_warning() -> None:
    python = environments.environment("numpy", "opentelemetry-exporter-prometheus==0.66b2")
    port, _, _ = free_ports()
    process = subprocess.Popen(
        [python, PROGRAMS / "scraped.py", str(port)],
        env=environment("http://127.0.0.1:1", OTEL_PYTHON_INFERSPAN_PROFILE_BUDGET="inf"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with Prometheus(targets=(f"127.0.0.1:{port}",)) as prometheus:
            prometheus.wait_for(
                lambda: [
                    found
                    for found in prometheus.query("inferspan_field_values_total")
                    if float(found["value"][1]) == 400
                ],
                timeout=60,
            )
            # Scraped twice at least.
            prometheus.wait_for(lambda: prometheus.query("count_over_time(inferspan_field_values_total[1m]) > 2"))
            assert len(prometheus.query("inferspan_field_values_total")) == 2
            assert not prometheus.query("inferspan_field_distribution")
    finally:
        _, said = process.communicate(timeout=30)
    warnings = [line for line in said.splitlines() if "WARNING" in line]
    assert len(warnings) == 1, said
    assert warnings[0].startswith(
        "inferspan WARNING inferspan.field.distribution is not exported, since the Prometheus"
    )
