"""Files that require original packages: where they do, and the same text with the drop-in's distribution in its place.

Read are ``requirements*.txt`` and its kin, ``pyproject.toml``, ``Pipfile``, ``setup.cfg``, ``setup.py``, ``tox.ini``, conda's
``environment.yml``, what a ``Dockerfile`` or a shell's script installs, and the block at the head of a script.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from fnmatch import fnmatch
from functools import cache

from trivet.migrate import layouts, scripts
from trivet.migrate.lines import DISTRIBUTION, Known, Line, lines_of, normal
from trivet.migrate.support import Entry, Support
from trivet.migrate.uses import Use, use_of


class Fate(Enum):
    """What becomes of a requirement when the file is changed."""

    REPLACED = auto()
    JOINED = auto()
    """It stays, and the drop-in's distribution comes beside it."""
    KEPT = auto()


def is_requirements(path: str) -> bool:
    """Whether a file says what is required and nothing else, by its path."""
    folder, _, name = path.lower().rpartition("/")
    return (
        name in {"pyproject.toml", "setup.cfg", "tox.ini", "pipfile"}
        or _is_shell(name)
        or _is_conda(name)
        or (
            name.endswith((".txt", ".in"))
            and (fnmatch(name, "*require*") or fnmatch(name, "*constraint*") or folder.endswith("requirements"))
        )
    )


def names_one(text: str, supports: Sequence[Support]) -> bool:
    """Whether a text may require an original."""
    return _pattern(tuple(sorted(_distributions(supports)[0]))).search(text) is not None


def read(text: str, file: str, supports: Sequence[Support]) -> list[Use]:
    """The requirements of original packages in a file.

    Args:
        text: the file.
        file: its path.
        supports: the tables of the drop-in modules.

    Raises:
        SyntaxError: it is a program, and no Python.
    """
    if not names_one(text, supports):
        return []
    packages, known = _distributions(supports)
    return [
        use_of(file, (number, found.start + 1), packages[found.name], found.name, found.entry, is_requirement=True)
        for number, (_, all_found) in enumerate(_requirements(text, file, Known(known)), 1)
        for found in all_found
    ]


def changed(
    text: str, file: str, supports: Sequence[Support], fates: Mapping[str, Fate], also: Iterable[str] = ()
) -> str:
    """A file with the requirements of some packages changed.

    Args:
        text: the file.
        file: its path.
        supports: the tables of the drop-in modules.
        fates: what becomes of each package, by what people call it.
        also: distributions that the originals brought along and that are needed now; each is put beside the drop-in's where that
            is new, unless the file requires it already.
    """
    packages, known = _distributions(supports)

    def fate(name: str) -> Fate:
        return fates.get(packages[name], Fate.KEPT) if known[name].verdict.is_good else Fate.KEPT

    after = _rewritten(text, file, Known(known), fate)
    if after == text:
        return text
    for name in sorted(also):
        if not any(found for _, found in _requirements(after, file, Known({normal(name): Entry()}))):
            after = _rewritten(after, file, Known({DISTRIBUTION: Entry()}, name), lambda _: Fate.JOINED)
    return after


def _rewritten(text: str, file: str, known: Known, fate_of: Callable[[str], Fate]) -> str:
    there = {
        found.group for _, all_found in _requirements(text, file, Known({known.new: Entry()})) for found in all_found
    }
    lines: list[str] = []
    for line, all_found in _requirements(text, file, known):
        body = line.rstrip("\r\n")
        ending = line[len(body) :]
        edits: list[tuple[int, int, str]] = []
        for found in all_found:
            fate = fate_of(found.name) if found.entry.verdict.is_good else Fate.KEPT
            if fate is Fate.REPLACED and found.group in there:
                start, end = found.dropped or (0, len(body))
                edits.append((start, end, ""))
            elif fate is not Fate.KEPT and found.group not in there:
                edits.append((*found.span, found.replaced if fate is Fate.REPLACED else found.joined))
                there.add(found.group)
        for start, end, new in reversed(edits):
            body = body[:start] + new.replace("\n", ending or "\n") + body[end:]
        if not edits or body.strip():
            lines.append(body + ending)
    return "".join(lines)


def _distributions(supports: Sequence[Support]) -> tuple[dict[str, str], dict[str, Entry]]:
    """Of each distribution: whose it is, and what is known of it."""
    entries = [(normal(name), support, entry) for support in supports for name, entry in support.distributions.items()]
    return {name: support.package for name, support, _ in entries}, {name: entry for name, _, entry in entries}


@cache
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(name.replace("-", "[-_.]+") for name in names), re.IGNORECASE)


def _is_shell(name: str) -> bool:
    return (
        fnmatch(name, "dockerfile*")
        or fnmatch(name, "containerfile*")
        or name.endswith((".dockerfile", ".sh", ".bash"))
        or name == "makefile"
    )


def _is_conda(name: str) -> bool:
    return name.endswith((".yml", ".yaml")) and (
        fnmatch(name, "*environment*") or fnmatch(name, "conda*") or name in ("env.yml", "env.yaml")
    )


def _requirements(text: str, file: str, known: Known) -> Iterator[Line]:
    name = file.lower().rpartition("/")[2]
    lines = lines_of(text)
    if name in ("pyproject.toml", "pipfile"):
        return layouts.in_toml(lines, known)
    if name in ("setup.cfg", "tox.ini"):
        return layouts.in_configuration(lines, known)
    if name == "setup.py":
        return scripts.in_setup(lines, known)
    if name.endswith((".py", ".pyi")):
        return scripts.in_block(lines, known)
    if _is_conda(name):
        return layouts.in_yaml(lines, known)
    if _is_shell(name) or name.endswith(".ipynb"):
        return scripts.in_shell(lines, known)
    return layouts.in_list(lines, known)
