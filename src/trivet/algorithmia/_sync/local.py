# Generated from ../_async/local.py by scripts/unasync.py: change that file, then run the script.
"""Files and directories of this machine, by the same verbs: what ``file://`` names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TextIO, overload

from trivet.algorithmia import _requests
from trivet.algorithmia._places import local_path
from trivet.algorithmia.errors import AnswerError, DataApiError
from trivet.sdk._sync.concurrency import offload

if TYPE_CHECKING:
    from trivet.algorithmia._sync.conversation import Conversation


class LocalDataFile:
    """A file of this machine.

    Args:
        client: not used; any will do.
        filePath: ``file://`` and its path.
    """

    def __init__(self, client: Conversation, filePath: str) -> None:
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
    def getFile(self, as_path: Literal[False] = False) -> TextIO: ...

    @overload
    def getFile(self, as_path: Literal[True]) -> str: ...

    def getFile(self, as_path: bool = False) -> TextIO | str:
        """Opens it; with ``as_path``, its path is given.

        Raises:
            DataApiError: there is none.
        """
        self._demand()
        return self.path if as_path else offload(_opened, self.path)

    def getBytes(self) -> bytes:
        """Its content.

        Raises:
            DataApiError: there is none.
        """
        self._demand()
        return offload(Path(self.path).read_bytes)

    def getString(self) -> str:
        """Its content as text.

        Raises:
            DataApiError: there is none.
        """
        self._demand()
        return offload(Path(self.path).read_text)

    def getJson(self) -> Any:
        """What its content is as JSON.

        Raises:
            DataApiError: there is none.
            AnswerError: it is no JSON; also a `ValueError`.
        """
        import json

        try:
            return json.loads(self.getBytes())
        except (ValueError, RecursionError) as error:
            raise AnswerError(f"{self.path} is no JSON: {error}") from None

    def exists(self) -> bool:
        """Whether it is there."""
        return offload(Path(self.path).is_file)

    def existsWithError(self) -> tuple[bool, str]:
        """Whether it is there; the text is empty."""
        return self.exists(), ""

    def put(self, data: str | bytes | bytearray) -> Self:
        """Writes text (as UTF-8) or bytes.

        Raises:
            InputError: it is neither; also a `TypeError`.
            DataApiError: it can't be written.
        """
        body = _requests.file_content(data)
        try:
            offload(Path(self.path).write_bytes, body)
        except OSError as error:
            raise DataApiError(f"Failed to write local file {self.path}: {error.strerror}") from error
        return self

    def putJson(self, data: Any) -> Self:
        """Writes a value as JSON.

        Raises:
            InputError: it is more than JSON can hold; also a `TypeError`.
            DataApiError: it can't be written.
        """
        return self.put(_requests.put_json("", data).body or b"")

    def putFile(self, path: str | os.PathLike[str]) -> Self:
        """Copies another file of this machine here.

        Raises:
            DataApiError: it can't be read, or this one can't be written.
        """
        try:
            from shutil import copyfile

            offload(copyfile, path, self.path)
        except OSError as error:
            raise DataApiError(f"Failed to write local file {self.path}: {error.strerror}") from error
        return self

    def delete(self) -> bool:
        """Deletes it.

        Raises:
            DataApiError: it can't be deleted.
        """
        try:
            offload(os.unlink, self.path)
        except OSError as error:
            raise DataApiError(f"Failed to delete local file {self.path}") from error
        return True

    def _demand(self) -> None:
        if not self.exists():
            raise DataApiError(f"unable to get file {self.path} - there is none")


class LocalDataDirectory:
    """A directory of this machine.

    Args:
        client: not used; any will do.
        dataUrl: ``file://`` and its path.
    """

    def __init__(self, client: Conversation, dataUrl: str) -> None:
        self.client = client
        self.path = local_path(dataUrl)

    def set_attributes(self, response_json: Mapping[str, Any]) -> None:
        """Takes nothing: a listing tells nothing about it."""

    def getName(self) -> str:
        """Its name, without where it lies."""
        return Path(self.path).name

    def exists(self) -> bool:
        """Whether it is there."""
        return offload(Path(self.path).is_dir)

    def create(self) -> None:
        """Makes it.

        Raises:
            OSError: it can't be made.
        """
        offload(os.mkdir, self.path)

    def delete(self, force: bool = False) -> None:
        """Deletes it; with ``force``, also with all that is in it.

        Raises:
            OSError: it can't be deleted.
        """
        if force:
            from shutil import rmtree

            offload(rmtree, self.path)
        else:
            offload(os.rmdir, self.path)

    def file(self, name: str) -> LocalDataFile:
        """The file of this name in it."""
        return LocalDataFile(self.client, f"file://{Path(self.path, name)}")

    def dir(self, name: str) -> LocalDataDirectory:
        """The directory of this name in it."""
        return LocalDataDirectory(self.client, f"file://{Path(self.path, name)}")

    def list(self) -> Iterator[str]:
        """The names of all that is in it."""
        yield from offload(os.listdir, self.path)

    def dirs(self, content: object = None) -> Iterator[str]:
        """The names of the directories in it."""
        for name in offload(os.listdir, self.path):
            if offload(Path(self.path, name).is_dir):
                yield name

    def files(self, content: object = None) -> Iterator[str]:
        """The names of the files in it."""
        for name in offload(os.listdir, self.path):
            if offload(Path(self.path, name).is_file):
                yield name


def _opened(path: str) -> TextIO:
    return Path(path).open()
