"""Files as texts that become the same bytes again: encodings, marks at their head, and places in them."""

from __future__ import annotations

import codecs
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_COOKIE = re.compile(rb"#.*coding[:=]\s*([-\w.]+)")
_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of a text, from `start` to before `end`, and what comes in its place."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class Text:
    """The content of a file, and how it becomes bytes.

    Attributes:
        content: its characters, line endings as they are.
        encoding: what they are encoded by.
        mark: the bytes before them that name the encoding.
    """

    content: str
    encoding: str = "utf-8"
    mark: bytes = b""

    def encoded(self, content: str) -> bytes:
        """Another content, as bytes of the same kind."""
        return self.mark + content.encode(self.encoding)


class Places:
    """Where the lines and columns that a syntax tree names stand in a text.

    Args:
        content: the text that the tree is of.
    """

    def __init__(self, content: str) -> None:
        self._content = content
        self._starts = [0, *(newline.end() for newline in _NEWLINE.finditer(content))]

    def offset(self, line: int, column: int) -> int:
        """A place in the text.

        Args:
            line: from 1.
            column: from 0, in bytes of UTF-8, as `ast` counts.
        """
        start = self._starts[line - 1]
        before = self._content[start : start + column]
        if before.isascii():
            return start + column
        end = self._starts[line] if line < len(self._starts) else len(self._content)
        return start + len(self._content[start:end].encode()[:column].decode())

    def line(self, offset: int) -> int:
        """The line, from 1, that a place is in."""
        return bisect_right(self._starts, offset)

    def start(self, line: int) -> int:
        """Where a line, from 1, begins."""
        return self._starts[line - 1]


def program(data: bytes) -> Text:
    """A program, in the encoding that it says it has.

    Raises:
        SyntaxError: it names an encoding that does not exist.
        ValueError: it does not have the encoding that it says, or one that can't be written back as it was.
    """
    encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
    if encoding == "utf-8-sig":
        return _same(data, "utf-8", codecs.BOM_UTF8)
    return _same(data, encoding, b"")


def plain(data: bytes) -> Text:
    """Any other file: by the mark or the comment at its head, as UTF-8, or byte by byte, as names are ASCII in all of them.

    Raises:
        ValueError: it does not have the encoding that it says.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _same(data, encoding, mark)
    for line in data.split(b"\n", 2)[:2]:
        cookie = _COOKIE.match(line)
        if cookie is not None:
            try:
                return _same(data, codecs.lookup(cookie[1].decode()).name, b"")
            except LookupError:
                break
    try:
        return _same(data, "utf-8", b"")
    except UnicodeDecodeError:
        return _same(data, "latin-1", b"")


def edited(content: str, edits: Iterable[Edit]) -> str:
    """A text with parts of it replaced; no two of them overlap."""
    parts: list[str] = []
    end = 0
    for edit in sorted(edits, key=lambda each: (each.start, each.end)):
        parts += (content[end : edit.start], edit.new)
        end = edit.end
    return "".join((*parts, content[end:]))


def _same(data: bytes, encoding: str, mark: bytes) -> Text:
    text = Text(data[len(mark) :].decode(encoding), encoding, mark)
    if text.encoded(text.content) != data:
        raise ValueError(f"it could not be written back as it was, in the encoding {encoding}")
    return text
