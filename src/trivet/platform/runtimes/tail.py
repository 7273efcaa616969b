"""The last lines of what a worker writes: bounded, whatever it writes."""

from __future__ import annotations

from collections import deque

MOST_LINES = 200
LONGEST_LINE = 4096
MOST_BYTES = 64 * 1024


class Tail:
    """Takes bytes as they come and keeps the last lines of them."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._size = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Adds what was read and returns the lines that it completed."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            complete.append(self._rest)
            self._rest = b""
        lines = [line[:LONGEST_LINE].decode("utf-8", "replace").rstrip("\r") for line in complete]
        for line in lines:
            self._keep(line)
        return lines

    def end(self) -> list[str]:
        """Takes a last line that has no end."""
        return self.feed(b"\n") if self._rest else []

    def _keep(self, line: str) -> None:
        if len(self._lines) == MOST_LINES:
            self._size -= len(self._lines[0])
        self._lines.append(line)
        self._size += len(line)
        while self._size > MOST_BYTES:
            self._size -= len(self._lines.popleft())

    @property
    def lines(self) -> tuple[str, ...]:
        """The last lines, oldest first."""
        return tuple(self._lines)
