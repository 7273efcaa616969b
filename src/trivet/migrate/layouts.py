"""Where requirements stand in each kind of file, line by line, so that all formatting stays.

A line that names an original and says more than a requirement, such as an address or a hash, is found as unclear.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trivet.migrate.support import Entry, Verdict
from trivet.migrate.texts import Places

DISTRIBUTION = "trivet"
"""What takes the originals' place."""
_UNCLEAR = Entry(Verdict.UNCLEAR, "the line says more than a requirement", f"put `{DISTRIBUTION}` there by hand")
_CONDA = Entry(Verdict.UNCLEAR, "it comes from a channel of conda", f"put `{DISTRIBUTION}` under `pip:`")
_NAME = r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)"
_SPECIFIER = r"(?:\s*\[[^\]]*\])?(?:\s*\()?(?:\s*[=<>!~^]{1,3}\s*[\w.*+!-]+(?:\s*,)?)*\)?"
_MARKER = r"(?P<marker>\s*;[^#;]*?(?:[<>=~]|\bin\b)[^#;]*?)?"
_REQUIREMENT = re.compile(rf"{_NAME}{_SPECIFIER}{_MARKER}(?P<end>\s*(?:\s#.*)?)")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ARCHIVE = re.compile(r"(?P<name>[A-Za-z0-9_.-]+?)-\d.*\.(?:whl|tar\.gz|zip)")
_QUOTED = re.compile(r"#.*|(?P<quote>[\"'])(?P<text>(?:(?!(?P=quote)).)*)(?P=quote)")
_KEY = re.compile(rf"(?P<lead>\s*)[\"']?{_NAME}[\"']?\s*=\s*(?P<value>[\"'][^\"']*[\"'])(?P<end>\s*(?:#.*)?)")
_SECTION = re.compile(r"\s*\[+\s*(?P<name>[^\]]+?)\s*\]+\s*(?:#.*)?")
_OPTION = re.compile(r"(?P<lead>(?P<key>[\w-]+)\s*[=:]\s*)(?P<value>.*)")
_ITEM = re.compile(r"(?P<lead>\s*-\s+)(?P<quote>[\"']?)(?P<text>[^\"'#]+?)(?P=quote)(?P<end>\s*(?:#.*)?)")
_INSTALL = re.compile(
    r"(?<![\w-])(?:pip[\d.]*(?:\s+-\S+)*\s+install|(?:uv|poetry|pdm|rye)(?:\s+-\S+)*\s+add|pipenv\s+install)(?![\w-])"
)
_SHELL_WORD = re.compile(r"(?P<quote>[\"']?)(?P<text>[^\s\"';&|]+)(?P=quote)|(?P<end>[;&|]+)")
_CONFIGURED = frozenset({"install_requires", "setup_requires", "tests_require", "extras_require"})

Known = Mapping[str, Entry]
"""Distributions that are looked for, by their plain names."""


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


def in_list(lines: Sequence[str], known: Known) -> Iterator[Line]:
    """One requirement on each line, as in ``requirements.txt``."""
    return ((line, _whole(line.rstrip("\r\n"), known)) for line in lines)


def in_configuration(lines: Sequence[str], known: Known) -> Iterator[Line]:
    """``setup.cfg`` and ``tox.ini``."""
    section = key = ""
    for line in lines:
        body = line.rstrip("\r\n")
        heading = _SECTION.fullmatch(body)
        if heading is not None:
            section, key = heading["name"], ""
        option = None if body[:1] in (" ", "\t") or heading else _OPTION.fullmatch(body)
        key = option["key"] if option else key
        is_list = (
            (section == "options" and key in _CONFIGURED)
            or (section == "options.extras_require" and key != "")
            or (section.startswith("testenv") and key == "deps")
        )
        if not is_list or heading:
            found: list[Found] = []
        elif option:
            found = _whole(option["value"], known, option["lead"]) if option["value"] else []
        else:
            found = _whole(body, known)
        yield line, [replace(each, group=f"{section}.{key}") for each in found]


def in_toml(lines: Sequence[str], known: Known, section: str = "") -> Iterator[Line]:
    """``pyproject.toml`` with the tables of the tools that have their own, and ``Pipfile``."""
    depth, group = 0, ""
    for line in lines:
        body = line.rstrip("\r\n")
        heading = _SECTION.fullmatch(body) if depth <= 0 else None
        if heading is not None:
            section = heading["name"]
            last = normal(section.rpartition(".")[2].strip("\"' "))
            is_own = _is_table(section.rpartition(".")[0]) and last in known
            yield line, [Found(last, body.index("["), _UNCLEAR)] if is_own else []
            continue
        if depth <= 0:
            key, _, value = body.partition("=")
            group = f"{section}.{key.strip()}"
            is_list = _is_list(section, key.strip(" \"'")) and value.lstrip().startswith(("[", "{"))
            bare = _QUOTED.sub("", value)
        else:
            is_list, bare = True, _QUOTED.sub("", body)
        if is_list:
            depth += sum(map(bare.count, "[{")) - sum(map(bare.count, "]}"))
            yield line, [replace(each, group=group) for each in _quoted(body, known)]
        elif _is_table(section):
            found = _keyed(body, known)
            is_source = section.endswith("sources")
            yield line, [replace(each, group=section, entry=_UNCLEAR if is_source else each.entry) for each in found]
        else:
            yield line, []


def _is_list(section: str, key: str) -> bool:
    return (
        (section in ("project", "") and (key == "dependencies" or key.startswith("optional-dependencies")))
        or section in ("project.optional-dependencies", "dependency-groups", "tool.pdm.dev-dependencies")
        or (section == "build-system" and key == "requires")
        or (section.startswith("tool.") and not section.startswith("tool.poetry") and key.endswith("dependencies"))
    )


def _is_table(section: str) -> bool:
    """Whether the keys of a table are distributions."""
    return (
        (section.startswith("tool.poetry") and section.endswith("dependencies"))
        or section in ("packages", "dev-packages")
        or section == "tool.uv.sources"
    )


def in_yaml(lines: Sequence[str], known: Known) -> Iterator[Line]:
    """Conda's ``environment.yml``."""
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
        match = _REQUIREMENT.fullmatch(word["text"])
        name = normal(match["name"]) if match else ""
        if name in known:
            quote = word["quote"]
            new = f"{quote}{DISTRIBUTION}{match['marker'] or ''}{quote}" if match else ""
            dropped = (word.start() - len(body[: word.start()]) + len(body[: word.start()].rstrip()), word.end())
            found.append(
                Found(name, word.start("text"), known[name], word.span(), f"{word[0]} {new}", new, dropped, group)
            )
        elif match is None:
            found += [replace(each, group=group) for each in _unclear(word["text"], known, word.start("text"))]
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
        found = []
        for each in _quoted(line.rstrip("\r\n"), known):
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
        if keyword.arg in _CONFIGURED
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


def _whole(body: str, known: Known, lead: str = "", tail: str = "") -> list[Found]:
    """The requirement that a line consists of; ``lead`` and ``tail`` stand around it."""
    indent = body[: len(body) - len(body.lstrip())]
    match = _REQUIREMENT.fullmatch(body, len(indent))
    if match is not None and normal(match["name"]) in known:
        name = normal(match["name"])
        old = f"{lead}{body}{tail}"
        new = f"{lead}{indent}{DISTRIBUTION}{match['marker'] or ''}"
        beside = f"{new}{tail}" if not lead.strip() or lead.lstrip().startswith("-") else f"    {new[len(lead) :]}"
        joined, replaced = f"{old}\n{beside}", f"{new}{match['end']}{tail}"  # a comment is the original's
        return [Found(name, len(lead) + len(indent), known[name], (0, len(old)), joined, replaced)]
    if match is not None and _ARCHIVE.fullmatch(body.strip()) is None:
        return []
    return _unclear("" if body.lstrip().startswith("#") else body.partition(" #")[0], known, len(lead))


def _unclear(text: str, known: Known, at: int) -> list[Found]:
    """The first original that a text names, whatever else it says."""
    for word in _WORD.finditer(text):
        archive = _ARCHIVE.fullmatch(word[0])
        name = normal(archive["name"] if archive else word[0].removesuffix(".git"))
        if name in known:
            return [Found(name, at + word.start(), _UNCLEAR)]
    return []


def _quoted(body: str, known: Known) -> list[Found]:
    """The requirements in quotes in a line, up to a comment."""
    found = []
    for text in _QUOTED.finditer(body):
        if text["quote"] is None:
            break
        match = _REQUIREMENT.fullmatch(text["text"])
        if match is None or normal(match["name"]) not in known:
            if match is None and not re.search(r"\s", text["text"].partition("@")[0].strip()):
                found += _unclear(text["text"], known, text.start("text"))
            continue
        name, quote = normal(match["name"]), text["quote"]
        new = f"{quote}{DISTRIBUTION}{match['marker'] or ''}{quote}"
        behind = re.match(r"\s*,\s*", body[text.end() :])
        before = re.search(r",\s*$", body[: text.start()])
        dropped = (
            (text.start(), text.end() + behind.end())
            if behind
            else (before.start() if before else text.start(), text.end())
        )
        found.append(Found(name, text.start("text"), known[name], text.span(), f"{text[0]}, {new}", new, dropped))
    return found


def _keyed(body: str, known: Known) -> list[Found]:
    """The requirement that a line of a table is."""
    match = _KEY.fullmatch(body)
    if match is None:
        word = normal(body.partition("=")[0].strip(" \"'"))
        return [Found(word, 0, _UNCLEAR)] if word in known else []
    name = normal(match["name"])
    if name not in known:
        return []
    new = f'{match["lead"]}{DISTRIBUTION} = "*"'
    return [Found(name, match.start("name"), known[name], (0, len(body)), f"{body}\n{new}", new + match["end"])]
