# SPDX-License-Identifier: Apache-2.0
"""Generates code and documents from the registry of semantic conventions and from the core's settings.

`python semconv/generate.py` writes the files that are not as they should be. With `--check`, it only names
them, and exits with 1 if there are any.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Mapping

import jinja2
import rendering
import settings
from registry import Registry, RegistryError, load
from source import ROOT

REPOSITORY = ROOT.parent
CODE = "src/inferspan/semconv"
DOCS = "docs/semconv"
LINE_LENGTH = "120"

REGISTRY_FILES: Mapping[str, str] = {
    **{f"{CODE}/{name}.py": f"{name}.py.j2" for name in ("__init__", "attributes", "events", "metrics", "schema")},
    **{f"{DOCS}/{name}.md": f"{name}.md.j2" for name in ("attributes", "events", "metrics", "spans")},
}
"""The files made from the registry, each with its template."""
SETTINGS_FILES: Mapping[str, str] = {
    "src/inferspan/environment_variables.py": "environment_variables.py.j2",
    "docs/configuration.md": "configuration.md.j2",
}
"""The files made from the core's settings, each with its template."""


def render_registry(registry: Registry) -> dict[str, str]:
    """Renders the files that are made from the registry.

    Returns:
        The content of each file, by its path in the repository.
    """
    context = {
        "registry": registry,
        "families": rendering.families(registry),
        "api_types": rendering.api_types(registry),
    }
    return _render(REGISTRY_FILES, context)


def render_settings(configuration: type) -> dict[str, str]:
    """Renders the files that are made from the core's settings.

    Args:
        configuration: The dataclass of the settings.

    Returns:
        The content of each file, by its path in the repository.
    """
    return _render(SETTINGS_FILES, {"settings": settings.read(configuration)})


def main(arguments: list[str] | None = None) -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description="Generate code and documents from the semantic conventions and settings."
    )
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if a file would change")
    options = parser.parse_args(arguments)

    try:
        registry = load()
    except RegistryError as error:
        print(error, file=sys.stderr)
        return 1
    files = {**render_registry(registry), **render_settings(settings.configuration())}
    stale = [path for path, content in files.items() if _current(path) != content]
    for path in stale:
        print(f"stale: {path}" if options.check else f"wrote {path}")
        if not options.check:
            target = REPOSITORY / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(files[path], encoding="utf-8", newline="\n")
    return 1 if options.check and stale else 0


def _render(files: Mapping[str, str], context: Mapping[str, object]) -> dict[str, str]:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    for name, function in rendering.FILTERS.items():
        environment.filters[name] = function  # pyright: ignore[reportUnknownMemberType]
    rendered = {path: environment.get_template(template).render(context) for path, template in files.items()}
    return {path: _formatted(path, content) for path, content in rendered.items()}


def _formatted(path: str, content: str) -> str:
    if not path.endswith(".py"):
        return re.sub(r"\n{3,}", "\n\n", content).rstrip() + "\n"
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--line-length",
        LINE_LENGTH,
        "--stdin-filename",
        path,
        "-",
    ]
    return subprocess.run(command, input=content, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout


def _current(path: str) -> str | None:
    target = REPOSITORY / path
    return target.read_text("utf-8") if target.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
