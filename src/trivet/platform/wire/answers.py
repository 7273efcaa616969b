"""Answers: the few ASGI messages that every edge sends."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Message, Send

from trivet._version import __version__

Header = tuple[bytes, bytes]

CONTENT_TYPE = b"content-type"
CONTENT_LENGTH = b"content-length"
JSON_TYPE: Header = (CONTENT_TYPE, b"application/json")
TEXT_TYPE: Header = (CONTENT_TYPE, b"text/plain; charset=utf-8")
HTML_TYPE: Header = (CONTENT_TYPE, b"text/html; charset=utf-8")
EVENTS_TYPE: Header = (CONTENT_TYPE, b"text/event-stream")
TRIVET: Header = (b"trivet-version", __version__.encode())
"""By this the drop-in modules know that they may ask a dialect to hold a question, which its original would not do."""
NO_SNIFFING: Header = (b"x-content-type-options", b"nosniff")
NO_STORING: Header = (b"cache-control", b"no-store")
NO_SCRIPTS: Header = (b"content-security-policy", b"sandbox; default-src 'none'")
"""For bytes that a handler or a caller made: whatever they are, a browser must run nothing in them."""


class Spelled(bytes):
    """A header's name that keeps its capitals on the wire: some clients look for ``Location`` and for nothing else.

    uvicorn writes what `lower` gives of a name, and ASGI has no other way to say it.
    """

    def lower(self) -> Spelled:
        """The name itself."""
        return self


async def answer(send: Send, status: int, headers: Iterable[Header], body: bytes = b"") -> None:
    """Sends a whole answer; its length is added to the headers, except where a status has no body."""
    length = () if status in (204, 304) else ((CONTENT_LENGTH, b"%d" % len(body)),)
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})


def marked(send: Send) -> Send:
    """Sends what it is given with `TRIVET` in every head: on a refusal, too, the drop-in modules go by it."""

    async def send_marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: list[Header] = list(message.get("headers", ()))
            if all(name != TRIVET[0] for name, _ in headers):
                message = {**message, "headers": [*headers, TRIVET]}
        await send(message)

    return send_marked


def without_body(send: Send) -> Send:
    """For HEAD: sends the same head, and no body."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
