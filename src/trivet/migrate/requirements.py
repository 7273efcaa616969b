"""Requirement files: where they name an original package, and the same text with the drop-in's distribution in its place.

Read are ``requirements*.txt`` and its kin, ``pyproject.toml``, ``setup.cfg`` and conda's ``environment.yml``. They are read line
by line, so that all formatting stays; a line that says more than a requirement is reported and left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from fnmatch import fnmatch

from trivet.migrate.support import Entry, Support, Verdict
from trivet.migrate.uses import Use, use_of

DISTRIBUTION = "trivet"
"""What takes the originals' place."""
_UNCLEAR = Entry(Verdict.UNCLEAR, "the line says more than a requirement", "change it by hand")
_CONDA = Entry(Verdict.UNCLEAR, "it comes from a channel of conda", "put `trivet` under `pip:`")
_NAME = r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)"
_SPECIFIER = r"(?:\s*\[[^\]]*\])?(?:\s*\()?(?:\s*[=<>!~^]{1,3}\s*[\w.*+!-]+(?:\s*,)?)*\)?"
_MARKER = r"(?P<marker>\s*;[^#]*?)?"
_REQUIREMENT = re.compile(rf"{_NAME}{_SPECIFIER}{_MARKER}(?P<end>\s*(?:\s#.*)?)")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<text>(?:(?!(?P=quote)).)*)(?P=quote)")
_KEY = re.compile(rf"(?P<lead>\s*)[\"']?{_NAME}[\"']?\s*=\s*(?P<value>[\"'][^\"']*[\"'])(?P<end>\s*(?:#.*)?)")
_SECTION = re.compile(r"\s*\[+\s*(?P<name>[^\]]+?)\s*\]+\s*(?:#.*)?")
_ITEM = re.compile(r"(?P<lead>\s*-\s+)(?P<quote>[\"']?)(?P<text>[^\"'#]+?)(?P=quote)(?P<end>\s*(?:#.*)?)")


Known = Mapping[str, Entry]
"""Distributions that are looked for, by their plain names."""


class Fate(Enum):
    """What becomes of a requirement when the file is changed."""

    REPLACED = auto()
    JOINED = auto()
    """It stays, and the drop-in's distribution comes beside it."""
    KEPT = auto()


@dataclass(frozen=True, slots=True)
class _Found:
    """A requirement in a line.

    Attributes:
        name: the distribution, in its plain form.
        start: where it begins in the line.
        entry: what is known of it.
        span: the part of the line that is changed with it.
        joined: that part with the drop-in's distribution beside it.
        replaced: that part with the drop-in's distribution in its place.
        dropped: that part where the drop-in's distribution is required already, with the span that goes with it.
    """

    name: str
    start: int
    entry: Entry
    span: tuple[int, int] = (0, 0)
    joined: str = ""
    replaced: str = ""
    dropped: tuple[int, int] | None = None


Line = tuple[str, list[_Found]]
"""A line with its ending, and the requirements in it."""


def is_requirements(path: str) -> bool:
    """Whether a file is one of these, by its path."""
    folder, _, name = path.lower().rpartition("/")
    return name in {"pyproject.toml", "setup.cfg", "environment.yml", "environment.yaml"} or (
        name.endswith((".txt", ".in"))
        and (fnmatch(name, "*require*") or fnmatch(name, "*constraint*") or folder.endswith("requirements"))
    )


def read(text: str, file: str, supports: Sequence[Support]) -> list[Use]:
    """The requirements of original packages in a file.

    Args:
        text: the file.
        file: its path.
        supports: the tables of the drop-in modules.
    """
    packages, known = _distributions(supports)
    return [
        use_of(file, (number, found.start + 1), packages[found.name], found.name, found.entry)
        for number, (_, all_found) in enumerate(_requirements(text, file, known), 1)
        for found in all_found
    ]


def changed(text: str, file: str, supports: Sequence[Support], fates: Mapping[str, Fate]) -> str:
    """A file with the requirements of some packages changed.

    Args:
        text: the file.
        file: its path.
        supports: the tables of the drop-in modules.
        fates: what becomes of each package, by what people call it.
    """
    packages, known = _distributions(supports)
    is_there = any(found for _, found in _requirements(text, file, {DISTRIBUTION: Entry()}))
    lines = []
    for line, all_found in _requirements(text, file, known):
        body = line.rstrip("\r\n")
        ending = line[len(body) :]
        edits: list[tuple[int, int, str]] = []
        for found in all_found:
            fate = fates.get(packages[found.name], Fate.KEPT) if found.entry.verdict.is_good else Fate.KEPT
            if fate is Fate.REPLACED and is_there:
                start, end = found.dropped or (0, len(body))
                edits.append((start, end, ""))
            elif fate is not Fate.KEPT and not is_there:
                edits.append((*found.span, found.replaced if fate is Fate.REPLACED else found.joined))
                is_there = True
        for start, end, new in reversed(edits):
            body = body[:start] + new.replace("\n", ending or "\n") + body[end:]
        if not edits or body.strip():
            lines.append(body + ending)
    return "".join(lines)


def _distributions(supports: Sequence[Support]) -> tuple[dict[str, str], dict[str, Entry]]:
    """Of each distribution: whose it is, and what is known of it."""
    entries = [(_normal(name), support, entry) for support in supports for name, entry in support.distributions.items()]
    return {name: support.package for name, support, _ in entries}, {name: entry for name, _, entry in entries}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(text: str, file: str, known: Known) -> Iterator[Line]:
    name = file.lower().rpartition("/")[2]
    lines = text.splitlines(keepends=True)
    if name == "pyproject.toml":
        return _in_toml(lines, known)
    if name == "setup.cfg":
        return _in_configuration(lines, known)
    if name.startswith("environment."):
        return _in_yaml(lines, known)
    return ((line, _whole(line.rstrip("\r\n"), known)) for line in lines)


def _in_configuration(lines: Sequence[str], known: Known) -> Iterator[Line]:
    section = ""
    for line in lines:
        heading = _SECTION.fullmatch(line.rstrip("\r\n"))
        if heading is not None:
            section = heading["name"]
        is_list = section in ("options", "options.extras_require") and line[:1] in (" ", "\t")
        yield line, _whole(line.rstrip("\r\n"), known) if is_list else []


def _in_toml(lines: Sequence[str], known: Known) -> Iterator[Line]:
    section, is_list = "", False
    for line in lines:
        body = line.rstrip("\r\n")
        heading = None if is_list else _SECTION.fullmatch(body)
        if heading is not None:
            section = heading["name"]
            yield line, []
            continue
        if not is_list:
            key, _, value = body.partition("=")
            is_list = _lists_requirements(section, key.strip(" \"'")) and value.lstrip().startswith("[")
        if is_list:
            is_list = re.search(r"\]\s*(?:#.*)?$", body) is None
            yield line, _quoted(body, known)
        elif section.startswith("tool.poetry") and section.endswith("dependencies"):
            yield line, _keyed(body, known)
        else:
            yield line, []


def _lists_requirements(section: str, key: str) -> bool:
    return (section == "project" and key == "dependencies") or section in (
        "project.optional-dependencies",
        "dependency-groups",
    )


def _in_yaml(lines: Sequence[str], known: Known) -> Iterator[Line]:
    pip = -1
    for line in lines:
        body = line.rstrip("\r\n")
        depth = len(body) - len(body.lstrip())
        if re.fullmatch(r"\s*-\s+pip:\s*(?:#.*)?", body):
            pip = depth
        elif body.strip() and depth <= pip:
            pip = -1
        item = _ITEM.fullmatch(body)
        if item is None:
            yield line, []
            continue
        found = _whole(item["text"], known, item["lead"] + item["quote"], item["quote"] + item["end"])
        yield line, found if pip >= 0 else [replace(each, entry=_CONDA) for each in found]


def _whole(body: str, known: Known, lead: str = "", tail: str = "") -> list[_Found]:
    """The requirement that a line consists of; ``lead`` and ``tail`` stand around it."""
    indent = body[: len(body) - len(body.lstrip())]
    match = _REQUIREMENT.fullmatch(body, len(indent))
    if match is not None:
        name = _normal(match["name"])
        if name not in known:
            return []
        old = f"{lead}{body}{tail}"
        new = f"{lead}{indent}{DISTRIBUTION}{match['marker'] or ''}"
        joined, replaced = f"{old}\n{new}{tail}", f"{new}{match['end']}{tail}"  # a comment is the original's
        return [_Found(name, len(lead) + len(indent), known[name], (0, len(old)), joined, replaced)]
    for word in _WORD.finditer("" if body.lstrip().startswith("#") else body.partition(" #")[0]):
        if _normal(word[0]) in known:
            return [_Found(_normal(word[0]), len(lead) + word.start(), _UNCLEAR)]
    return []


def _quoted(body: str, known: Known) -> list[_Found]:
    """The requirements in quotes in a line of TOML."""
    found = []
    for text in _QUOTED.finditer(body):
        match = _REQUIREMENT.fullmatch(text["text"])
        if match is None or _normal(match["name"]) not in known:
            continue
        name, quote = _normal(match["name"]), text["quote"]
        new = f"{quote}{DISTRIBUTION}{match['marker'] or ''}{quote}"
        behind = re.match(r"\s*,\s*", body[text.end() :])
        before = re.search(r",\s*$", body[: text.start()])
        dropped = (
            (text.start(), text.end() + behind.end())
            if behind
            else (before.start() if before else text.start(), text.end())
        )
        found.append(_Found(name, text.start("text"), known[name], text.span(), f"{text[0]}, {new}", new, dropped))
    return found


def _keyed(body: str, known: Known) -> list[_Found]:
    """The requirement that a line of Poetry's table is."""
    match = _KEY.fullmatch(body)
    if match is None:
        word = _normal(body.partition("=")[0].strip(" \"'"))
        return [_Found(word, 0, _UNCLEAR)] if word in known else []
    name = _normal(match["name"])
    if name not in known:
        return []
    new = f'{match["lead"]}{DISTRIBUTION} = "*"'
    return [_Found(name, match.start("name"), known[name], (0, len(body)), f"{body}\n{new}", new + match["end"])]
