"""Downloads of any size: piece by piece, taken up again where a connection breaks, and whole or not there at all."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import BinaryIO, Literal

from trivet.sdk import _answers
from trivet.sdk._async.concurrency import offload
from trivet.sdk._async.session import AsyncSession
from trivet.sdk._http import Request, TransportError

Told = Callable[[int, int | None], object]
"""Is told how many bytes have gone over, and how many there are (None where nobody knows)."""


async def pieces(
    session: AsyncSession,
    build: Callable[[int, str | None], Request],
    *,
    start: int = 0,
    on_progress: Told | None = None,
) -> AsyncGenerator[bytes, None]:
    """What a request answers with, piece by piece.

    Args:
        session: the way to the server.
        build: makes the request for all from a byte on, of the version with this ``ETag`` where one is given.
        start: the byte to begin with.
        on_progress: called with the bytes that have come and the size.

    Raises:
        PreconditionFailedError: it was replaced amid a reading that had to be taken up again.
        TrivetError: an answer is not a good one, or none came.
    """
    place, version = start, None
    repetition = 0
    breaking: float | None = None
    while True:
        request = build(place, version)
        stream = await session.download(request)
        before = place
        try:
            version = stream.headers.get("etag")
            end = _answers.end_of_file(stream.headers)
            while chunk := await stream.read():
                place += len(chunk)
                if on_progress is not None:
                    on_progress(place, end)
                yield chunk
            if end is None or place >= end:
                return
            broken = TransportError("it was closed before the file's end", sent=True)
        except TransportError as failure:
            broken = failure
        finally:
            await stream.close()
        broke = time.monotonic()
        if place != before:
            repetition, breaking = 0, None
        breaking = broke if breaking is None else breaking
        # A silence counts as a break here: asking for the rest of a file is always safe.
        again = TransportError(broken.detail, sent=True)
        delay = session.retry_delay(request, again, repetition, out=broke - breaking)
        if delay is None:
            raise session.error(request, broken) from broken
        repetition += 1
        await session.pause(delay)


async def save(content: AsyncGenerator[bytes, None], path: Path) -> None:
    """Writes a local file, which is there once it is whole, and not before.

    Args:
        content: its pieces; closed at the end.
        path: the file; replaced where it is there.

    Raises:
        OSError: it can't be written.
    """
    unfinished = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        with await offload(open_file, unfinished, "xb") as file:
            async for piece in content:
                await offload(file.write, piece)
        await offload(unfinished.replace, path)
    finally:
        await content.aclose()
        await offload(_forget, unfinished)


def open_file(path: Path, mode: Literal["rb", "xb"]) -> BinaryIO:
    """Opens a local file."""
    return path.open(mode)


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
