"""Notebooks: the code of their cells is read and changed like a program, cell after cell; all else stays, byte by byte."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from trivet.migrate import reading, requirements, texts, writing
from trivet.migrate.lines import lines_of
from trivet.migrate.support import Support
from trivet.migrate.uses import Use
from trivet.sdk._json import JsonObject, parse

_PYTHON_CELLS = frozenset({"%%time", "%%timeit", "%%capture", "%%prun"})
"""Commands at the head of a cell that leave Python below them; below all others is another language, or a file."""
_SHELL_CELLS = frozenset({"%%bash", "%%sh", "%%!"})
_ASSIGNED = re.compile(r"^(\s*[\w.,\s]+=\s*)(?:!|%(?=[a-zA-Z])).*")
"""A command whose output a name is given."""


@dataclass(frozen=True, slots=True)
class _Notebook:
    """A notebook as two texts of the same lines: its code as Python, and its commands.

    Attributes:
        document: the whole.
        code: the lines of the cells, commands made nothing.
        commands: the lines that are commands, all others empty.
        places: of each line, its cell, and the line in it.
    """

    document: JsonObject
    code: tuple[str, ...]
    commands: tuple[str, ...]
    places: tuple[tuple[int, int], ...]

    @property
    def program(self) -> str:
        """Its code, as one program."""
        return "".join(f"{line}\n" for line in self.code)

    @property
    def script(self) -> str:
        """Its commands, as one script."""
        return "".join(f"{line}\n" for line in self.commands)


def read(text: str, file: str, supports: Sequence[Support]) -> list[Use]:
    """The uses in a notebook, each with its cell and the line in it.

    Args:
        text: the notebook's file.
        file: its name, for the report.
        supports: the tables of the drop-in modules.

    Raises:
        TypeError: it is no notebook.
        ValueError: it is no notebook.
        SyntaxError: a cell is no Python.
    """
    notebook = _parsed(text)
    try:
        uses = reading.read(notebook.program, file, supports)
    except SyntaxError as error:
        cell, line = notebook.places[(error.lineno or 1) - 1] if notebook.places else (1, 1)
        raise SyntaxError(f"cell {cell}, line {line}: {error.msg}") from error
    uses += requirements.read(notebook.script, file, supports)
    uses = [replace(use, cell=notebook.places[use.line - 1][0], line=notebook.places[use.line - 1][1]) for use in uses]
    return sorted(uses, key=lambda use: (use.cell or 0, use.line, use.column, use.name))


def changed(text: str, moving: Sequence[Support], requirement: Callable[[str], str] = lambda script: script) -> str:
    """A notebook with the imports and the requirements of some packages changed.

    Args:
        text: the notebook's file.
        moving: the tables of the drop-in modules whose imports are changed.
        requirement: gives the notebook's commands as they are to be.

    Raises:
        TypeError: it is no notebook.
        ValueError: it can't be changed without changing how the file is laid out.
        SyntaxError: a cell is no Python.
    """
    notebook = _parsed(text)
    written = _layout(notebook.document, text)
    program = lines_of(texts.edited(notebook.program, writing.edits(notebook.program, moving)))
    script = lines_of(requirement(notebook.script))
    if not len(program) == len(script) == len(notebook.places):
        raise ValueError("an import in it goes over several lines")
    new: dict[int, list[str]] = {}
    for (place, _), code, command, is_command in zip(
        notebook.places, program, script, map(bool, notebook.commands), strict=True
    ):
        new.setdefault(place, []).append((command if is_command else code)[:-1])
    for number, cell in enumerate(_cells(notebook.document), 1):
        if number in new:
            _put(cell, new[number])
    return written(notebook.document)


def _parsed(text: str) -> _Notebook:
    code: list[str] = []
    commands: list[str] = []
    places: list[tuple[int, int]] = []
    document = parse(text)
    if not isinstance(document, dict):
        raise TypeError("a notebook is an object")
    for number, cell in enumerate(_cells(document), 1):
        if cell.get("cell_type") != "code":
            continue
        lines = _source(cell)
        head = next((line.split() for line in lines if line.strip()), [""])[0]
        is_other = head.startswith("%%") and head not in _PYTHON_CELLS
        if is_other and head not in _SHELL_CELLS:
            continue
        for line, content in enumerate(lines, 1):
            plain = "pass" if is_other else _plain(content.rstrip("\r\n"))
            code.append(plain)
            commands.append(content.rstrip("\r\n") if is_other or plain != content.rstrip("\r\n") else "")
            places.append((number, line))
    return _Notebook(document, tuple(code), tuple(commands), tuple(places))


def _cells(document: JsonObject) -> list[JsonObject]:
    cells = document.get("cells", [])
    found = [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []
    if not isinstance(cells, list) or len(found) != len(cells):
        raise ValueError("its cells are no list of objects")
    return found


def _source(cell: JsonObject) -> list[str]:
    source = cell.get("source", "")
    return lines_of("".join(map(str, source)) if isinstance(source, list) else str(source))


def _put(cell: JsonObject, new: Sequence[str]) -> None:
    """Gives a cell the lines that it is to have; its line endings and its form stay."""
    before = _source(cell)
    lines = [line + old[len(old.rstrip("\r\n")) :] for line, old in zip(new, before, strict=True)]
    if lines != before:
        source = cell["source"]
        if isinstance(source, list) and source != before:
            raise ValueError("the lines of a cell are not kept one by one")
        cell["source"] = [*lines] if isinstance(source, list) else "".join(lines)


def _layout(document: JsonObject, text: str) -> Callable[[JsonObject], str]:
    """What writes a document as this one is written."""
    newline = "\r\n" if "\r\n" in text else "\n"

    def writer(indent: int | str | None, is_ascii: bool, end: str) -> Callable[[JsonObject], str]:
        return lambda value: (
            json.dumps(value, indent=indent, ensure_ascii=is_ascii).replace("\n", newline) + end.replace("\n", newline)
        )

    for indent, is_ascii, end in product((1, 2, 4, "\t", None), (False, True), ("\n", "")):
        written = writer(indent, is_ascii, end)
        if written(document) == text:
            return written
    raise ValueError("it is not laid out as notebooks are; save it once with Jupyter")


def _plain(line: str) -> str:
    """A line as Python: commands of the notebook itself become nothing."""
    stripped = line.lstrip()
    is_command = stripped.startswith(("%", "!", "?")) or (stripped.endswith("?") and "#" not in stripped)
    return f"{line[: len(line) - len(stripped)]}pass" if is_command else _ASSIGNED.sub(r"\1None", line)
