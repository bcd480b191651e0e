# SPDX-License-Identifier: Apache-2.0
"""AWS's own runtime for Python, frozen after each call, and killed while it is."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from support import environments
from support.collector import Collector
from support.startup import PROGRAMS, Arrived, arrived, environment

CALLS = 20


class RuntimeApi(ThreadingHTTPServer):
    """Stands in for AWS, and speaks its protocol: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html"""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.answers: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        self.calls = 0


class _Handler(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps(self.server.events.get()).encode()
        self.server.calls += 1
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", str(self.server.calls))
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 60_000))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:digits")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.answers.put((self.path, body))

    def log_message(self, *_: Any) -> None:
        pass


def test_a_function_exports_before_it_is_frozen(collector: Collector, tmp_path: Path) -> None:
    python = environments.environment("onnxruntime", "awslambdaric")
    api = RuntimeApi()
    Thread(target=api.serve_forever, daemon=True).start()
    process = subprocess.Popen(
        [python.with_name("opentelemetry-instrument"), python, "-m", "awslambdaric", "function.handler"],
        cwd=PROGRAMS,
        env={
            **environment(collector, "lambda"),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}",
            "LAMBDA_TASK_ROOT": str(PROGRAMS),
        },
    )

    def found() -> Arrived:
        return arrived(collector.traces(), collector.metrics(), "lambda")

    try:
        for number in range(1, CALLS + 1):
            api.events.put({"number": number})
            path, body = api.answers.get(timeout=60)
            process.send_signal(signal.SIGSTOP)
            assert path == f"/2018-06-01/runtime/invocation/{number}/response", body
            assert set(json.loads(body)) == {"digit"}
            # While it is frozen: all that it has been asked so far, and nothing later.
            collector.wait_for(lambda number=number: list(found().counts.values()) == [number])
            assert found().spans == found().counts
            process.send_signal(signal.SIGCONT)
    finally:
        process.kill()
        process.wait()
        api.shutdown()
        api.server_close()
