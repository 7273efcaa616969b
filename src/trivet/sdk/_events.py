"""Server-sent events, parsed as the bytes come; no I/O. The rules are those of the HTML standard's event streams."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from trivet.sdk._http import LARGEST_ANSWER, TransportError


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its name (``message`` where none was given), its data, and the id that it carried (None: none)."""

    name: str
    data: str
    id: str | None = None


class EventParser:
    """Takes chunks of a stream as they come, cut anywhere, and gives the events that are whole.

    An event is whole at the blank line behind it: what a broken connection leaves unfinished is never given out.

    Args:
        largest: how many characters one event may have; a stream has no end, and only this keeps it from filling the memory.
    """

    def __init__(self, largest: int = LARGEST_ANSWER) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._largest = largest
        self._rest = ""
        self._line: list[str] = []
        """What has come of the line that is not whole yet; it is not looked through again."""
        self._fresh = True
        self._name = ""
        self._data: list[str] = []
        self._id: str | None = None
        self._size = 0
        """Characters that are kept of the event that is not whole yet."""

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """The events that ``chunk`` completes.

        Raises:
            TransportError: one is larger than events may be; the stream is of no use any more.
        """
        text = self._rest + self._decoder.decode(chunk)
        if self._fresh and text:
            text, self._fresh = text.removeprefix("\ufeff"), False
        start = 0
        while (line_end := _line_end(text, start)) is not None:
            end, following = line_end
            event = self._ended(text[start:end])
            start = following
            if event is not None:
                # Kept current before each event leaves: the caller may stop listening at any of them.
                self._rest = text[start:]
                yield event
        # A carriage return waits here for the line feed that may follow.
        self._rest = "\r" if text.endswith("\r", start) else ""
        unfinished = text[start:].removesuffix("\r")
        if unfinished:
            self._line.append(unfinished)
            self._keep(len(unfinished))

    def _ended(self, text: str) -> ServerEvent | None:
        """What the line gives that ends with ``text``."""
        if self._line:
            self._line.append(text)
            text = "".join(self._line)
            self._size -= sum(map(len, self._line[:-1]))
            self._line.clear()
        return self._take(text)

    def _take(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._keep(len(line))
            self._data.append(value)
        elif field == "id" and "\0" not in value:
            self._id = value
        return None  # a comment (the server's ping), `retry`, or a field that nobody knows

    def _keep(self, characters: int) -> None:
        self._size += characters
        if self._size > self._largest:
            raise TransportError(f"an event has more than {self._largest} characters", sent=True, limit=self._largest)

    def _dispatch(self) -> ServerEvent | None:
        name, data, event_id = self._name, self._data, self._id
        self._name, self._data, self._id, self._size = "", [], None, 0
        if not data:
            return None
        return ServerEvent(name or "message", "\n".join(data), event_id)


def _line_end(text: str, start: int) -> tuple[int, int] | None:
    """Where the line that begins at ``start`` ends and the next begins; None where its end has not come yet."""
    newline, cr = text.find("\n", start), text.find("\r", start)
    if cr == -1 or -1 < newline < cr:
        return None if newline == -1 else (newline, newline + 1)
    if cr + 1 == len(text):
        return None  # a line feed may follow in the next chunk
    return cr, cr + (2 if text[cr + 1] == "\n" else 1)
