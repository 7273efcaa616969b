"""Requirement files: where they name an original package, and the same text with the drop-in's distribution in its place.

Read are ``requirements*.txt`` and its kin, ``pyproject.toml``, ``setup.cfg`` and conda's ``environment.yml``. They are read line
by line, so that all formatting stays; a line that says more than a requirement is reported and left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from fnmatch import fnmatch

from trivet.migrate.support import Entry, Support, Verdict
from trivet.migrate.uses import Use, use_of

DISTRIBUTION = "trivet"
"""What takes the originals' place."""
_UNCLEAR = Entry(Verdict.UNCLEAR, "the line says more than a requirement", "change it by hand")
_CONDA = Entry(Verdict.UNCLEAR, "it comes from a channel of conda", "put `trivet` under `pip:`")
_NAME = r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)"
_SPECIFIER = r"(?P<rest>\s*(?:\[[^\]]*\])?\s*(?:\(?[=<>!~][^;#\"']*)?)"
_MARKER = r"(?P<marker>\s*;[^#\"]*?)?"
_REQUIREMENT = re.compile(rf"{_NAME}{_SPECIFIER}{_MARKER}(?P<end>\s*(?:\s#.*)?)")
_ANYWHERE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<text>(?:(?!(?P=quote)).)*)(?P=quote)")
_KEY = re.compile(rf"(?P<lead>\s*)[\"']?{_NAME}[\"']?\s*=\s*(?P<value>[\"'][^\"']*[\"'])(?P<end>\s*(?:#.*)?)")
_SECTION = re.compile(r"\s*\[+\s*(?P<name>[^\]]+?)\s*\]+\s*(?:#.*)?")
_ITEM = re.compile(r"(?P<lead>\s*-\s+)(?P<quote>[\"']?)(?P<text>[^\"'#]+?)(?P=quote)(?P<end>\s*(?:#.*)?)")


class Fate(Enum):
    """What becomes of a requirement when the file is changed."""

    REPLACED = auto()
    JOINED = auto()
    """It stays, and the drop-in's distribution comes beside it."""
    KEPT = auto()


@dataclass(frozen=True, slots=True)
class _Found:
    """A requirement in a line."""

    name: str
    start: int
    entry: Entry
    replaced: Callable[[Fate], str]
    """The line as it becomes; empty where nothing of it is left."""


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
    known = _distributions(supports)
    return [
        use_of(file, (number, found.start + 1), known[found.name][0].package, found.name, found.entry)
        for number, _, found in _requirements(text, file, known)
        if found is not None
    ]


def changed(text: str, file: str, supports: Sequence[Support], fates: Mapping[str, Fate]) -> str:
    """A file with the requirements of some packages changed.

    Args:
        text: the file.
        file: its path.
        supports: the tables of the drop-in modules.
        fates: what becomes of each package, by what people call it.
    """
    known = _distributions(supports)
    requirements = list(_requirements(text, file, known))
    is_there = any(found is None and _has(line) for _, line, found in requirements)
    lines = []
    for _, line, found in requirements:
        fate = Fate.KEPT if found is None else fates.get(known[found.name][0].package, Fate.KEPT)
        if found is None or fate is Fate.KEPT or not found.entry.verdict.is_good or (is_there and fate is Fate.JOINED):
            lines.append(line)
            continue
        ending = line[len(line.rstrip("\r\n")) :]
        body = found.replaced(fate)
        if is_there and _is_alone(body):
            continue  # it is required already
        is_there = True
        lines.append(body.replace("\n", ending or "\n") + ending)
    return "".join(lines)


def _has(line: str) -> bool:
    return any(_normal(word) == DISTRIBUTION for word in _ANYWHERE.findall(line.partition("#")[0]))


def _is_alone(line: str) -> bool:
    """Whether a line requires the drop-in's distribution and nothing else, so that it may go where that stands already."""
    return re.fullmatch(rf"[\s\-\"']*{DISTRIBUTION}[\s\"',]*(?:=\s*\"\*\")?\s*", line) is not None


def _distributions(supports: Sequence[Support]) -> dict[str, tuple[Support, Entry]]:
    return {_normal(name): (support, entry) for support in supports for name, entry in support.distributions.items()}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(
    text: str, file: str, known: Mapping[str, tuple[Support, Entry]]
) -> Iterator[tuple[int, str, _Found | None]]:
    name = file.lower().rpartition("/")[2]
    lines = text.splitlines(keepends=True)
    look = _in_toml if name == "pyproject.toml" else _in_yaml if name.startswith("environment.") else _in_lines
    if name == "setup.cfg":
        look = _in_configuration
    for number, (line, found) in enumerate(look(lines, known), 1):
        yield number, line, found


def _in_lines(lines: Sequence[str], known: Mapping[str, tuple[Support, Entry]]) -> Iterator[tuple[str, _Found | None]]:
    for line in lines:
        yield line, _whole(line.rstrip("\r\n"), known)


def _in_configuration(
    lines: Sequence[str], known: Mapping[str, tuple[Support, Entry]]
) -> Iterator[tuple[str, _Found | None]]:
    section = ""
    for line in lines:
        heading = _SECTION.fullmatch(line.rstrip("\r\n"))
        if heading is not None:
            section = heading["name"]
        is_list = section in ("options", "options.extras_require") and line[:1] in (" ", "\t")
        yield line, _whole(line.rstrip("\r\n"), known) if is_list else None


def _in_toml(lines: Sequence[str], known: Mapping[str, tuple[Support, Entry]]) -> Iterator[tuple[str, _Found | None]]:
    section, is_list = "", False
    for line in lines:
        body = line.rstrip("\r\n")
        heading = _SECTION.fullmatch(body)
        if heading is not None and not is_list:
            section = heading["name"]
            yield line, None
            continue
        key = body.partition("=")[0].strip(" \"'")
        if not is_list:
            is_list = _lists_requirements(section, key) and "[" in body.partition("=")[2]
        found = None
        if is_list:
            found = _quoted(body, known)
            is_list = not re.search(r"\]\s*(?:#.*)?$", body)
        elif section.startswith("tool.poetry") and section.endswith("dependencies"):
            found = _keyed(body, known)
        yield line, found


def _lists_requirements(section: str, key: str) -> bool:
    return (section == "project" and key == "dependencies") or section in (
        "project.optional-dependencies",
        "dependency-groups",
    )


def _in_yaml(lines: Sequence[str], known: Mapping[str, tuple[Support, Entry]]) -> Iterator[tuple[str, _Found | None]]:
    pip = -1
    for line in lines:
        body = line.rstrip("\r\n")
        depth = len(body) - len(body.lstrip())
        if re.fullmatch(r"\s*-\s+pip:\s*(?:#.*)?", body):
            pip = depth
        elif body.strip() and depth <= pip:
            pip = -1
        item = _ITEM.fullmatch(body)
        found = None
        if item is not None:
            found = _whole(item["text"], known, item["lead"] + item["quote"], item["quote"] + item["end"])
            if found is not None and pip < 0:
                found = _Found(found.name, found.start, _CONDA, found.replaced)
        yield line, found


def _whole(body: str, known: Mapping[str, tuple[Support, Entry]], lead: str = "", tail: str = "") -> _Found | None:
    """The requirement that a line consists of; ``lead`` and ``tail`` stand around it."""
    indent = body[: len(body) - len(body.lstrip())]
    match = _REQUIREMENT.fullmatch(body, len(indent))
    start = len(lead) + len(indent)
    if match is not None:
        name = _normal(match["name"])
        if name not in known:
            return None

        def replaced(fate: Fate) -> str:
            new = f"{DISTRIBUTION}{match['marker'] or ''}{match['end']}"
            old = f"{lead}{body}{tail}\n" if fate is Fate.JOINED else ""
            return f"{old}{lead}{indent}{new}{tail}"

        return _Found(name, start, known[name][1], replaced)
    if body.lstrip().startswith("#"):
        return None
    for word in _ANYWHERE.finditer(body.partition(" #")[0]):
        if _normal(word[0]) in known:
            return _Found(_normal(word[0]), len(lead) + word.start(), _UNCLEAR, lambda _: body)
    return None


def _quoted(body: str, known: Mapping[str, tuple[Support, Entry]]) -> _Found | None:
    """The first requirement in quotes in a line of TOML."""
    for text in _QUOTED.finditer(body):
        match = _REQUIREMENT.fullmatch(text["text"])
        if match is None or _normal(match["name"]) not in known:
            continue
        name, quote = _normal(match["name"]), text["quote"]

        def replaced(fate: Fate) -> str:
            new = f"{quote}{DISTRIBUTION}{match['marker'] or ''}{quote}"
            kept = f"{text[0]}, " if fate is Fate.JOINED else ""
            return f"{body[: text.start()]}{kept}{new}{body[text.end() :]}"

        return _Found(name, text.start("text"), known[name][1], replaced)
    return None


def _keyed(body: str, known: Mapping[str, tuple[Support, Entry]]) -> _Found | None:
    """The requirement that a line of Poetry's table is."""
    match = _KEY.fullmatch(body)
    if match is None or _normal(match["name"]) not in known:
        word = _normal(body.partition("=")[0].strip(" \"'"))
        return _Found(word, 0, _UNCLEAR, lambda _: body) if word in known else None
    name = _normal(match["name"])

    def replaced(fate: Fate) -> str:
        kept = f"{body}\n" if fate is Fate.JOINED else ""
        return f'{kept}{match["lead"]}{DISTRIBUTION} = "*"{match["end"]}'

    return _Found(name, match.start("name"), known[name][1], replaced)
