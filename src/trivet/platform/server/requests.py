"""Reading the head of a request with the parser that uvicorn reads it with, to the same effect."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

import httptools

from trivet.platform.wire.hot import Head

END_OF_HEAD = b"\r\n\r\n"
_SPECIAL = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
"""What makes a request more than a head and so many bytes."""


class PlainRequest(NamedTuple):
    """A request whose body, if any, is as many bytes as its head says. ``length``: of the body, in bytes."""

    head: Head
    length: int


def read_plain(data: bytes) -> PlainRequest | None:
    """The request whose head is ``data``; None where it is no plain one, or none at all.

    Plain is HTTP/1.1 on a connection that stays open, without anything that changes how its body travels. What is odd in any
    way is not plain, so that nobody can read it differently from how the parser behind would.

    Args:
        data: the head, up to and with the empty line at its end.
    """
    collected = _Collector()
    parser = httptools.HttpRequestParser(collected)
    collected.parser = parser
    try:
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    if not collected.is_plain:
        return None
    headers = collected.headers
    names = [name for name, _ in headers]
    lengths = [value for name, value in headers if name == b"content-length"]
    if not _SPECIAL.isdisjoint(names) or len(lengths) > 1 or (lengths and not lengths[0].isdigit()):
        return None
    try:
        url = httptools.parse_url(collected.url)
        path = url.path.decode("ascii")
    except (httptools.HttpParserInvalidURLError, AttributeError, UnicodeDecodeError):
        return None
    head = Head(
        parser.get_method().decode("ascii"),
        unquote(path) if "%" in path else path,
        url.path,
        url.query or b"",
        tuple(headers),
    )
    return PlainRequest(head, int(lengths[0]) if lengths else 0)


class _Collector:
    """Listens to the parser. The head must be one message's and end with it, or a body or another message would be told."""

    def __init__(self) -> None:
        self.parser: httptools.HttpRequestParser | None = None
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_plain = False
        self._messages = 0

    def on_message_begin(self) -> None:
        self._messages += 1
        self.is_plain = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser = self.parser
        self.is_plain = (
            parser is not None
            and self._messages == 1
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
        )

    def on_body(self, body: bytes) -> None:
        self.is_plain = False
