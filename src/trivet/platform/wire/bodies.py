"""Bodies: read from ASGI within a limit, whatever the request says about their length."""

from __future__ import annotations

import asyncio
import errno
import hashlib
from pathlib import Path
from typing import BinaryIO

from starlette.types import Message, Receive

from trivet.platform.core.errors import BadRequest, StorageFull, TooLarge

_PART = 1 << 20


class ClientGone(Exception):
    """The client has left before its request was whole: there is nobody to answer."""


async def read_body(receive: Receive, limit: int, announced: int | None = None) -> bytes:
    """The whole body.

    Args:
        receive: where it comes from.
        limit: the most bytes that are taken.
        announced: its length as the request says; one over the limit is refused before anything is read.

    Raises:
        TooLarge: more than ``limit`` bytes were announced, or came.
        ClientGone: the client has left.
    """
    if announced is not None and announced > limit:
        raise too_large(limit, announced)
    message = await receive()
    if message["type"] != "http.request":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > limit:
            raise too_large(limit)
        return body
    parts, size = [body], len(body)
    while True:
        if size > limit:
            raise too_large(limit)
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        body = message.get("body", b"")
        parts.append(body)
        size += len(body)
        if not message.get("more_body", False):
            if size > limit:
                raise too_large(limit)
            return b"".join(parts)


async def save_body(receive: Receive, path: Path, limit: int, announced: int | None = None) -> str:
    """Writes the whole body to a new file; returns its SHA-256 in hex. Where anything goes wrong, no file is left.

    Args:
        receive: where it comes from.
        path: the file.
        limit: the most bytes that are taken.
        announced: its length as the request says.

    Raises:
        TooLarge: more than ``limit`` bytes were announced, or came.
        StorageFull: the disk is full.
        ClientGone: the client has left.
    """
    if announced is not None and announced > limit:
        raise too_large(limit, announced)
    digest = hashlib.sha256()
    try:
        with await asyncio.to_thread(path.open, "xb") as file:
            size, waiting, more = 0, bytearray(), True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientGone
                waiting += message.get("body", b"")
                more = message.get("more_body", False)
                if size + len(waiting) > limit:
                    raise too_large(limit)
                if len(waiting) >= _PART or not more:
                    part, waiting = bytes(waiting), bytearray()
                    size += len(part)
                    await asyncio.to_thread(_write, file, digest, part)
    except BaseException as error:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull from error
        raise
    return digest.hexdigest()


async def split_body(receive: Receive, size: int) -> tuple[bytes, Receive]:
    """The first bytes of a body, and where the rest of it comes from.

    Args:
        receive: where it comes from.
        size: how many bytes.

    Raises:
        BadRequest: the body is shorter.
        ClientGone: the client has left.
    """
    head, more = bytearray(), True
    while more and len(head) < size:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        head += message.get("body", b"")
        more = message.get("more_body", False)
    if len(head) < size:
        raise BadRequest(f"The body ends after {len(head)} bytes; its first part alone was to have {size}.")
    begun: list[Message] = [{"type": "http.request", "body": bytes(head[size:]), "more_body": more}]

    async def rest() -> Message:
        return begun.pop() if begun else await receive()

    return bytes(head[:size]), rest


def too_large(limit: int, size: int | None = None) -> TooLarge:
    """The refusal of a body over ``limit`` bytes; ``size`` is its length where that is known."""
    what = f"The body of {size:,} bytes" if size is not None else "The body"
    return TooLarge(
        f"{what} is over the limit of {limit:,} bytes.",
        limit=limit,
        hint="Send less, or ask the operator to raise the limit (TRIVET_MAX_INPUT, TRIVET_MAX_UPLOAD).",
    )


def _write(file: BinaryIO, digest: hashlib._Hash, part: bytes) -> None:
    digest.update(part)
    file.write(part)
    file.flush()
