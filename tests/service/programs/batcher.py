# SPDX-License-Identifier: Apache-2.0
"""A hand-written asyncio batcher: twenty requests, served by an ONNX model in batches of eight at most."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import onnxruntime as ort
from opentelemetry import trace

import inferspan

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
images = np.load(EXAMPLES / "digits.npz")["images"].astype(np.float32) / 16
session = ort.InferenceSession(EXAMPLES / "digits.onnx", providers=["CPUExecutionProvider"])
tracer = trace.get_tracer("app")

Waiting = tuple[inferspan.Token, np.ndarray, "asyncio.Future[int]"]
queue: asyncio.Queue[Waiting] = asyncio.Queue()
worker: asyncio.Task[None] | None = None


async def serve_batches() -> None:
    while True:
        items = [await queue.get()]
        await asyncio.sleep(0.02)
        while len(items) < 8 and not queue.empty():
            items.append(queue.get_nowait())
        with inferspan.batch(token for token, _, _ in items):
            batch = np.stack([image for _, image, _ in items])
            (scores,) = await asyncio.to_thread(session.run, None, {"image": batch})
            with inferspan.stage("postprocess"):
                digits = scores.argmax(axis=1)
        for (_, _, answer), digit in zip(items, digits, strict=True):
            answer.set_result(int(digit))


async def handle(number: int) -> int:
    global worker
    with tracer.start_as_current_span("request", attributes={"number": number}):
        if worker is None:  # as in many services: within the first request, whose context it inherits
            worker = asyncio.create_task(serve_batches())
        with inferspan.stage("preprocess"):
            image = np.ascontiguousarray(images[number])
        answer = asyncio.get_running_loop().create_future()
        await queue.put((inferspan.enqueue(), image, answer))
        return await answer


async def main() -> None:
    print(await asyncio.gather(*(handle(number) for number in range(20))))
    print(await handle(20))


asyncio.run(main())
