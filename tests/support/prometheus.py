# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus 3 on the loopback interface, for the length of a ``with`` block."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from support.collector import RUNNER, free_ports

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

T = TypeVar("T")

_MODULE = "github.com/prometheus/prometheus"
_PROGRAM = f"{_MODULE}/cmd/prometheus"
#: Prometheus 3.15. The second hash is that of its go.mod.
_VERSION = "v0.315.0"
_HASHES = (
    f"{_MODULE} {_VERSION} h1:sFGZWmC2Hk9N1NBJGCnXYZb5hyLCq8yuAMoEjLAg6ac=",
    f"{_MODULE} {_VERSION}/go.mod h1:B+80h4JO0zXpoFCiWStHtpsAWrEOwY24B9/CLgzUIuc=",
)
_LOWEST_GO = "1.26.0"
#: Without the clients of all clouds.
_TAGS = "-tags=remove_all_sd"

_CONFIGURATION = """\
global:
  scrape_interval: 1s
otlp:
  translation_strategy: UnderscoreEscapingWithSuffixes
  promote_resource_attributes: [service.name, service.instance.id]
storage:
  tsdb:
    out_of_order_time_window: 30m
"""
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05


def build() -> Path:
    """Compiles Prometheus, once: two to four minutes on two cores; it is kept under ``.cache`` in the repository.

    Its go.mod replaces and excludes modules, with which `go install` will not have it as a dependency. So it is built
    in a module of our own that has the very same go.mod and go.sum.

    Returns:
        Path of the executable.
    """
    golang = _golang()
    digest = hashlib.sha256(repr((_HASHES, _TAGS, golang.BUILD, platform.system(), platform.machine())).encode())
    binary = golang.CACHE / "prometheus" / digest.hexdigest()[:16] / "prometheus"
    if binary.exists():
        return binary
    with golang.lock(golang.CACHE / "prometheus" / "build.lock"):
        if binary.exists():
            return binary
        go = golang.find(at_least=_LOWEST_GO)
        print(f"Compiling Prometheus with {go} (once; two to four minutes) ...", file=sys.stderr, flush=True)
        binary.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="inferspan-prometheus-") as folder:
            wrapper = Path(folder)
            upstream = _download(go, wrapper)
            go_mod = (upstream / "go.mod").read_text().replace(f"module {_MODULE}\n", "module wrapper\n", 1)
            go_mod += f"\nrequire {_MODULE} {_VERSION}\n\ntool {_PROGRAM}\n"
            (wrapper / "go.mod").write_text(go_mod)
            (wrapper / "go.sum").write_text("\n".join([*(upstream / "go.sum").read_text().splitlines(), *_HASHES, ""]))
            partial = binary.with_name("prometheus.partial")
            # mod: what it is required at is added to what it requires itself, which makes some of that direct.
            environment = {"GOFLAGS": "-mod=mod -buildvcs=false"}
            command = [*golang.BUILD, _TAGS, "-o", str(partial), _PROGRAM]
            golang.run(go, *command, cwd=wrapper, environment=environment)
            partial.replace(binary)
    return binary


def _golang() -> Any:
    path = RUNNER.with_name("golang.py")
    spec = importlib.util.spec_from_file_location("collector_config_golang", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _download(go: str, folder: Path) -> Path:
    """Returns the folder with the sources of this version, in Go's own cache."""
    command = [go, "mod", "download", "-json", f"{_MODULE}@{_VERSION}"]
    finished = subprocess.run(command, cwd=folder, env=_golang().environment_of(go), capture_output=True, check=True)
    return Path(json.loads(finished.stdout)["Dir"])


class Prometheus:
    """Runs Prometheus with its receivers of OTLP and of remote write, and asks it.

    ::

        with Prometheus() as prometheus:
            send_to(prometheus.endpoint_otlp)
            prometheus.wait_for(lambda: prometheus.query("up"))

    Args:
        targets: addresses (``127.0.0.1:9464``) that it scrapes each second.
    """

    def __init__(self, *, targets: tuple[str, ...] = ()) -> None:
        self._targets = targets
        self._directory = Path()
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint_otlp(self) -> str:
        """URL of the receiver of metrics by OTLP/HTTP, as for ``OTEL_EXPORTER_OTLP_METRICS_ENDPOINT``."""
        return f"http://127.0.0.1:{self._port}/api/v1/otlp/v1/metrics"

    @property
    def endpoint_remote_write(self) -> str:
        """URL of the receiver of remote write."""
        return f"http://127.0.0.1:{self._port}/api/v1/write"

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self._directory / "log").read_text(encoding="utf-8", errors="replace")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluates PromQL now; returns the elements of the vector, each with ``metric`` and ``value``."""
        path = "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        answer = self._get(path)
        if answer["status"] != "success":
            raise ValueError(answer["error"])
        return answer["data"]["result"]

    def value(self, expression: str) -> float:
        """Evaluates PromQL that has one number as its result."""
        (found,) = self.query(expression)
        return float(found["value"][1])

    def series(self) -> list[dict[str, str]]:
        """Returns the labels of all series."""
        return self._get("/api/v1/series?" + urllib.parse.urlencode({"match[]": '{__name__=~".+"}'}))["data"]

    def wait_for(self, predicate: Callable[[], T], *, timeout: float = 20.0) -> T:
        """Calls the predicate until what it returns is true; returns that.

        Raises:
            TimeoutError: If it was not true in time.
        """
        deadline = time.monotonic() + timeout
        while True:
            found = predicate()
            if found:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout} s. Log:\n{self.log[-4000:]}")
            time.sleep(_POLL_SECONDS)

    def __enter__(self) -> Self:
        binary = build()
        self._directory = Path(tempfile.mkdtemp(prefix="inferspan-prometheus-"))
        try:
            self._start(binary)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        status = self._stop()
        if status not in (0, -signal.SIGTERM) and kind is None:
            raise RuntimeError(f"Prometheus ended with status {status}")

    def _start(self, binary: Path) -> None:
        configuration = _CONFIGURATION
        if self._targets:
            configuration += (
                f"scrape_configs: [{{job_name: pulled, static_configs: [{{targets: {[*self._targets]}}}]}}]\n"
            )
        (self._directory / "prometheus.yml").write_text(configuration)
        self._port, _, _ = free_ports()
        command = [
            str(binary),
            f"--config.file={self._directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--web.enable-otlp-receiver",
            "--web.enable-remote-write-receiver",
        ]
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.wait_for(self._is_ready, timeout=_START_SECONDS)

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"Prometheus does not start:\n{self.log[-4000:]}")
        try:
            return self._request("/-/ready")[0] == 200
        except (OSError, HTTPException):
            return False

    def _stop(self) -> int | None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._directory)
        return None if process is None else process.returncode

    def _get(self, path: str) -> Any:
        return json.loads(self._request(path)[1])

    def _request(self, path: str) -> tuple[int, bytes]:
        # Not urllib: a proxy of the environment has no business on the loopback interface.
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
