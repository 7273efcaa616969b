"""What can be run in a page of the documentation.

Three kinds of fenced blocks count; all others are only to be read:

- ``python title="hello.py"`` is a file of that name. One titled ``examples/…`` shows a bundled example.
- ``python`` without a title is a program. Behind each ``print`` a comment says what it prints.
- ``console`` has commands behind ``$``, each with its output below it. No output there: any will do. ``...`` stands for any
  lines. ``# exit status 1`` behind a command says how it ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r'^```(?P<language>python|console)(?: title="(?P<title>[^"]+)")?\n(?P<body>.*?)^```$', re.MULTILINE | re.DOTALL
)
_PRINTED = re.compile(r"print\(.*\)  # (.+)$", re.MULTILINE)
_EXIT = re.compile(r"\s+# exit status (\d+)$")
_ANYTHING = "..."


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a console block. ``expected`` are the lines it prints; empty: any."""

    line: str
    expected: tuple[str, ...]
    exit_status: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """One block that can be run, and the line of its page where it begins."""

    language: str
    title: str | None
    body: str
    line: int

    @property
    def printed(self) -> list[str]:
        """What a program prints, by its own comments."""
        return [part for comment in _PRINTED.findall(self.body) for part in comment.split(", then ")]

    @property
    def commands(self) -> list[Command]:
        """The commands of a console block."""
        commands: list[Command] = []
        for chunk in re.split(r"^\$ ", self.body, flags=re.MULTILINE)[1:]:
            line, *expected = chunk.rstrip("\n").split("\n")
            ends = _EXIT.search(line)
            status = int(ends[1]) if ends else 0
            commands.append(Command(_EXIT.sub("", line), tuple(expected), status))
        return commands


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page that can be run, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(match["language"], match["title"], match["body"], text.count("\n", 0, match.start()) + 1)
        for match in _FENCE.finditer(text)
    ]


def agrees(printed: str, expected: tuple[str, ...]) -> bool:
    """Whether the output is what the page shows; ``...`` stands for any lines, also none."""
    pattern = ""
    for line in expected:
        pattern += r"(?:.*\n)*?" if line == _ANYTHING else re.escape(line) + r"\n"
    return re.fullmatch(pattern, printed.rstrip("\n") + "\n") is not None
