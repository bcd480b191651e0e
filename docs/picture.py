# SPDX-License-Identifier: Apache-2.0
"""Draws README's picture, `docs/run.svg`, from what `inferspan run` really prints: `./dev picture`."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 100


def main() -> None:
    ours, theirs = pty.openpty()
    command = [Path(sys.executable).with_name("inferspan"), "run", "--no-live", "--"]
    process = subprocess.Popen(
        [*command, "python", "digits_onnx.py", "--rate=200"],
        cwd=ROOT / "examples",
        stderr=theirs,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": str(WIDTH), "TERM": "xterm-256color"},
    )
    os.close(theirs)
    written = bytearray()
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        written += part
    process.wait()
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    console.print(Text("$ inferspan run -- python digits_onnx.py", style="bold"))
    console.print(Text.from_ansi(written.decode().replace("\r\n", "\n").strip("\n")))
    picture = console.export_svg(title="inferspan", unique_id="inferspan")
    # A picture in a README loads nothing: the reader's own monospaced font does.
    picture = re.sub(r"\s*@font-face \{[^}]*\}", "", picture)
    (ROOT / "docs" / "run.svg").write_text(picture)


if __name__ == "__main__":
    main()
