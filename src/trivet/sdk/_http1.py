"""Answers as HTTP/1.1 writes them: from bytes, in whatever pieces they come, to a `Response`; no I/O of its own."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import NamedTuple

from trivet.sdk._http import LARGEST_ANSWER, Response, too_large

LARGEST_HEAD = 65_536
"""Bytes of an answer's head, or of one line of its body's frame, that are read."""
_BODILESS = frozenset({204, 304})

Receive = Callable[[], bytes]
"""Gives the next bytes; empty at the end of the connection."""


class Answer(NamedTuple):
    """One answer, and whether another may come over the same connection."""

    response: Response
    goes_on: bool


def read_answer(receive: Receive, method: str, largest: int = LARGEST_ANSWER) -> Answer:
    """The next answer.

    Args:
        receive: where it comes from.
        method: the verb of the request that it answers.
        largest: how many bytes its body may have; where it says that it has more, none of them is read.

    Raises:
        TransportError: it has more.
        ValueError: what comes is no answer.
        ConnectionError: it ends amid the answer.
    """
    frame = _Frame(receive)
    while True:
        version, status, headers = _head(frame.until(b"\r\n\r\n"))
        if status >= 200:  # what comes before is a word in between
            break
    goes_on = version == "HTTP/1.1" and "close" not in headers.get("connection", "").lower()
    if method == "HEAD" or status in _BODILESS:
        body = b""
    elif "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked":
            raise ValueError(f"the answer is encoded as {headers['transfer-encoding'][:80]!r}")
        body = _chunks(frame, largest)
    elif "content-length" in headers:
        size = _length(headers["content-length"], 10)
        if size > largest:
            raise too_large(size, largest)
        body = frame.exactly(size)
    else:
        body, goes_on = frame.rest(largest), False
    return Answer(Response(status, headers, body), goes_on and not frame.data)


class _Frame:
    """What has come and was not read yet, and more where that is not enough."""

    __slots__ = ("_receive", "data")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.data = b""

    def until(self, mark: bytes) -> bytes:
        """The bytes before the next ``mark``, which is passed over."""
        while (end := self.data.find(mark)) < 0:
            if len(self.data) > LARGEST_HEAD:
                raise ValueError(f"the head of the answer has more than {LARGEST_HEAD} bytes")
            self.data += self._more()
        found, self.data = self.data[:end], self.data[end + len(mark) :]
        return found

    def exactly(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        if len(self.data) < size:
            gathered = io.BytesIO()  # what is joined would lie in memory twice, parts and whole
            missing = size - gathered.write(self.data)
            while missing > 0:
                missing -= gathered.write(self._more())
            self.data = gathered.getvalue()
        found, self.data = self.data[:size], self.data[size:]
        return found

    def rest(self, largest: int) -> bytes:
        """All that comes up to the end of the connection, of which there may be so many bytes."""
        gathered = io.BytesIO()
        left = largest - gathered.write(self.data)
        while left >= 0 and (part := self._receive()):
            left -= gathered.write(part)
        if left < 0:
            raise too_large(None, largest)
        self.data = b""
        return gathered.getvalue()

    def _more(self) -> bytes:
        data = self._receive()
        if not data:
            raise ConnectionResetError("connection closed before message completed")
        return data


def _head(data: bytes) -> tuple[str, int, dict[str, str]]:
    first, *lines = data.decode("latin-1").split("\r\n")
    version, _, said = first.partition(" ")
    if version not in {"HTTP/1.1", "HTTP/1.0"} or not (said[:3].isdecimal() and said[3:4] in {"", " "}):
        raise ValueError(f"what answers does not speak HTTP: {first[:80]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ValueError(f"a header of the answer can't be read: {line[:80]!r}")
        headers[name.lower()] = value.strip()
    return version, int(said[:3]), headers


def _chunks(frame: _Frame, largest: int) -> bytes:
    gathered = io.BytesIO()
    left = largest
    while size := _length(frame.until(b"\r\n").partition(b";")[0].decode("latin-1").strip(), 16):
        left -= size
        if left < 0:
            raise too_large(None, largest)
        gathered.write(frame.exactly(size))
        if frame.until(b"\r\n"):
            raise ValueError("a chunk of the answer is longer than it says")
    while frame.until(b"\r\n"):
        """Trailers say nothing that a client needs."""
    return gathered.getvalue()


def _length(text: str, base: int) -> int:
    if not (text.isascii() and text.isalnum()):  # `int` would take signs, spaces and underscores
        raise ValueError(f"a length in the answer can't be read: {text[:80]!r}")
    return int(text, base)
