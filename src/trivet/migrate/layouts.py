"""Where requirements stand in files that are lists or tables of them, line by line, so that all formatting stays.

A line that names an original and says more than a requirement, such as an address or a hash, is found as unclear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from trivet.migrate.lines import DISTRIBUTION, QUOTED, UNCLEAR, Found, Known, Line, keyed, normal, quoted, whole
from trivet.migrate.support import Entry, Verdict

_CONDA = Entry(Verdict.UNCLEAR, "it comes from a channel of conda", f"put `{DISTRIBUTION}` under `pip:`")
_SECTION = re.compile(r"\s*\[+\s*(?P<name>[^\]]+?)\s*\]+\s*(?:#.*)?")
_OPTION = re.compile(r"(?P<lead>(?P<key>[\w-]+)\s*[=:]\s*)(?P<value>.*)")
_ITEM = re.compile(r"(?P<lead>\s*-\s+)(?P<quote>[\"']?)(?P<text>[^\"'#]+?)(?P=quote)(?P<end>\s*(?:#.*)?)")
CONFIGURED = frozenset({"install_requires", "setup_requires", "tests_require", "extras_require"})

"""What `setup` and `setup.cfg` call their lists."""


def in_list(lines: Sequence[str], known: Known) -> Iterator[Line]:
    """One requirement on each line, as in ``requirements.txt``."""
    return ((line, whole(line.rstrip("\r\n"), known)) for line in lines)


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
            (section == "options" and key in CONFIGURED)
            or (section == "options.extras_require" and key != "")
            or (section.startswith("testenv") and key == "deps")
        )
        if not is_list or heading:
            found: list[Found] = []
        elif option:
            found = whole(option["value"], known, option["lead"]) if option["value"] else []
        else:
            found = whole(body, known)
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
            yield line, [Found(last, body.index("["), UNCLEAR)] if is_own else []
            continue
        if depth <= 0:
            key, _, value = body.partition("=")
            group = f"{section}.{key.strip()}"
            is_list = _is_list(section, key.strip(" \"'")) and value.lstrip().startswith(("[", "{"))
            bare = QUOTED.sub("", value)
        else:
            is_list, bare = True, QUOTED.sub("", body)
        if is_list:
            depth += sum(map(bare.count, "[{")) - sum(map(bare.count, "]}"))
            yield line, [replace(each, group=group) for each in quoted(body, known)]
        elif _is_table(section):
            found = keyed(body, known)
            is_source = section.endswith("sources")
            yield line, [replace(each, group=section, entry=UNCLEAR if is_source else each.entry) for each in found]
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
        found = whole(item["text"], known, item["lead"] + item["quote"], item["quote"] + item["end"])
        yield line, found if pip >= 0 else [replace(each, entry=_CONDA) for each in found]
