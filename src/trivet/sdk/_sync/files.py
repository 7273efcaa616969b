# Generated from ../_async/files.py by scripts/unasync.py: change that file, then run the script.
"""Hosted data: files in collections, by their ``data://`` URIs."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from trivet.sdk import _answers
from trivet.sdk._http import Request
from trivet.sdk._requests import files as _requests
from trivet.sdk._sync.concurrency import offload
from trivet.sdk._sync.downloads import Told, open_file, pieces, save
from trivet.sdk._sync.session import Session
from trivet.sdk._uris import DataUri
from trivet.sdk.errors import InvalidRequestError, NotFoundError
from trivet.sdk.models import DataEntry, Deleted

PIECE = 1 << 20
"""Bytes of a local file that are read at once."""


class Files:
    """Files on the server: ``data://OWNER/COLLECTION/FILE``, where ``.my`` stands for the key's own account.

    A file is replaced as a whole: whoever reads it meanwhile gets the old one or the new one, never parts of both.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    # -- there

    def upload(
        self,
        local: str | os.PathLike[str],
        uri: str,
        *,
        if_absent: bool = False,
        content_type: str | None = None,
        on_progress: Told | None = None,
    ) -> DataEntry:
        """Upload a local file, of any size: it is read piece by piece.

        Args:
            local: the file.
            uri: what it is to be there, ``data://.my/photos/photo.jpg``; a collection takes it under its own name.
            if_absent: leave a file that is there already as it is.
            content_type: what it is; None takes what its name says.
            on_progress: called with the bytes that have gone over and the size.

        Returns:
            The file as it lies there.

        Raises:
            OSError: the local file can't be read.
            NotFoundError: there is no such collection; `create` makes one.
            PreconditionFailedError: with ``if_absent``, there is a file of that name.
            TooLargeError: it is larger than the server takes.
        """
        path = Path(local)
        target = DataUri.parse(uri)
        if target.is_folder or target.is_collection:
            target = target.child(path.name)
        size = (offload(path.stat)).st_size
        content_type = content_type or mimetypes.guess_type(path.name)[0]

        def build() -> Request:
            chunks = _read(path, size, on_progress)
            return _requests.file_write(
                target, chunks=chunks, size=size, content_type=content_type, if_absent=if_absent
            )

        return _answers.value(DataEntry, self._session.upload(build))

    def write(
        self,
        uri: str,
        data: bytes | str | Iterable[bytes],
        *,
        content_type: str | None = None,
        if_absent: bool = False,
        if_match: str | None = None,
    ) -> DataEntry:
        """Write a file.

        Args:
            uri: the file; it is replaced where it is there.
            data: its content: bytes, text (stored as UTF-8), or bytes that come piece by piece. Those are sent once: a
                connection that breaks is not taken up again.
            content_type: what it is; None takes what its name says.
            if_absent: leave a file that is there already as it is.
            if_match: replace only the version of the file that has this ``md5``.

        Raises:
            NotFoundError: there is no such collection; `create` makes one.
            PreconditionFailedError: ``if_absent`` or ``if_match`` does not hold; nothing was written.
            TooLargeError: it is larger than the server takes.
        """
        target = DataUri.parse(uri)
        content_type = content_type or mimetypes.guess_type(target.name)[0]
        if isinstance(data, str):
            data, content_type = data.encode(), content_type or "text/plain; charset=utf-8"
        whole = bytes(data) if isinstance(data, bytes | bytearray | memoryview) else None
        request = _requests.file_write(
            target,
            body=whole,
            chunks=data if whole is None else None,
            content_type=content_type,
            if_absent=if_absent,
            if_match=if_match,
        )
        return self._session.value(DataEntry, request)

    # -- and back

    def download(self, uri: str, local: str | os.PathLike[str], *, on_progress: Told | None = None) -> Path:
        """Download a file, of any size. A connection that breaks is taken up again where it broke.

        Args:
            uri: the file.
            local: where it goes; a folder takes it under its own name. It is there once it is whole, and not before.
            on_progress: called with the bytes that have come and the size.

        Returns:
            The local file.

        Raises:
            OSError: the local file can't be written.
            NotFoundError: there is no such file.
            PreconditionFailedError: it was replaced amid a download that had to be taken up again.
        """
        target = DataUri.parse(uri)
        path = Path(local)
        if offload(path.is_dir):
            path /= target.name
        save(self._pieces(target, on_progress=on_progress), path)
        return path

    def read(self, uri: str) -> bytes:
        """The content of a file, as a whole.

        Args:
            uri: such as ``data://.my/photos/photo.jpg``.

        Returns:
            Its bytes, all of them in memory; `stream` and `download` take files of any size.

        Raises:
            NotFoundError: there is no such file.
        """
        return b"".join(list(self.stream(uri)))

    def stream(self, uri: str, *, start: int = 0) -> Generator[bytes, None]:
        """The content of a file, piece by piece. A connection that breaks is taken up again where it broke.

        Args:
            uri: the file.
            start: the byte to begin with.

        Raises:
            NotFoundError: there is no such file.
            PreconditionFailedError: it was replaced amid a reading that had to be taken up again.
        """
        return self._pieces(DataUri.parse(uri), start=start)

    # -- what is there

    def list(self, uri: str = "data://") -> Iterator[DataEntry]:
        """What lies at a place: owners, collections or files, page by page as they are needed.

        Args:
            uri: the root (one's own account comes first), an owner, or a collection.

        Raises:
            NotFoundError: there is no such place.
        """
        target = DataUri.parse(uri)
        if target.is_file:
            raise InvalidRequestError(f"{target} is a file; only what holds something can be listed.")
        yield from self._session.pages(DataEntry, lambda cursor: _requests.files(target, cursor=cursor))

    def stat(self, uri: str) -> DataEntry:
        """What is known of a file or a collection.

        Args:
            uri: which one.

        Raises:
            NotFoundError: it is not there.
        """
        return self._session.value(DataEntry, _requests.data_info(DataUri.parse(uri)))

    def exists(self, uri: str) -> bool:
        """Whether there is a file or a collection that this key may see.

        Args:
            uri: which one.
        """
        try:
            self.stat(uri)
        except NotFoundError:
            return False
        return True

    # -- look after it

    def create(self, uri: str, *, acl: str | None = None) -> DataEntry:
        """Make a collection.

        Args:
            uri: ``data://.my/photos``.
            acl: who may read it: ``private``, ``owners_endpoints`` (also the owner's own endpoints, whoever calls them; the
                usual one), ``organization`` (members of the owner's organizations) or ``public`` (every account).

        Raises:
            ConflictError: it is there already.
        """
        return self._session.value(DataEntry, _requests.collection_create(DataUri.parse(uri), acl))

    def set_acl(self, uri: str, acl: str) -> DataEntry:
        """Change who may read a collection.

        Args:
            uri: which collection.
            acl: one of those that `create` takes.
        """
        return self._session.value(DataEntry, _requests.collection_update(DataUri.parse(uri), acl))

    def delete(self, uri: str, *, force: bool = False) -> int:
        """Delete a file or a collection.

        Args:
            uri: which one.
            force: delete a collection with all its files.

        Returns:
            How many files were deleted.

        Raises:
            ConflictError: without ``force``, the collection is not empty.
        """
        request = _requests.data_delete(DataUri.parse(uri), force=force)
        return (self._session.value(Deleted, request)).deleted

    def _pieces(self, target: DataUri, *, start: int = 0, on_progress: Told | None = None) -> Generator[bytes, None]:
        def build(place: int, version: str | None) -> Request:
            return _requests.file_read(target, start=place, if_match=version)

        return pieces(self._session, build, start=start, on_progress=on_progress)


def _read(path: Path, size: int, on_progress: Told | None) -> Generator[bytes, None]:
    """A local file piece by piece, as long as it was when its length was told."""
    given = 0
    with offload(open_file, path, "rb") as file:
        while piece := offload(file.read, PIECE):
            given += len(piece)
            if given > size:
                break
            if on_progress is not None:
                on_progress(given, size)
            yield piece  # nobody comes back for what is behind the last byte
    if given != size:
        raise InvalidRequestError(
            f"{path} has changed while it was uploaded; nothing was stored.", hint="Upload it when nobody writes to it."
        )
