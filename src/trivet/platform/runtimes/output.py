"""What a worker writes by itself: read as it comes, cut into lines, and only the last of it kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

LONGEST_LINE = 4096
"""Bytes of a line that are kept."""
MOST_LINES = 200
MOST_BYTES = 64 * 1024


class Tail:
    """The last lines of a stream, bounded in lines and bytes, however much is fed.

    Args:
        on_line: told every line as it is complete.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._lines: deque[str] = deque()
        self._size = 0
        self._rest = b""

    @property
    def lines(self) -> tuple[str, ...]:
        """The last lines, oldest first; one that is not complete yet included."""
        return (*self._lines, _text(self._rest)) if self._rest else tuple(self._lines)

    def feed(self, data: bytes) -> None:
        """Adds what was read."""
        *whole, rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._add(line)
        # A line that never ends is cut here, so that it takes no more room than any other.
        self._rest = rest[:LONGEST_LINE]

    def close(self) -> None:
        """After the stream's end: what stands without a line's end is a line too."""
        if self._rest:
            self._add(self._rest)
            self._rest = b""

    def _add(self, line: bytes) -> None:
        text = _text(line)
        self._lines.append(text)
        self._size += len(text)
        while len(self._lines) > MOST_LINES or self._size > MOST_BYTES:
            self._size -= len(self._lines.popleft())
        self._on_line(text)


def _text(line: bytes) -> str:
    return line[:LONGEST_LINE].decode("utf-8", "replace").rstrip()
