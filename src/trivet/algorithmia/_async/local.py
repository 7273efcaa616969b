"""Files and directories of this machine, by the same verbs: what ``file://`` names."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TextIO, overload

from trivet.algorithmia import _requests
from trivet.algorithmia._places import local_path
from trivet.algorithmia.errors import AnswerError, DataApiError
from trivet.sdk._async.concurrency import offload

if TYPE_CHECKING:
    from trivet.algorithmia._async.conversation import AsyncConversation


class AsyncLocalDataFile:
    """A file of this machine.

    Args:
        client: not used; any will do.
        filePath: ``file://`` and its path.
    """

    def __init__(self, client: AsyncConversation, filePath: str) -> None:
        self.client = client
        self.path = local_path(filePath)
        self.url = f"/v1/data/{self.path}"
        self.last_modified: datetime | None = None
        self.size: int | None = None

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Takes what a listing tells about it: ``last_modified`` and ``size``."""
        self.last_modified = datetime.fromisoformat(attributes["last_modified"]).replace(tzinfo=None)
        self.size = attributes["size"]

    def getName(self) -> str:
        """Its name, without where it lies."""
        return Path(self.path).name

    @overload
    async def getFile(self, as_path: Literal[False] = False) -> TextIO: ...

    @overload
    async def getFile(self, as_path: Literal[True]) -> str: ...

    async def getFile(self, as_path: bool = False) -> TextIO | str:
        """Opens it; with ``as_path``, its path is given.

        Raises:
            DataApiError: there is none.
        """
        await self._demand()
        return self.path if as_path else await offload(_opened, self.path)

    async def getBytes(self) -> bytes:
        """Its content.

        Raises:
            DataApiError: there is none.
        """
        await self._demand()
        return await offload(Path(self.path).read_bytes)

    async def getString(self) -> str:
        """Its content as text.

        Raises:
            DataApiError: there is none.
        """
        await self._demand()
        return await offload(Path(self.path).read_text)

    async def getJson(self) -> Any:
        """What its content is as JSON.

        Raises:
            DataApiError: there is none.
            AnswerError: it is no JSON; also a `ValueError`.
        """
        import json

        try:
            return json.loads(await self.getBytes())
        except (ValueError, RecursionError) as error:
            raise AnswerError(f"{self.path} is no JSON: {error}") from None

    async def exists(self) -> bool:
        """Whether it is there."""
        return await offload(Path(self.path).is_file)

    async def existsWithError(self) -> tuple[bool, str]:
        """Whether it is there; the text is empty."""
        return await self.exists(), ""

    async def put(self, data: str | bytes | bytearray) -> Self:
        """Writes text (as UTF-8) or bytes.

        Raises:
            InputError: it is neither; also a `TypeError`.
            DataApiError: it can't be written.
        """
        body = _requests.file_content(data)
        try:
            await offload(Path(self.path).write_bytes, body)
        except OSError as error:
            raise DataApiError(f"Failed to write local file {self.path}: {error.strerror}") from error
        return self

    async def putJson(self, data: Any) -> Self:
        """Writes a value as JSON.

        Raises:
            InputError: it is more than JSON can hold; also a `TypeError`.
            DataApiError: it can't be written.
        """
        return await self.put(_requests.put_json("", data).body or b"")

    async def putFile(self, path: str | os.PathLike[str]) -> Self:
        """Copies another file of this machine here.

        Raises:
            DataApiError: it can't be read, or this one can't be written.
        """
        try:
            from shutil import copyfile

            await offload(copyfile, path, self.path)
        except OSError as error:
            raise DataApiError(f"Failed to write local file {self.path}: {error.strerror}") from error
        return self

    async def delete(self) -> bool:
        """Deletes it.

        Raises:
            DataApiError: it can't be deleted.
        """
        try:
            await offload(os.unlink, self.path)
        except OSError as error:
            raise DataApiError(f"Failed to delete local file {self.path}") from error
        return True

    async def _demand(self) -> None:
        if not await self.exists():
            raise DataApiError(f"unable to get file {self.path} - there is none")


class AsyncLocalDataDirectory:
    """A directory of this machine.

    Args:
        client: not used; any will do.
        dataUrl: ``file://`` and its path.
    """

    def __init__(self, client: AsyncConversation, dataUrl: str) -> None:
        self.client = client
        self.path = local_path(dataUrl)

    def set_attributes(self, response_json: Mapping[str, Any]) -> None:
        """Takes nothing: a listing tells nothing about it."""

    def getName(self) -> str:
        """Its name, without where it lies."""
        return Path(self.path).name

    async def exists(self) -> bool:
        """Whether it is there."""
        return await offload(Path(self.path).is_dir)

    async def create(self) -> None:
        """Makes it.

        Raises:
            OSError: it can't be made.
        """
        await offload(os.mkdir, self.path)

    async def delete(self, force: bool = False) -> None:
        """Deletes it; with ``force``, also with all that is in it.

        Raises:
            OSError: it can't be deleted.
        """
        if force:
            from shutil import rmtree

            await offload(rmtree, self.path)
        else:
            await offload(os.rmdir, self.path)

    def file(self, name: str) -> AsyncLocalDataFile:
        """The file of this name in it."""
        return AsyncLocalDataFile(self.client, f"file://{Path(self.path, name)}")

    def dir(self, name: str) -> AsyncLocalDataDirectory:
        """The directory of this name in it."""
        return AsyncLocalDataDirectory(self.client, f"file://{Path(self.path, name)}")

    async def list(self) -> AsyncIterator[str]:
        """The names of all that is in it."""
        for name in await offload(os.listdir, self.path):
            yield name

    async def dirs(self, content: object = None) -> AsyncIterator[str]:
        """The names of the directories in it."""
        for name in await offload(os.listdir, self.path):
            if await offload(Path(self.path, name).is_dir):
                yield name

    async def files(self, content: object = None) -> AsyncIterator[str]:
        """The names of the files in it."""
        for name in await offload(os.listdir, self.path):
            if await offload(Path(self.path, name).is_file):
                yield name


def _opened(path: str) -> TextIO:
    return Path(path).open()
