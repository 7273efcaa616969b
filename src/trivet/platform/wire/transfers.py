"""Files on their way: from a socket to whoever stores them, and back, piece by piece. None is ever held whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable

from starlette.types import Receive, Send

from trivet.platform.core.errors import BadRequest, TooLarge
from trivet.platform.wire import sse
from trivet.platform.wire.answers import CONTENT_LENGTH, Header
from trivet.platform.wire.bodies import ClientGone
from trivet.platform.wire.ranges import Selection

logger = logging.getLogger(__name__)

SILENCE = 60.0
"""Seconds without a byte after which an upload is given up."""


async def pieces_of(
    receive: Receive, announced: int | None, most: int, silence: float = SILENCE
) -> AsyncGenerator[bytes, None]:
    """The body of a request as it comes, to its very end or to an error.

    Whoever stores it must keep nothing of a body that ended with an error.

    Args:
        receive: where it comes from.
        announced: its length as the request says, in bytes; None where it does not.
        most: the most bytes that will be stored: a body that announces more is not read. Whoever stores it counts what comes.
        silence: seconds without a byte after which it is given up.

    Raises:
        ClientGone: the client has left before the end.
        TooLarge: more than ``most`` bytes are announced.
        BadRequest: no byte came for too long, or more or fewer than were announced.
    """
    if announced is not None and announced > most:
        raise TooLarge(f"{announced:,} bytes are announced, and {most:,} are taken.", limit=most)
    size, more = 0, True
    while more:
        try:
            async with asyncio.timeout(silence):
                message = await receive()
        except TimeoutError:
            raise BadRequest(
                f"The upload stood still for {silence:g} seconds and was given up after {size:,} bytes; nothing was changed.",
                hint="Send it again, over a connection that does not pause for so long.",
            ) from None
        if message["type"] != "http.request":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if announced is not None and (size > announced or (size < announced and not more)):
            raise BadRequest(
                f"{announced:,} bytes were announced (Content-Length), and not as many came; nothing was changed.",
                hint="Send the length that the body has, or none (`Transfer-Encoding: chunked`).",
            )
        if piece:
            yield piece


async def opened(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The same pieces, once the first of them is there: what can go wrong in the beginning is raised here, where it can still be
    an answer of its own.
    """
    first = await anext(pieces, b"")
    return _following(first, pieces)


async def send_file(
    pieces: AsyncGenerator[bytes, None] | None,
    selection: Selection,
    headers: Iterable[Header],
    receive: Receive,
    send: Send,
) -> None:
    """Answers with (a part of) a file, until it or its reader ends.

    Args:
        pieces: the bytes; None for a HEAD, which is told about them.
        selection: which part it is.
        headers: those of the answer, without its length.
        receive: tells when the reader has left.
        send: where the answer goes.
    """
    length = (CONTENT_LENGTH, b"%d" % selection.size)
    await send({"type": "http.response.start", "status": selection.status.value, "headers": [*headers, length]})
    if pieces is None:
        await send({"type": "http.response.body", "body": b""})
        return
    try:
        await sse.pump(pieces, receive, send)
    except Exception:  # the answer has begun: all that is left is to end it short, which its length shows to the reader
        logger.exception("a file could not be read to its end")


async def _following(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    try:
        if first:
            yield first
        async for piece in rest:
            yield piece
    finally:
        if isinstance(rest, AsyncGenerator):  # at once where the reader leaves, so that no file stays open
            await rest.aclose()
