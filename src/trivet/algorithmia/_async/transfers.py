"""Files of any size: piece by piece, and begun anew where a connection breaks."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from trivet.algorithmia import _refusals, _requests
from trivet.algorithmia._async.conversation import AsyncConversation
from trivet.algorithmia.errors import InputError
from trivet.sdk._async.concurrency import offload, sleep
from trivet.sdk._http import Response, TransportError
from trivet.sdk.errors import TrivetError

PIECE = 1 << 20
"""Bytes that are read from a local file at once."""


async def download(client: AsyncConversation, url: str, place: str) -> str:
    """Downloads a file to a temporary one, which is whole; returns its path.

    Raises:
        DataApiError: it can't be had.
        ApiError: no answer came, or not all of it.
        OSError: the temporary file can't be written.
    """
    path = await offload(_temporary)
    try:
        with await offload(_writable, path) as file:
            found = await _fetch(client, url, file)
        if found.status != 200:
            raise _refusals.missing(place, found)
    except BaseException:
        await offload(_forget, path)
        raise
    return str(path)


async def read(client: AsyncConversation, url: str, place: str) -> Response:
    """A file, whole, as an answer.

    Raises:
        DataApiError: it can't be had.
        ApiError: no answer came, or not all of it.
    """
    found = await whole(client, url)
    if found.status != 200:
        raise _refusals.missing(place, found)
    return found


async def whole(client: AsyncConversation, url: str) -> Response:
    """The answer to a question for a file, whatever its status. A file is as large as it is: there is no bound on it.

    Raises:
        ApiError: no answer came, or not all of it.
    """
    content = BytesIO()
    found = await _fetch(client, url, content)
    return found._replace(body=content.getvalue()) if found.status == 200 else found


async def _fetch(client: AsyncConversation, url: str, into: BinaryIO) -> Response:
    """Writes a file's content; of an answer that is no good one, all is returned, and nothing written."""
    request = _requests.get(url)
    repetition = 0
    while True:
        answer = await client.open(request)
        if isinstance(answer, Response):
            return answer
        try:
            while piece := await answer.read():
                if isinstance(into, BytesIO):
                    into.write(piece)
                else:
                    await offload(into.write, piece)
            return Response(answer.status, dict(answer.headers))
        except TransportError as failure:
            # A silence counts as a break here: asking for a file again is always safe.
            again = TransportError(failure.detail, sent=True)
            delay = client.retry_delay(request, again, repetition)
            if delay is None:
                raise client.no_answer(failure) from failure
        except TrivetError as error:  # the client was closed amid it
            raise _refusals.of_client(error) from None
        finally:
            await answer.close()
        await sleep(delay)
        repetition += 1
        into.seek(0)
        into.truncate()


class AsyncLocalPieces:
    """A local file piece by piece, as long as it was when its length was told; from its beginning as often as it is read."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        given = 0
        with await offload(_readable, self._path) as file:
            while piece := await offload(file.read, PIECE):
                given += len(piece)
                if given > self._size:
                    break
                yield piece  # nobody comes back for what is behind the last byte
        if given != self._size:
            raise InputError(
                f"{self._path} has changed while it was uploaded; nothing was stored.",
                hint="Upload it when nobody writes to it.",
            )


async def upload(client: AsyncConversation, url: str, path: Path) -> Response:
    """Uploads a local file, and returns the answer.

    Raises:
        OSError: the local file can't be read.
        ApiError: no answer came.
    """
    size = (await offload(path.stat)).st_size
    if size == 0:
        await offload(_look, path)
        return await client.send(_requests.put(url, b""))
    return await client.send(_requests.put_pieces(url, AsyncLocalPieces(path, size), size))


def _temporary() -> Path:
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile(delete=False) as file:
        return Path(file.name)


def _writable(path: Path) -> BinaryIO:
    return path.open("wb")


def _readable(path: Path) -> BinaryIO:
    return path.open("rb")


def _look(path: Path) -> None:
    with path.open("rb"):
        """It can be read."""


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
