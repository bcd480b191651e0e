# SPDX-License-Identifier: Apache-2.0
"""Tells ``inferspan run`` and ``inferspan doctor`` from inside the program how it is instrumented.

The launcher calls `install` in every process that it instruments (entry point
``opentelemetry_post_instrument``). Without `STATUS_VARIABLE`, which only those commands set, that is all
that happens. With it, a short report leaves at once, and another when the process ends. The program must not
notice: nothing is raised, nothing imported that is not there anyway but the standard library, and a receiver
that does not answer costs a third of a second once.
"""

from __future__ import annotations

import os

#: Where to report, an http URL on 127.0.0.1.
STATUS_VARIABLE = "INFERSPAN_RUN_STATUS_URL"

#: Import names of the libraries that inferspan instruments.
SUPPORTED_LIBRARIES = ("torch", "onnxruntime")

_TIMEOUT_SECONDS = 0.3


def install() -> None:
    """Reports that this process is instrumented, and how it was when it ends."""
    url = os.environ.get(STATUS_VARIABLE)
    if not url:
        return
    try:
        _install(url)
    except Exception:
        # Nobody reads a report that could not be made; the program goes first.
        return


def _install(url: str) -> None:
    import atexit

    from opentelemetry import trace

    at_start = trace.get_tracer_provider()

    def report_end() -> None:
        try:
            _post(url, _status(at_start, "end"))
        except Exception:
            return

    _post(url, _status(at_start, "start"))
    # Only after an answer: the end of a program is not delayed for a receiver that is known to give none.
    # Exit hooks run in reverse: this one comes before the SDK's, when the providers are not shut down yet.
    atexit.register(report_end)


def _status(at_start: object, moment: str) -> dict[str, object]:
    import sys

    from opentelemetry import trace

    now = trace.get_tracer_provider()
    sampler = getattr(now, "sampler", None)
    describe = getattr(sampler, "get_description", None)
    kind = type(now)
    return {
        "moment": moment,
        "pid": os.getpid(),
        "executable": sys.executable,
        "libraries": [name for name in SUPPORTED_LIBRARIES if name in sys.modules],
        "tracer_provider": f"{kind.__module__}.{kind.__qualname__}",
        "is_sdk": hasattr(now, "add_span_processor"),
        "replaced": now is not at_start,
        "sampler": str(describe()) if describe is not None else "",
        "inferspan": _own_status(),
    }


def _own_status() -> dict[str, object] | None:
    """What inferspan says of itself, where the process uses it."""
    import sys

    if "inferspan.recorder" not in sys.modules:
        return None
    from inferspan.status import status

    return status()


def _post(url: str, status: dict[str, object]) -> None:
    import http.client
    import json
    from urllib.parse import urlsplit

    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("POST", target.path, json.dumps(status), {"Content-Type": "application/json"})
        connection.getresponse()
    finally:
        connection.close()
