# SPDX-License-Identifier: Apache-2.0
"""An ASGI application that classifies digits: ``POST /`` answers with a digit. Knows nothing of OpenTelemetry."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from classifier import predict

# Where the application is loaded before its workers are forked, they are forked from a process that has inferred.
predict(0)


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        return
    body = (await receive())["body"]
    digit = await asyncio.to_thread(predict, int(body))
    answer = json.dumps({"digit": digit, "pid": os.getpid()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": answer})
