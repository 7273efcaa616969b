"""One file: read, written and deleted by several verbs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self, TextIO, overload

from trivet.algorithmia import _answers, _refusals, _requests, _words
from trivet.algorithmia._answers import Answer
from trivet.algorithmia._async import transfers
from trivet.algorithmia._async.conversation import AsyncConversation
from trivet.algorithmia._places import path_of
from trivet.algorithmia.data import DataObject, DataObjectType
from trivet.algorithmia.errors import AnswerError, DataApiError
from trivet.algorithmia.util import getParentAndBase
from trivet.sdk._async.concurrency import offload


class AsyncDataFile(DataObject):
    """A file on the server.

    Args:
        client: the way to the server.
        dataUrl: where it lies: ``data://owner/collection/name``, ``s3://bucket/key``.

    Attributes:
        path: where it lies, without ``data://``.
        last_modified: when it was written, in UTC, without a zone; None where nobody has told.
        size: bytes; None where nobody has told.
    """

    def __init__(self, client: AsyncConversation, dataUrl: str) -> None:
        super().__init__(DataObjectType.file)
        self.client = client
        self.path = path_of(dataUrl)
        self.url = f"/v1/data/{self.path}"
        self.last_modified: datetime | None = None
        self.size: int | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Takes what a listing tells about it: ``last_modified`` and ``size``.

        Raises:
            AnswerError: it does not tell them; also a `ValueError`.
        """
        try:
            written = datetime.fromisoformat(attributes["last_modified"])
            # Programs compare it with times without a zone, as the original gives them.
            self.last_modified = written if written.tzinfo is None else written.astimezone(UTC).replace(tzinfo=None)
            self.size = attributes["size"]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise AnswerError(f"The server does not say when {self.path} was written, or its size: {error}.") from None

    def getName(self) -> str:
        """Its name, without where it lies."""
        return getParentAndBase(self.path)[1]

    # -- reading

    async def get(self) -> Answer:
        """The server's answer as it is, with the file's content."""
        return Answer(await transfers.whole(self.client, self.url))

    @overload
    async def getFile(self, as_path: Literal[False] = False) -> TextIO: ...

    @overload
    async def getFile(self, as_path: Literal[True]) -> str: ...

    @overload
    async def getFile(self, as_path: bool) -> TextIO | str: ...

    async def getFile(self, as_path: bool = False) -> TextIO | str:
        """Downloads it to a temporary file, which stays.

        Args:
            as_path: whether its path is wanted, in place of the open file.

        Raises:
            DataApiError: it can't be had.
            ApiError: no answer came, or not all of it.
        """
        path = await transfers.download(self.client, self.url, self.path)
        return path if as_path else await offload(_opened, path)

    async def getAsZip(self) -> str:
        """Downloads an archive (zip) and unpacks it to a temporary folder, which stays.

        Returns:
            The folder; where the archive holds one file, that file.

        Raises:
            DataApiError: it can't be had, is no such archive, or one that holds too much (``.code`` is then ``too_large``):
                more than 1 GiB, and more than 200 times what it has packed.
        """
        packed = await transfers.download(self.client, self.url, self.path)
        try:
            from trivet.algorithmia._archives import unpack

            return await offload(unpack, packed, self.path)
        finally:
            await offload(os.unlink, packed)

    async def getBytes(self) -> bytes:
        """Its content.

        Raises:
            DataApiError: it can't be had.
        """
        return (await transfers.read(self.client, self.url, self.path)).body

    async def getString(self) -> str:
        """Its content as text: in the charset that the server names, else in UTF-8.

        Raises:
            DataApiError: it can't be had.
        """
        return _answers.text(await transfers.read(self.client, self.url, self.path))

    async def getJson(self) -> Any:
        """What its content is as JSON.

        Raises:
            DataApiError: it can't be had.
            AnswerError: it is no JSON; also a `ValueError`.
        """
        return _answers.plain_json(await transfers.read(self.client, self.url, self.path), self.path)

    async def getNumpy(self) -> Any:
        """The array that its content is, as JSON.

        Raises:
            DataApiError: it can't be had, or numpy is not installed.
            AnswerError: it is no JSON; also a `ValueError`.
        """
        try:
            import numpy as np
        except ImportError:
            raise _without_numpy("getNumpy") from None
        return np.array(await self.getJson())

    async def exists(self) -> bool:
        """Whether it is there, and this key may see it.

        Raises:
            ApiError: the server does not say.
        """
        return (await self.existsWithError())[0]

    async def existsWithError(self) -> tuple[bool, str]:
        """Whether it is there, and why not.

        Raises:
            ApiError: the server does not say.
        """
        answer = await self.client.send(_requests.head(self.url))
        if answer.status in {401, 403}:
            _words.absent(self.path, _refusals.reason(answer))
        return _answers.exists(answer), answer.headers.get("x-error-message", "")

    # -- writing

    async def put(self, data: str | bytes | bytearray) -> Self:
        """Writes text (as UTF-8) or bytes; the file is replaced where it is there.

        Raises:
            InputError: it is neither; also a `TypeError`.
            DataApiError: it was refused.
        """
        _answers.stored(await self.client.send(_requests.put(self.url, _requests.file_content(data))))
        return self

    async def putJson(self, data: Any) -> Self:
        """Writes a value as JSON.

        Raises:
            InputError: it is more than JSON can hold; also a `TypeError`.
            DataApiError: it was refused.
        """
        _answers.stored(await self.client.send(_requests.put_json(self.url, data)))
        return self

    async def putFile(self, path: str | os.PathLike[str]) -> Self:
        """Uploads a local file, of any size.

        Raises:
            OSError: the local file can't be read.
            DataApiError: it was refused.
        """
        _answers.stored(await transfers.upload(self.client, self.url, Path(path)))
        return self

    async def putNumpy(self, array: Any) -> Self:
        """Writes an array as JSON.

        Raises:
            DataApiError: numpy is not installed, or it was refused.
        """
        try:
            import numpy as np
        except ImportError:
            raise _without_numpy("putNumpy") from None
        return await self.putJson(np.asarray(array).tolist())

    async def putAsZip(self, path: str | os.PathLike[str]) -> Self:
        """Packs a local file, or a folder with all that is in it, and uploads the archive (zip).

        Raises:
            OSError: something can't be read.
            DataApiError: it was refused.
        """
        from trivet.algorithmia._archives import pack

        packed = await offload(pack, Path(path))
        try:
            return await self.putFile(packed)
        finally:
            await offload(packed.unlink)

    async def delete(self) -> bool:
        """Deletes it.

        Raises:
            DataApiError: it was refused.
        """
        _answers.stored(await self.client.send(_requests.delete(self.url)))
        return True


def _opened(path: str) -> TextIO:
    return Path(path).open()


def _without_numpy(verb: str) -> DataApiError:
    return DataApiError(
        f"Attempted to .{verb}() a file without numpy available, please install numpy.", hint="pip install numpy"
    )
