# SPDX-License-Identifier: Apache-2.0
"""Infers on Ray, in tasks and in an actor, until it is told to stop."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import ray
from ray.exceptions import RayActorError

stopped = False


def stop(*_: object) -> None:
    global stopped
    stopped = True


@ray.remote
def classify(number: int) -> int:
    from classifier import predict

    return predict(number)


@ray.remote
class Classifier:
    def classify(self, number: int) -> int:
        from classifier import predict

        return predict(number)


ray.init(
    num_cpus=2,
    include_dashboard=False,
    _node_ip_address="127.0.0.1",
    runtime_env={"worker_process_setup_hook": "opentelemetry.instrumentation.auto_instrumentation.initialize"},
)
signal.signal(signal.SIGTERM, stop)  # Ray has taken it
# Ray ends an actor in order, and kills the workers of tasks: these export all the time.
actor = Classifier.options(runtime_env={"env_vars": {"OTEL_SERVICE_NAME": "ray actor"}}).remote()
often = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "500"}
task = classify.options(
    runtime_env={"env_vars": {"OTEL_SERVICE_NAME": "ray tasks", "FINISHED": os.environ["TASKS_FINISHED"], **often}}
)
while not stopped:
    ray.get([task.remote(number) for number in range(10)] + [actor.classify.remote(number) for number in range(20)])
with suppress(RayActorError):
    ray.get(actor.__ray_terminate__.remote())
time.sleep(2)
ray.shutdown()
