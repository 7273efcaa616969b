"""Server-sent events, written as the HTML standard says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.types import Receive, Send

from trivet.platform.wire.presence import until_gone

PING = b": ping\n\n"


def event(name: str, data: bytes, seq: int | None = None) -> bytes:
    """One event. ``data`` may hold line ends of any kind; ``seq`` becomes the id from which a reader can resume."""
    head = f"event: {name}\n" if seq is None else f"event: {name}\nid: {seq}\n"
    if b"\n" not in data and b"\r" not in data:
        return b"%sdata: %s\n\n" % (head.encode(), data)
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"%s%s\n" % (head.encode(), b"".join(b"data: %s\n" % line for line in lines))


async def pump(chunks: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> None:
    """Sends the chunks as the body of an answer whose head has been sent, until they or the reader end.

    A reader that has gone ends the source at its next suspension; a slow one slows the source down.
    """
    sending = asyncio.ensure_future(_send_all(chunks, send))
    leaving = asyncio.ensure_future(until_gone(receive))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        sending.cancel()
        # what went wrong in the source is the caller's to know; that a reader has left is not wrong
        results = await asyncio.gather(sending, leaving, return_exceptions=True)
    if isinstance(results[0], Exception) and not isinstance(results[0], OSError):
        raise results[0]


async def _send_all(chunks: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(chunks):
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
