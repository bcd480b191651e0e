# SPDX-License-Identifier: Apache-2.0
"""Requests whose models run on other threads, handed there in each way that Python has."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime as ort
from opentelemetry import trace

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
session = ort.InferenceSession(EXAMPLES / "digits.onnx", providers=["CPUExecutionProvider"])
image = np.zeros((1, 1, 8, 8), np.float32)
tracer = trace.get_tracer("app")
pool = ThreadPoolExecutor(2)


def infer() -> None:
    session.run(None, {"image": image})


async def asynchronous(way: str) -> None:
    with tracer.start_as_current_span(way):
        loop = asyncio.get_running_loop()
        if way == "to_thread":
            await asyncio.to_thread(infer)
        elif way == "run_in_executor":
            await loop.run_in_executor(pool, infer)
        else:
            await loop.run_in_executor(None, infer)


async def main() -> None:
    ways = ("to_thread", "run_in_executor", "default executor")
    await asyncio.gather(*(asynchronous(way) for way in ways for _ in range(5)))


asyncio.run(main())
for _ in range(5):
    with tracer.start_as_current_span("submit"):
        pool.submit(infer).result()
    with tracer.start_as_current_span("map"):
        list(pool.map(lambda _: infer(), range(1)))
    with tracer.start_as_current_span("thread"):
        thread = threading.Thread(target=infer)
        thread.start()
        thread.join()
