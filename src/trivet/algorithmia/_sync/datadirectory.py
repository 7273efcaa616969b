# Generated from ../_async/datadirectory.py by scripts/unasync.py: change that file, then run the script.
"""One directory: what is in it, and who may read that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trivet.algorithmia import _answers, _refusals, _requests, _words
from trivet.algorithmia._places import path_of, safe_name
from trivet.algorithmia._sync.conversation import Conversation
from trivet.algorithmia._sync.datafile import DataFile
from trivet.algorithmia.acl import Acl
from trivet.algorithmia.data import DataObject, DataObjectType
from trivet.algorithmia.errors import AnswerError
from trivet.algorithmia.util import getParentAndBase, pathJoin
from trivet.sdk._http import Response
from trivet.sdk._sync.concurrency import offload


class DataDirectory(DataObject):
    """A directory on the server.

    Args:
        client: the way to the server.
        dataUrl: where it lies: ``data://owner/collection``, ``s3://bucket``.

    Attributes:
        path: where it lies, without ``data://``.
    """

    def __init__(self, client: Conversation, dataUrl: str) -> None:
        super().__init__(DataObjectType.directory)
        self.client = client
        self.path = path_of(dataUrl)
        self.url = f"/v1/data/{self.path}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"

    def set_attributes(self, response_json: Mapping[str, Any]) -> None:
        """Takes what a listing tells about it, which is nothing but its name."""

    def getName(self) -> str:
        """Its name, without where it lies."""
        return getParentAndBase(self.path)[1]

    def exists(self) -> bool:
        """Whether it is there, and this key may see it.

        Raises:
            ApiError: the server does not say.
        """
        answer = self.client.send(_requests.get(self.url))
        if answer.status in {401, 403}:
            _words.absent(self.path, _refusals.reason(answer))
        return _answers.exists(answer)

    def create(self, acl: Acl | None = None) -> None:
        """Makes it.

        Args:
            acl: who may read it; None for its owner and the owner's algorithms.

        Raises:
            DataApiError: it was refused; so it is where it is there already.
            InputError: it is no place for a directory; also a `ValueError`.
        """
        parent, name = getParentAndBase(self.path)
        wanted: dict[str, Any] = {"name": name}
        if acl is not None:
            wanted["acl"] = acl.to_api_param()
        answer = self.client.send(_requests.post(f"/v1/data/{parent}", wanted, {}))
        _demand(answer, "Directory creation failed: ")
        _answers.stored(answer)

    def delete(self, force: bool = False) -> bool:
        """Deletes it.

        Args:
            force: also with all that is in it.

        Raises:
            DataApiError: it was refused.
        """
        _answers.stored(self.client.send(_requests.delete(self.url, force=force)))
        return True

    # -- what is in it

    def file(self, name: str) -> DataFile:
        """The file of this name in it."""
        return DataFile(self.client, pathJoin(self.path, name))

    def dir(self, name: str) -> DataDirectory:
        """The directory of this name in it."""
        return DataDirectory(self.client, pathJoin(self.path, name))

    def list(self) -> Iterator[DataFile | DataDirectory]:
        """All that is in it, page by page as it is needed; of each page, directories first.

        Raises:
            DataApiError: it can't be read.
        """
        for page in self._pages():
            for each in page.folders:
                yield self._directory(each)
            for each in page.files:
                yield self._file(each)

    def files(self) -> Iterator[DataFile]:
        """The files in it.

        Raises:
            DataApiError: it can't be read.
        """
        for page in self._pages():
            for each in page.files:
                yield self._file(each)

    def dirs(self) -> Iterator[DataDirectory]:
        """The directories in it.

        Raises:
            DataApiError: it can't be read.
        """
        for page in self._pages():
            for each in page.folders:
                yield self._directory(each)

    def getDir(self) -> str:
        """Downloads all files in it to a temporary folder, which stays; returns its path.

        Raises:
            DataApiError: something can't be had.
        """
        from tempfile import mkdtemp

        folder = offload(mkdtemp)
        for file in self.files():
            target = Path(folder, safe_name(file.getName()))
            path = file.getFile(as_path=True)
            offload(Path(path).replace, target)
        return folder

    # -- who may read it

    def get_permissions(self) -> Acl | None:
        """Who may read it; None for a place that has no such rule of its own, such as ``.session`` and ``.algo``.

        Raises:
            DataApiError: it can't be read.
        """
        return _answers.permissions(self.client.send(_requests.get(self.url, {"acl": "true"})))

    def update_permissions(self, acl: Acl) -> bool:
        """Changes who may read it.

        Raises:
            DataApiError: it was refused.
        """
        answer = self.client.send(_requests.patch(self.url, {"acl": acl.to_api_param()}))
        _demand(answer, "Unable to update permissions: ")
        return True

    def _pages(self) -> Iterator[_answers.Listing]:
        marker: str | None = None
        while True:
            page = _answers.listing(self.client.send(_requests.get(self.url, {"marker": marker})))
            yield page
            if page.marker is None:
                return
            if page.marker == marker:
                raise AnswerError("The server gives the same page of this directory again and again.")
            marker = page.marker

    def _file(self, told: Mapping[str, Any]) -> DataFile:
        found = DataFile(self.client, pathJoin(self.path, told["filename"]))
        found.set_attributes(told)
        return found

    def _directory(self, told: Mapping[str, Any]) -> DataDirectory:
        return DataDirectory(self.client, pathJoin(self.path, told["name"]))


def _demand(answer: Response, otherwise: str) -> None:
    if answer.status != 200:
        raise _refusals.refused_to(otherwise, answer)
