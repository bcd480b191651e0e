# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from inferspan.cli._interpreter import Interpreter, can_be_instrumented, find_interpreter, shutting_out

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ("app.py -I", None),
        ("-I app.py", "-I"),
        ("-uE app.py", "-E"),
        ("-u -S app.py", "-S"),
        ("-m module -I", None),
        ("-um module -I", None),
        ("-c pass -I", None),
        ("-cS", None),
        ("-W error -I app.py", "-I"),
        ("-Werror -I app.py", "-I"),
        ("-X dev -I app.py", "-I"),
        ("-XI app.py", None),
        ("--check-hash-based-pycs always -E app.py", "-E"),
        ("--version", None),
        ("- -I", None),
        ("-- -I", None),
        ("", None),
    ],
)
def test_options_that_keep_the_launcher_out(arguments: str, option: str | None) -> None:
    assert shutting_out(arguments.split()) == option


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A search path with a python of its own."""
    (tmp_path / "python3").symlink_to(sys.executable)
    return {"PATH": str(tmp_path)}


def script(tmp_path: Path, shebang: str) -> str:
    path = tmp_path / "tool"
    path.write_text(f"{shebang}\npass\n")
    path.chmod(0o755)
    return str(path)


def test_python_itself(tmp_path: Path, environment: dict[str, str]) -> None:
    found = find_interpreter(["python3", "-u", "app.py"], environment)
    assert found == Interpreter(str(tmp_path / "python3"), ["-u", "app.py"])


@pytest.mark.parametrize("shebang", ["#!/usr/bin/env python3", "#!/usr/bin/env -S python3"])
def test_script_that_names_python(tmp_path: Path, environment: dict[str, str], shebang: str) -> None:
    tool = script(tmp_path, shebang)
    found = find_interpreter(["tool", "--flag"], environment)
    assert found == Interpreter(str(tmp_path / "python3"), [tool, "--flag"])


def test_script_with_the_path_of_an_interpreter(tmp_path: Path, environment: dict[str, str]) -> None:
    tool = script(tmp_path, f"#!{tmp_path / 'python3'} -I")
    assert find_interpreter([tool], environment) == Interpreter(str(tmp_path / "python3"), ["-I", tool])


def test_what_is_no_python_program(tmp_path: Path, environment: dict[str, str]) -> None:
    assert find_interpreter([shutil.which("sh") or "sh"], environment) is None
    assert find_interpreter([script(tmp_path, "#!/bin/sh")], environment) is None
    assert find_interpreter([script(tmp_path, "#!")], environment) is None
    assert find_interpreter(["missing"], environment) is None


def test_interpreter_is_asked(tmp_path: Path) -> None:
    assert can_be_instrumented(sys.executable, os.environ)
    other = script(tmp_path, "#!/bin/sh\nexit 1")
    assert not can_be_instrumented(other, os.environ)
    assert not can_be_instrumented(str(tmp_path / "missing"), os.environ)
