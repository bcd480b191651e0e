#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds, checks and runs the inferspan Collector. Needs only Python's standard library, on Linux or macOS.

The Collector is compiled once from ``distribution/`` and kept under ``.cache/collector/`` in the repository,
in a folder named after a hash of the sources.
"""

from __future__ import annotations

import argparse
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

import golang
from golang import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE = Path(__file__).resolve().parent
_CACHE = golang.CACHE / "collector"
_MANIFEST = _HERE / "builder.yaml"
_DISTRIBUTION = _HERE / "distribution"
_BASE = _HERE / "base.yaml"
_OVERLAYS = _HERE / "exporters"
_NAME = "inferspan-collector"

# What the Collector's core needs; `go mod tidy` raises it where a component needs a later one.
_LOWEST_GO = "1.25.0"
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
        CommandError: If there is no Go to be had, or it does not compile.
    """
    binary = _CACHE / _digest() / _NAME
    if binary.exists():
        return binary
    with golang.lock(_CACHE / "build.lock"):
        if binary.exists():
            return binary
        go = _go()
        print(f"Compiling the Collector with {go} (once; one to three minutes) ...", file=sys.stderr, flush=True)
        binary.parent.mkdir(parents=True, exist_ok=True)
        # Under its name only when complete, or an interrupted build would pass for a finished one.
        partial = binary.with_name(f"{_NAME}.partial")
        golang.run(go, *golang.BUILD, "-o", str(partial), ".", cwd=_DISTRIBUTION)
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
        CommandError: If a step fails.
    """
    go = _go()
    version = "v" + _first_match(r"^  version: (\S+)$", _MANIFEST)
    module = _first_match(r"^  module: (\S+)$", _MANIFEST)
    builder = _builder(go, version)

    shutil.rmtree(_DISTRIBUTION, ignore_errors=True)
    golang.execute(
        [builder, f"--config={_MANIFEST}", "--skip-get-modules", "--skip-compilation"],
        cwd=_HERE,
        environment=golang.environment_of(go),
    )

    modules = re.findall(r"^ *- gomod: (\S+ \S+)$", _MANIFEST.read_text(encoding="utf-8"), re.MULTILINE)
    modules += [f"go.opentelemetry.io/collector/{core} {version}" for core in ("otelcol", "service")]
    requires = "".join(f"\t{required}\n" for required in sorted(modules))
    (_DISTRIBUTION / "go.mod").write_text(
        f"module {module}\n\ngo {_LOWEST_GO}\n\nrequire (\n{requires})\n",
        encoding="utf-8",
    )
    golang.run(go, "mod", "tidy", "-e", cwd=_DISTRIBUTION)
    for system, architecture in _PLATFORMS:
        target = {"GOOS": system, "GOARCH": architecture}
        golang.run(go, "list", "-deps", ".", cwd=_DISTRIBUTION, environment=target)


def _builder(go: str, version: str) -> str:
    """Path of the Collector builder, installed under .cache the first time."""
    folder = _CACHE / f"builder-{version}"
    if not (folder / "builder").exists():
        package = f"go.opentelemetry.io/collector/cmd/builder@{version}"
        golang.run(go, "install", package, cwd=_HERE, environment={"GOBIN": str(folder)})
    return str(folder / "builder")


def _go() -> str:
    """Path of a Go that can compile the Collector."""
    go_mod = _DISTRIBUTION / "go.mod"
    return golang.find(at_least=_first_match(r"^go (\S+)$", go_mod) if go_mod.exists() else _LOWEST_GO)


def _digest() -> str:
    """Names what a build is made from.

    Not the Go version: that would need a Go to find a binary that is already there.
    """
    digest = hashlib.sha256(
        repr((list(golang.BUILD), golang.ENVIRONMENT, platform.system(), platform.machine())).encode()
    )
    for path in sorted(path for path in _DISTRIBUTION.iterdir() if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


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
    except (CollectorError, CommandError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
