"""Requirements in a line: where they stand in it, and what the line becomes without them, or with another beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trivet.migrate.support import Entry, Verdict

DISTRIBUTION = "trivet"
"""What takes the originals' place."""
UNCLEAR = Entry(Verdict.UNCLEAR, "the line says more than a requirement", f"put `{DISTRIBUTION}` there by hand")
_NAME = r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)"
_SPECIFIER = r"(?:\s*\[[^\]]*\])?(?:\s*\()?(?:\s*[=<>!~^]{1,3}\s*[\w.*+!-]+(?:\s*,)?)*\)?"
_MARKER = r"(?P<marker>\s*;[^#;]*?(?:[<>=~]|\bin\b)[^#;]*?)?"
REQUIREMENT = re.compile(rf"{_NAME}{_SPECIFIER}{_MARKER}(?P<end>\s*(?:\s#.*)?)")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ARCHIVE = re.compile(r"(?P<name>[A-Za-z0-9_.-]+?)-\d.*\.(?:whl|tar\.gz|zip)")
QUOTED = re.compile(r"#.*|(?P<quote>[\"'])(?P<text>(?:(?!(?P=quote)).)*)(?P=quote)")
_KEY = re.compile(rf"(?P<lead>\s*)[\"']?{_NAME}[\"']?\s*=\s*(?P<value>[\"'][^\"']*[\"'])(?P<end>\s*(?:#.*)?)")


@dataclass(frozen=True, slots=True)
class Known:
    """The distributions that are looked for.

    Attributes:
        entries: what is known of each, by its plain name.
        new: the distribution that comes in their place, or beside them.
    """

    entries: Mapping[str, Entry]
    new: str = DISTRIBUTION

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def __getitem__(self, name: str) -> Entry:
        return self.entries[name]


@dataclass(frozen=True, slots=True)
class Found:
    """A requirement in a line.

    Attributes:
        name: the distribution, in its plain form.
        start: where it begins in the line.
        entry: what is known of it.
        span: the part of the line that is changed with it.
        joined: that part with the drop-in's distribution beside it.
        replaced: that part with the drop-in's distribution in its place.
        dropped: the part that goes where the drop-in's distribution is required already; None for the whole line.
        group: the list that it is in; one list names a distribution once.
    """

    name: str
    start: int
    entry: Entry
    span: tuple[int, int] = (0, 0)
    joined: str = ""
    replaced: str = ""
    dropped: tuple[int, int] | None = None
    group: str = ""


Line = tuple[str, list[Found]]
"""A line with its ending, and the requirements in it."""


def normal(name: str) -> str:
    """The plain form of a distribution's name, which is the same for all ways of writing it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def lines_of(text: str) -> list[str]:
    """The lines of a text, each with its ending; control characters end none."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def whole(body: str, known: Known, lead: str = "", tail: str = "") -> list[Found]:
    """The requirement that a line consists of; ``lead`` and ``tail`` stand around it."""
    indent = body[: len(body) - len(body.lstrip())]
    match = REQUIREMENT.fullmatch(body, len(indent))
    if match is not None and normal(match["name"]) in known:
        name = normal(match["name"])
        old = f"{lead}{body}{tail}"
        new = f"{lead}{indent}{known.new}{match['marker'] or ''}"
        beside = f"{new}{tail}" if not lead.strip() or lead.lstrip().startswith("-") else f"    {new[len(lead) :]}"
        joined, replaced = f"{old}\n{beside}", f"{new}{match['end']}{tail}"  # a comment is the original's
        return [Found(name, len(lead) + len(indent), known[name], (0, len(old)), joined, replaced)]
    if match is not None and _ARCHIVE.fullmatch(body.strip()) is None:
        return []
    return unclear("" if body.lstrip().startswith("#") else body.partition(" #")[0], known, len(lead))


def unclear(text: str, known: Known, at: int) -> list[Found]:
    """The first original that a text names, whatever else it says."""
    for word in _WORD.finditer(text):
        archive = _ARCHIVE.fullmatch(word[0])
        name = normal(archive["name"] if archive else word[0].removesuffix(".git"))
        if name in known:
            return [Found(name, at + word.start(), UNCLEAR)]
    return []


def quoted(body: str, known: Known) -> list[Found]:
    """The requirements in quotes in a line, up to a comment."""
    found: list[Found] = []
    for text in QUOTED.finditer(body):
        if text["quote"] is None:
            break
        match = REQUIREMENT.fullmatch(text["text"])
        if match is None or normal(match["name"]) not in known:
            if match is None and not re.search(r"\s", text["text"].partition("@")[0].strip()):
                found += unclear(text["text"], known, text.start("text"))
            continue
        name, quote = normal(match["name"]), text["quote"]
        new = f"{quote}{known.new}{match['marker'] or ''}{quote}"
        behind = re.match(r"\s*,\s*", body[text.end() :])
        before = re.search(r",\s*$", body[: text.start()])
        dropped = (
            (text.start(), text.end() + behind.end())
            if behind
            else (before.start() if before else text.start(), text.end())
        )
        found.append(Found(name, text.start("text"), known[name], text.span(), f"{text[0]}, {new}", new, dropped))
    return found


def keyed(body: str, known: Known) -> list[Found]:
    """The requirement that a line of a table is."""
    match = _KEY.fullmatch(body)
    if match is None:
        word = normal(body.partition("=")[0].strip(" \"'"))
        return [Found(word, 0, UNCLEAR)] if word in known else []
    name = normal(match["name"])
    if name not in known:
        return []
    new = f'{match["lead"]}{known.new} = "*"'
    return [Found(name, match.start("name"), known[name], (0, len(body)), f"{body}\n{new}", new + match["end"])]
