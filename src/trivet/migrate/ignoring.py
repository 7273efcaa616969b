"""What a repository's ``.gitignore`` files leave out: read here, so that nothing has to be started for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trivet.migrate import texts

FILE = ".gitignore"


@dataclass(frozen=True, slots=True)
class _Pattern:
    expression: re.Pattern[str]
    is_ignored: bool
    is_folder_only: bool


@dataclass(frozen=True, slots=True)
class Ignores:
    """The patterns of one file, which hold for its folder and all below.

    Attributes:
        folder: where the file stands.
        patterns: its lines, in their order; the last that fits decides.
    """

    folder: Path
    patterns: tuple[_Pattern, ...]

    def decide(self, path: Path, *, is_folder: bool) -> bool | None:
        """Whether a path is left out, or None where no line fits it."""
        name = path.relative_to(self.folder).as_posix()
        for pattern in reversed(self.patterns):
            if (is_folder or not pattern.is_folder_only) and pattern.expression.fullmatch(name):
                return pattern.is_ignored
        return None


def is_ignored(path: Path, chain: Sequence[Ignores], *, is_folder: bool) -> bool:
    """Whether a path is left out.

    Args:
        path: what is asked about; the folders above it are not left out.
        chain: the files that hold for it, the nearest last.
        is_folder: whether it is a folder.
    """
    for ignores in reversed(chain):
        decided = ignores.decide(path, is_folder=is_folder)
        if decided is not None:
            return decided
    return False


def above(folder: Path) -> tuple[Ignores, ...]:
    """What holds in a folder from the folders above it, up to the top of its repository; nothing outside of one."""
    found: list[Ignores] = []
    if (folder / ".git").exists():
        return ()
    for parent in folder.parents:
        found += of(parent)
        if (parent / ".git").exists():
            return tuple(reversed(found))
    return ()


def of(folder: Path) -> tuple[Ignores, ...]:
    """What the file in a folder says, if there is one that can be read."""
    try:
        content = texts.plain((folder / FILE).read_bytes()).content
    except (OSError, ValueError):
        return ()
    return (parse(content, folder),)


def parse(content: str, folder: Path) -> Ignores:
    """The patterns of a text.

    Args:
        content: one pattern on each line.
        folder: where it holds.
    """
    patterns: list[_Pattern] = []
    for line in content.splitlines():
        text = re.sub(r"(?<!\\)\s+$", "", line)
        if not text or text.startswith("#"):
            continue
        is_kept = text.startswith("!")
        text = text[1:] if is_kept else text
        bare = text.rstrip("/")
        expression = _expression(bare)
        if expression is not None:
            patterns.append(_Pattern(expression, not is_kept, text.endswith("/")))
    return Ignores(folder, tuple(patterns))


_PARTS = re.compile(r"\*\*/|/\*\*$|\*+|\?|\[[!^]?\]?[^\]]*\]|\\.|.", re.DOTALL)


def _expression(pattern: str) -> re.Pattern[str] | None:
    """A pattern as a regular expression; None for what is no pattern."""
    is_anchored = "/" in pattern
    pattern = pattern.removeprefix("/")
    said = "" if is_anchored else "(?:.*/)?"
    for part in _PARTS.findall(pattern):
        if part == "**/":
            said += "(?:.*/)?"
        elif part == "/**":
            said += "/.*"
        elif part.startswith("*"):
            said += "[^/]*"
        elif part == "?":
            said += "[^/]"
        elif len(part) > 1 and part.startswith("["):
            said += "[" + re.sub(r"^!", "^", part[1:-1]).replace("[", r"\[") + "]"
        else:
            said += re.escape(part[-1])
    try:
        return re.compile(said, re.DOTALL)
    except re.error:
        return None
