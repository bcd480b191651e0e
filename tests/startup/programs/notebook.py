# SPDX-License-Identifier: Apache-2.0
"""Runs the cells of its arguments in a real kernel, and prints what they show."""

from __future__ import annotations

import sys

import nbformat
from nbclient import NotebookClient

notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sys.argv[1:]])
NotebookClient(notebook, timeout=120).execute()
for cell in notebook.cells:
    for output in cell.outputs:
        print((output.get("text") or output["data"]["text/plain"]).rstrip())
