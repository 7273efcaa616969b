"""Requirements in scripts: what commands install, what `setup.py` gives to `setup`, and the block at the head of a script."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from trivet.migrate.layouts import CONFIGURED, in_toml
from trivet.migrate.lines import REQUIREMENT, Found, Known, Line, normal, quoted, unclear
from trivet.migrate.texts import Places

_INSTALL = re.compile(
    r"(?<![\w-])(?:pip[\d.]*(?:\s+-\S+)*\s+install|(?:uv|poetry|pdm|rye)(?:\s+-\S+)*\s+add|pipenv\s+install)(?![\w-])"
)
_SHELL_WORD = re.compile(r"(?P<quote>[\"']?)(?P<text>[^\s\"';&|]+)(?P=quote)|(?P<end>[;&|]+)")


def in_shell(lines: Sequence[str], known: Known) -> Iterator[Line]:
    """Commands that install, as in a ``Dockerfile``, a shell's script, or a notebook."""
    is_open, command = False, 0
    for line in lines:
        body = line.rstrip("\r\n")
        if body.lstrip().startswith("#"):
            yield line, []  # also amid a command that goes on
            continue
        found: list[Found] = []
        at = 0
        while True:
            if not is_open:
                install = _INSTALL.search(body, at)
                if install is None:
                    break
                at, is_open, command = install.end(), True, command + 1
            at, is_ended = _words(body, at, known, f"{command}", found)
            if not is_ended:
                is_open = body.endswith("\\")
                break
            is_open = False
        yield line, found


def _words(body: str, at: int, known: Known, group: str, found: list[Found]) -> tuple[int, bool]:
    """Adds what a command installs from a place on; gives where it ends, and whether it does so before the line."""
    for word in _SHELL_WORD.finditer(body, at):
        if word["end"]:
            return word.end(), True
        if word["text"].startswith("#"):
            break
        match = REQUIREMENT.fullmatch(word["text"])
        name = normal(match["name"]) if match else ""
        if name in known:
            quote = word["quote"]
            new = f"{quote}{known.new}{match['marker'] or ''}{quote}" if match else ""
            dropped = (word.start() - len(body[: word.start()]) + len(body[: word.start()].rstrip()), word.end())
            found.append(
                Found(name, word.start("text"), known[name], word.span(), f"{word[0]} {new}", new, dropped, group)
            )
        elif match is None:
            found += [replace(each, group=group) for each in unclear(word["text"], known, word.start("text"))]
    return len(body), False


def in_block(lines: Sequence[str], known: Known) -> Iterator[Line]:
    """The comment at the head of a script that says what it requires (``# /// script``)."""
    first = next((number for number, line in enumerate(lines) if line.rstrip() == "# /// script"), len(lines))
    ends = (number for number, line in enumerate(lines) if number > first and line.rstrip() == "# ///")
    last = next(ends, first)
    for line in lines[: first + 1]:
        yield line, []
    within = lines[first + 1 : last]
    for line, (_, found) in zip(within, in_toml([line[2:] or line[1:] for line in within], known), strict=True):
        yield line, [_moved(each, 2) for each in found]
    for line in lines[max(last, first + 1) :]:
        yield line, []


def in_setup(lines: Sequence[str], known: Known) -> Iterator[Line]:
    """The lists that ``setup.py`` gives to ``setup``, there or by a name.

    Raises:
        SyntaxError: it is no Python.
    """
    content = "".join(lines)
    places = Places(content)
    regions = _regions(ast.parse(content), places)
    for number, line in enumerate(lines, 1):
        start = places.start(number)
        found: list[Found] = []
        for each in quoted(line.rstrip("\r\n"), known):
            around = [region for region in regions if region[0] <= start + each.start < region[1]]
            if around:
                found.append(replace(each, group=str(max(around))))  # the innermost list
        yield line, found


def _regions(tree: ast.Module, places: Places) -> list[tuple[int, int]]:
    """Where the lists of requirements stand."""
    given = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    waiting: list[ast.AST] = [
        keyword.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in CONFIGURED
    ]
    regions: list[tuple[int, int]] = []
    while waiting:
        for node in ast.walk(waiting.pop()):
            if isinstance(node, ast.Name) and node.id in given:
                waiting.append(given.pop(node.id))
            elif isinstance(node, (ast.List, ast.Tuple, ast.Set)) or (
                isinstance(node, ast.Constant) and isinstance(node.value, str)
            ):
                start = places.offset(node.lineno, node.col_offset)
                end = places.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
                if isinstance(node, ast.Constant) and any(left <= start < right for left, right in regions):
                    continue
                regions.append((start, end))
    return regions


def _moved(found: Found, by: int) -> Found:
    start, end = found.span
    dropped = None if found.dropped is None else (found.dropped[0] + by, found.dropped[1] + by)
    return replace(found, start=found.start + by, span=(start + by, end + by), dropped=dropped)
