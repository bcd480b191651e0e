# SPDX-License-Identifier: Apache-2.0
"""A Celery application whose worker has inferred before it forks its pool; its broker is a folder.

As a program, it sends a number of tasks.
"""

from __future__ import annotations

import os
import sys

from celery import Celery
from classifier import predict

folder = os.environ["BROKER"]
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder}
app.conf.worker_prefetch_multiplier = 1


@app.task(ignore_result=True)
def classify(number: int) -> None:
    predict(number)


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        classify.delay(number)
else:
    predict(0)
