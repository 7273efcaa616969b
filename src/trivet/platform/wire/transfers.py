"""Files on their way: from a socket to whoever stores them, and back. None is ever held whole."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import BinaryIO

from starlette.types import Receive, Scope, Send

from trivet.platform.core.data import File
from trivet.platform.core.errors import BadRequest, TooLarge
from trivet.platform.services.files import Files
from trivet.platform.wire import sse
from trivet.platform.wire.answers import CONTENT_LENGTH, Header
from trivet.platform.wire.bodies import ClientGone
from trivet.platform.wire.ranges import Selection

logger = logging.getLogger(__name__)

ZERO_COPY = "http.response.zerocopysend"
"""The extension of ASGI by which a server sends an open file, and the message that asks for it."""

Content = BinaryIO | AsyncGenerator[bytes, None]
"""What is sent: an open file, which the server sends by itself, or the chosen bytes piece by piece."""


async def pieces_of(receive: Receive, announced: int | None, most: int) -> AsyncGenerator[bytes, None]:
    """The body of a request as it comes, to its very end or to an error.

    Whoever stores it must keep nothing of a body that ended with an error.

    Args:
        receive: where it comes from. It raises where the sender goes silent.
        announced: its length as the request says, in bytes; None where it does not.
        most: the most bytes that will be stored: a body that announces more is not read. Whoever stores it counts what comes.

    Raises:
        ClientGone: the client has left before the end.
        TooLarge: more than ``most`` bytes are announced.
        BadRequest: more or fewer bytes than were announced came.
    """
    if announced is not None and announced > most:
        raise TooLarge(f"{announced:,} bytes are announced, and {most:,} are taken.", limit=most)
    size, more = 0, True
    while more:
        message = await receive()
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


async def opened(files: Files, file: File, selection: Selection, scope: Scope) -> Content:
    """The chosen part of a file, once it is open: what can go wrong with that is raised here, where it can still be an answer of
    its own. Whoever asks hands it to `send_file`.

    Args:
        files: who has it.
        file: as `Files.stat` has found it.
        selection: which part.
        scope: of the request: it tells whether the server sends files by itself.

    Raises:
        NotFound, Unavailable: it can't be read.
    """
    if ZERO_COPY in (scope.get("extensions") or ()):
        content = await files.open(file)
        if content is not None:
            return content
    pieces = files.read(file, selection.start, selection.end)
    return _following(await anext(pieces, b""), pieces)


async def send_file(
    content: Content | None,
    selection: Selection,
    headers: Iterable[Header],
    receive: Receive,
    send: Send,
) -> None:
    """Answers with (a part of) a file, until it or its reader ends, and closes it.

    Args:
        content: as `opened` gives it; None for a HEAD, which is told about it.
        selection: which part it is.
        headers: those of the answer, without its length.
        receive: tells when the reader has left.
        send: where the answer goes.
    """
    length = (CONTENT_LENGTH, b"%d" % selection.size)
    try:
        await send({"type": "http.response.start", "status": selection.status.value, "headers": [*headers, length]})
        if content is None:
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            if isinstance(content, AsyncGenerator):
                await sse.pump(content, receive, send)
            else:
                part = {"file": content, "offset": selection.start, "count": selection.size}
                await send({"type": ZERO_COPY, **part})
        except Exception:
            # the answer has begun: all that is left is to end it short, which its length shows to the reader
            logger.exception("a file could not be read to its end")
    finally:
        if isinstance(content, AsyncGenerator):
            await content.aclose()
        elif content is not None:
            content.close()


async def _following(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    try:
        if first:
            yield first
        async for piece in rest:
            yield piece
    finally:
        if isinstance(rest, AsyncGenerator):  # at once where the reader leaves, so that no file stays open
            await rest.aclose()
