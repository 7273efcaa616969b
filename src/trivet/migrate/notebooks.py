"""Notebooks: the code of their cells is read like a program, cell after cell; they are never changed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from trivet.migrate import reading
from trivet.migrate.support import Support
from trivet.migrate.uses import Use

_PYTHON_CELLS = frozenset({"%%time", "%%timeit", "%%capture", "%%prun"})
"""Commands at the head of a cell that leave Python below them; below all others is another language, or a file."""
_ASSIGNED = re.compile(r"^(\s*[\w.,\s]+=\s*)(?:!|%(?=[a-zA-Z])).*")
"""A command whose output a name is given."""


def read(text: str, file: str, supports: Sequence[Support]) -> list[Use]:
    """The uses in a notebook, each with its cell and the line in it.

    Args:
        text: the notebook's file.
        file: its name, for the report.
        supports: the tables of the drop-in modules.

    Raises:
        ValueError: it is no notebook.
        SyntaxError: a cell is no Python.
    """
    lines: list[str] = []
    places: list[tuple[int, int]] = []  # of each line: its cell, and the line in it
    for number, cell in enumerate(_cells(json.loads(text)), 1):
        if cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        code = "".join(source) if isinstance(source, list) else str(source)
        command = code.lstrip().partition("\n")[0].split()
        if command and command[0].startswith("%%") and command[0] not in _PYTHON_CELLS:
            continue
        for line, content in enumerate(code.splitlines(), 1):
            lines.append(_plain(content))
            places.append((number, line))
    uses = reading.read("\n".join(lines) + "\n", file, supports)
    return [replace(use, cell=places[use.line - 1][0], line=places[use.line - 1][1]) for use in uses]


def _cells(document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        raise TypeError("a notebook is an object")
    cells = document.get("cells", [])
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise ValueError("its cells are no list of objects")
    return cells


def _plain(line: str) -> str:
    """A line as Python: commands of the notebook itself become nothing."""
    stripped = line.lstrip()
    is_command = stripped.startswith(("%", "!", "?")) or stripped.endswith("?")
    return f"{line[: len(line) - len(stripped)]}pass" if is_command else _ASSIGNED.sub(r"\1None", line)
