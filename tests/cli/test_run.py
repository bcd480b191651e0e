# SPDX-License-Identifier: Apache-2.0
"""`inferspan run` from outside: real programs under the real launcher."""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PROGRAMS = Path(__file__).with_name("programs")
INFER = str(PROGRAMS / "infer.py")
RUN = [sys.executable, "-m", "inferspan", "run"]
TIMEOUT = 60


def clean_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment without what would steer telemetry or the width of a summary."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "COLUMNS"))}
    return {**kept, **(environment or {})}


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *arguments],
        env=clean_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


def python(code: str) -> list[str]:
    return ["--", sys.executable, "-c", code]


def test_summary_says_what_the_models_did() -> None:
    done = run("--", sys.executable, INFER, "--count", "40", "--fail", "2", "--talk")
    assert done.returncode == 0
    assert done.stdout == "".join(f"line {call}\n" for call in range(40))
    text = done.stderr
    assert re.search(r"^── inferspan \S+ infer.py .* ─+ 40 inferences · 2 failed · exit 0 · .*──$", text, re.MULTILINE)
    assert re.search(r"^ digits 3 +onnxruntime +cpu +40 +[\d,.]+ +2 \(5.0 %\) ( +\d[\d.]+ ms){4}$", text, re.MULTILINE)
    assert " from spans: every inference has one\n" in text
    assert re.search(r"^ → image +float32 +1x1x28x28 +0 +0 +0.131 +0.308 +0 +0 +0 +0.992 +1$", text, re.MULTILINE)
    assert re.search(r"^ → age +float32 +4 +25 % +0( +·){7}$", text, re.MULTILINE)
    assert re.search(
        r"^ \d\d:\d\d:\d\d +digits +ValueError +could not convert string to float: '…' +\w{8}$",
        text,
        re.MULTILINE,
    )
    assert "\x1b" not in text


def test_bare_python_is_the_one_that_inferspan_is_installed_for() -> None:
    done = run("--", "python", "-c", "import sys; print(sys.prefix)", environment={"PATH": "/usr/bin:/bin"})
    assert done.stdout == f"{sys.prefix}\n"


@pytest.mark.parametrize(
    ("sampler", "source"),
    [
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}, r"\(\d+ of 60 have a span\)"),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, r"\(0 of 60 have a span\)"),
    ],
)
def test_sampled_programs_are_counted_from_the_histogram(sampler: Mapping[str, str], source: str) -> None:
    done = run("--", sys.executable, INFER, "--count", "60", environment=sampler)
    assert re.search(rf"^ from the histogram {source}: quantiles are interpolated$", done.stderr, re.MULTILINE)
    assert ("sampled every trace away" in done.stderr) == (sampler["OTEL_TRACES_SAMPLER"] == "always_off")


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"},
        {"OTEL_EXPORTER_OTLP_COMPRESSION": "deflate"},
        {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "NO_PROXY": "example.com"},
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://127.0.0.1:9",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/missing/ca.pem",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/missing/key.pem",
            "OTEL_TRACES_EXPORTER": "console",
            "OTEL_METRICS_EXPORTER": "none",
        },
        {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta", "OTEL_TRACES_SAMPLER": "always_off"},
        {
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram",
            "OTEL_TRACES_SAMPLER": "always_off",
        },
    ],
)
def test_what_the_user_has_set_for_another_endpoint_does_no_harm(environment: Mapping[str, str]) -> None:
    done = run("--", sys.executable, INFER, "--count", "12", environment=environment)
    assert " 12 inferences · exit 0 · " in done.stderr


def test_processes_are_added_up() -> None:
    code = (
        "import subprocess, sys\n"
        f"running = [subprocess.Popen([sys.executable, {INFER!r}, '--count', '15']) for _ in range(3)]\n"
        "sys.exit(max(process.wait() for process in running))\n"
    )
    assert " 45 inferences · exit 0 · " in run(*python(code)).stderr
    unsampled = run(*python(code), environment={"OTEL_TRACES_SAMPLER": "always_off"})
    assert " 45 inferences · exit 0 · " in unsampled.stderr


def test_telemetry_of_a_process_that_outlives_the_program_is_waited_for(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        f"path = {str(tmp_path / 'out')!r}\n"
        f"command = [sys.executable, {INFER!r}, '--count', '8', '--pause', '0.1', '--talk']\n"
        "subprocess.Popen(command, stdout=open(path, 'w'))\n"
        "while not os.path.getsize(path):\n"
        "    time.sleep(0.02)\n"
        "os._exit(0)\n"
    )
    assert " 8 inferences · exit 0 · " in run(*python(code)).stderr


def test_saved_telemetry_is_otlp_json(tmp_path: Path) -> None:
    saved = tmp_path / "telemetry.jsonl"
    done = run("--save", str(saved), "--", sys.executable, INFER, "--count", "8")
    lines = [json.loads(line) for line in saved.read_text().splitlines()]
    spans = [
        span
        for line in lines
        for resource in line.get("resourceSpans", [])
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert [span["name"] for span in spans] == ["infer digits"] * 8
    assert all(re.fullmatch("[0-9a-f]{32}", span["traceId"]) for span in spans)
    assert {next(iter(line)) for line in lines} == {"resourceSpans", "resourceMetrics"}
    assert f"{len(lines)} lines of OTLP JSON in {saved}" in " ".join(done.stderr.split())


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_exit_status_is_the_programs(status: int) -> None:
    done = run(*python(f"import sys; sys.exit({status})"))
    assert done.returncode == status
    assert f"exit {status} · " in done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV])
def test_a_signal_that_ends_the_program_ends_inferspan_run(number: signal.Signals) -> None:
    # Python has its own idea of SIGINT; the other handlers are the system's anyway.
    done = run(*python(f"import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), {number})"))
    assert done.returncode == -number
    assert f"ended by {number.name}" in done.stderr


TRAP = """
import os, signal, sys, time
def stop(number, frame):
    # Not print: the signal can come while "ready" is still being printed, and print refuses to be re-entered.
    os.write(1, b"got " + signal.Signals(number).name.encode() + b"\\n")
    sys.exit(5)
signal.signal(signal.{name}, stop)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGINT", "SIGQUIT"])
def test_signals_are_passed_on(name: str) -> None:
    with subprocess.Popen(
        [*RUN, *python(TRAP.format(name=name))],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # No terminal: whatever is sent to inferspan run is not what somebody typed.
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.Signals[name])
        out, err = process.communicate(timeout=TIMEOUT)
    assert out == f"got {name}\n"
    assert process.returncode == 5
    assert "exit 5" in err


def test_standard_streams_are_the_programs() -> None:
    code = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stderr.write('told\\n')"
    done = subprocess.run(
        [*RUN, *python(code)],
        env=clean_environment(),
        input="abc",
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.stdout == "ABC"
    assert done.stderr.startswith("told\n")


def test_nobody_reads_the_summary() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*RUN, *python("import sys; sys.exit(4)")], env=clean_environment(), stderr=writing, timeout=TIMEOUT
    )
    os.close(writing)
    assert done.returncode == 4


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "which program? For example: inferspan run -- python app.py"),
        (["--"], 2, "which program?"),
        (["--", "no-such-program"], 127, "no-such-program: command not found"),
        (["--", INFER], 126, f"Did you mean: inferspan run -- python {INFER}"),
        (["--", str(PROGRAMS)], 126, "cannot be executed"),
        (
            ["--save", "/missing/file", "--", "true"],
            2,
            "cannot write /missing/file: No such file or directory",
        ),
    ],
)
def test_refuses(arguments: list[str], status: int, said: str) -> None:
    done = run(*arguments)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("package", ["rich", "opentelemetry.distro", "opentelemetry.exporter.otlp.proto.http"])
def test_says_what_to_install(package: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {package!r}: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = run("--", "true", environment={"PYTHONPATH": path})
    assert done.returncode == 2
    assert done.stderr.endswith(" is missing: pip install 'inferspan[run]'\n")


def test_command_line_without_dashes_and_with_dashes_of_the_program() -> None:
    show = "import sys; print(sys.argv[1:])"
    assert run(sys.executable, "-c", show, "--save", "x").stdout == "['--save', 'x']\n"
    assert run("--", sys.executable, "-c", show, "a", "--", "b").stdout == "['a', '--', 'b']\n"


def test_importing_the_command_line_is_cheap() -> None:
    code = (
        "import sys, inferspan.cli, inferspan.cli.run\n"
        "print([name for name in ('rich', 'opentelemetry', 'google') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.stdout == "[]\n", done.stderr


# Why nothing arrived


@pytest.mark.parametrize(
    ("command", "environment", "said"),
    [
        ([sys.executable, "-I", "-c", "pass"], {}, "Python's -I keeps the launcher out"),
        (["sh", "-c", "true"], {}, "sh is not a Python program"),
        ([sys.executable, "-c", "pass"], {}, "loaded none of the libraries that inferspan instruments"),
        ([sys.executable, INFER], {"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED=true switches"),
        (["env", "-u", "PYTHONPATH", sys.executable, "-c", "pass"], {}, "env is not a Python program"),
    ],
)
def test_says_why_nothing_arrived(command: list[str], environment: Mapping[str, str], said: str) -> None:
    done = run("--", *command, environment=environment)
    assert done.returncode == 0
    assert " No inference arrived. " in done.stderr
    assert said in re.sub(r"\s+", " ", done.stderr)


# In a terminal


#: Makes standard input the terminal that controls the session, then becomes another program.
IN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


class Terminated:
    """`inferspan run`, or another command, in a terminal of its own."""

    def __init__(
        self, *arguments: str, rows: int = 24, columns: int = 80, command: Sequence[str] | None = None
    ) -> None:
        self.terminal = Terminal(columns=columns, rows=rows)
        self.text = ""
        # A read may end in the middle of a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._descriptor, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, *(command or [*RUN, *arguments])],
            env=clean_environment({"TERM": "xterm-256color"}),
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)

    def type(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def read_until(self, found: Callable[[Terminal], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not found(self.terminal) and self._read():
            assert time.monotonic() < deadline, "\n".join(self.terminal.screen)

    def end(self) -> int:
        self.read_until(lambda _: False)
        return self._process.wait(TIMEOUT)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._descriptor)

    def _read(self) -> bool:
        if not select.select([self._descriptor], [], [], 1.0)[0]:
            return True
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:
            # What reading gives once nobody has the other side open.
            return False
        text = self._decoder.decode(data)
        self.text += text
        self.terminal.feed(text)
        return bool(data)


@pytest.fixture(autouse=True, scope="module")
def signals_as_in_a_terminal() -> Iterator[None]:
    """Undoes what a shell does to jobs in its background: they ignore these two, and so would what is started here."""
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.fixture
def start() -> Iterator[Callable[..., Terminated]]:
    started: list[Terminated] = []

    def make(*arguments: str, **options: Any) -> Terminated:
        started.append(Terminated(*arguments, **options))
        return started[-1]

    yield make
    for one in started:
        one.close()


def test_live_view_stays_under_what_the_program_writes(start: Callable[..., Terminated]) -> None:
    terminal = start("--", "python", INFER, "--count", "40", "--fail", "1", "--pause", "0.06", "--talk")
    terminal.read_until(lambda screen: any("→ image" in line for line in screen.screen))
    live = terminal.terminal.screen
    title = next(position for position, line in enumerate(live) if line.startswith("── inferspan python infer.py"))
    assert title >= 12
    assert live[title + 2].startswith(" digits 3 onnxruntime")
    assert live[title + 3] == " from spans: every inference has one"
    assert any(line.startswith("line ") for line in live[:title])
    assert terminal.end() == 0
    shown = [*terminal.terminal.history, *terminal.terminal.screen]
    assert [line for line in shown if line.startswith("line ")] == [f"line {call}" for call in range(40)]
    assert sum("── inferspan" in line for line in shown) == 1
    assert terminal.terminal.region == (0, 23)


def test_interrupt_reaches_the_program_once(start: Callable[..., Terminated]) -> None:
    terminal = start(*python(TRAP.format(name="SIGINT")))
    terminal.read_until(lambda screen: any(line == "ready" for line in screen.screen))
    terminal.type(b"\x03")
    assert terminal.end() == 5
    assert terminal.text.count("got SIGINT") == 1
    assert any(line.startswith("── inferspan") for line in terminal.terminal.screen)


def test_interrupted_program_ends_inferspan_run_as_interrupted(start: Callable[..., Terminated]) -> None:
    terminal = start(*python("import time; print('ready', flush=True); time.sleep(60)"))
    terminal.read_until(lambda screen: any(line == "ready" for line in screen.screen))
    terminal.type(b"\x03")
    assert terminal.end() == -signal.SIGINT


def test_no_live_view_where_it_is_not_wanted_or_has_no_room(start: Callable[..., Terminated]) -> None:
    wanted_not = start("--no-live", "--", "python", INFER, "--count", "20", "--pause", "0.05")
    assert wanted_not.end() == 0
    assert "\x1b7" not in wanted_not.text
    small = start("--", "python", INFER, "--count", "20", "--pause", "0.05", rows=8)
    assert small.end() == 0
    assert "\x1b7" not in small.text


def test_program_can_ask_and_be_answered(start: Callable[..., Terminated]) -> None:
    terminal = start(*python("import time; time.sleep(1); print('hello', input('name? '))"))
    terminal.read_until(lambda screen: any(line.startswith("name?") for line in screen.screen))
    terminal.type(b"you\n")
    assert terminal.end() == 0
    assert "hello you" in terminal.text


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell with job control")
def test_stopped_and_continued(start: Callable[..., Terminated]) -> None:
    run_it = shlex.join([*RUN, "--", "python", INFER, "--count", "60", "--pause", "0.05", "--talk"])
    terminal = start(command=["bash", "--norc", "-ic", f"{run_it}; echo now in the shell; fg"])
    terminal.read_until(lambda screen: any("→ image" in line for line in screen.screen))
    terminal.type(b"\x1a")
    terminal.read_until(lambda screen: any(line == "now in the shell" for line in screen.screen))
    terminal.read_until(lambda screen: any("→ image" in line for line in screen.screen))
    assert terminal.end() == 0
    assert terminal.terminal.region == (0, 23)
    shown = [*terminal.terminal.history, *terminal.terminal.screen]
    assert [line for line in shown if line.startswith("line ")] == [f"line {call}" for call in range(60)]
