"""Imports of Python changed to the drop-in modules, with all formatting and comments as they were.

A syntax tree says where the import statements stand; in them, the characters of a module's name are replaced, and nothing else of
the file is touched. Afterwards the file is parsed again, and its imports are held against what they were to become.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from trivet.migrate import texts
from trivet.migrate.support import Support
from trivet.migrate.texts import Edit, Places

_BLANK = r"(?:[ \t\f]|\\(?:\r\n|\r|\n))"
_DOTTED = re.compile(rf"[^\W\d]\w*(?:{_BLANK}*\.{_BLANK}*[^\W\d]\w*)*")
_FROM = re.compile(rf"from{_BLANK}+")
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")


class NotReadable(Exception):
    """A file can't be changed, as it can't be read."""


def changed(source: bytes, supports: Sequence[Support]) -> bytes:
    """A program with the imports of the packages in ``supports`` changed.

    An import that nothing takes the place of stays as it is. Whoever calls this has seen to it that all uses are supported.

    Args:
        source: the program, in whatever encoding it says that it has.
        supports: the drop-in modules that are to take their originals' places.

    Raises:
        NotReadable: it is no Python.
    """
    try:
        text = texts.program(source)
        return text.encoded(texts.edited(text.content, edits(text.content, supports)))
    except (SyntaxError, ValueError) as error:
        raise NotReadable(str(error)) from error


def edits(content: str, supports: Sequence[Support]) -> list[Edit]:
    """What is to be changed in a program's text.

    Args:
        content: the program.
        supports: the drop-in modules that are to take their originals' places.

    Raises:
        SyntaxError: it is no Python.
        ValueError: its imports can't be changed alone.
    """
    modules = {name: ours for support in supports for name, ours in support.modules.items()}
    places = Places(content)
    found: list[Edit] = []
    expected: list[object] = []
    for node in _imports(ast.parse(content).body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                new = _imported(alias, modules)
                if new is not None:
                    found.append(_edit(content, places.offset(alias.lineno, alias.col_offset), alias.name, new))
            expected.append([_bound(alias, modules) for alias in node.names])
        else:
            module = "" if node.level else node.module or ""
            if module in modules:
                word = _FROM.match(content, places.offset(node.lineno, node.col_offset))
                if word is None:
                    raise ValueError(f"line {node.lineno}: the import is not written as others are")
                found.append(_edit(content, word.end(), module, modules[module]))
            expected.append((modules.get(module, node.module), node.level, [alias.name for alias in node.names]))
    if found and _told(texts.edited(content, found)) != expected:
        raise ValueError("its imports can't be changed alone")
    return found


def _imports(body: Sequence[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements in a block and in all blocks below; none stands in an expression."""
    for statement in body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement
            continue
        for name in _BLOCKS:
            within = getattr(statement, name, None)
            if within:
                yield from _imports(within)


def _imported(alias: ast.alias, modules: Mapping[str, str]) -> str | None:
    """What is imported in the place of a module, or None where it stays."""
    if alias.name not in modules:
        return None
    if alias.asname is not None:
        return modules[alias.name]
    root = alias.name.partition(".")[0]  # what `import a.b` binds
    return f"{modules[root]} as {root}"


def _bound(alias: ast.alias, modules: Mapping[str, str]) -> tuple[str, str | None]:
    """A module and the name that it is given, as they are to become."""
    new = _imported(alias, modules)
    if new is None or alias.asname is not None:
        return new or alias.name, alias.asname
    module, _, name = new.partition(" as ")
    return module, name


def _told(content: str) -> list[object]:
    """The imports of a program."""
    return [
        [(alias.name, alias.asname) for alias in node.names]
        if isinstance(node, ast.Import)
        else (node.module, node.level, [alias.name for alias in node.names])
        for node in _imports(ast.parse(content).body)
    ]


def _edit(content: str, start: int, name: str, new: str) -> Edit:
    match = _DOTTED.match(content, start)
    if match is None or re.sub(_BLANK, "", match[0]) != name:
        raise ValueError(f"the import of {name} is not written as others are")
    return Edit(start, match.end(), new)
