"""Blobs on the local disk: a file each, whole or not there."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from trivet.platform.core.errors import CoreError, NotFound, StorageFull, TooLarge, Unavailable

PIECE = 1 << 20
"""Bytes that are gathered before they are written, and that are read at once."""
STALE_AFTER = 86_400.0
"""Seconds without a write after which an unfinished file belongs to nobody any more."""

_NAME = re.compile(r"[0-9a-f]{32}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DiskBlobs:
    """A `BlobStore` under one folder: ``ab/ab…`` for each blob, ``unfinished`` for those on their way.

    A blob is written under another name, synced, and moved to its own, so that whoever finds it finds all of it, also after
    a power cut. File work happens on threads.

    Args:
        folder: made where it is missing. What a platform that was killed has left unfinished in it is removed.

    Raises:
        Unavailable: the folder can't be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unfinished = folder / "unfinished"
        try:
            self._unfinished.mkdir(parents=True, exist_ok=True, mode=0o700)
            for left_over in self._unfinished.iterdir():
                if left_over.stat().st_mtime < time.time() - STALE_AFTER:
                    left_over.unlink(missing_ok=True)
        except OSError as error:
            raise _explain(error) from None

    async def put(self, data: bytes) -> str:
        """Stores ``data``, on disk when this returns, and returns its name.

        Raises:
            StorageFull: the disk is full; nothing is kept.
            Unavailable: the disk refused, with the reason.
        """
        return await asyncio.to_thread(self._put, data)

    async def put_stream(self, chunks: AsyncIterator[bytes], limit: int) -> tuple[str, int, str]:
        """Stores a stream; returns name, size in bytes, and SHA-256 in hex. Nothing is kept where the stream raises.

        Raises:
            TooLarge: more than ``limit`` bytes came; nothing is kept.
            StorageFull: the disk is full; nothing is kept.
            Unavailable: the disk refused, with the reason.
        """
        upload = await asyncio.to_thread(_Upload, self._unfinished)
        with upload:
            waiting = bytearray()
            size = 0
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise TooLarge(f"More than {limit} bytes came.", limit=limit)
                waiting += chunk
                if len(waiting) >= PIECE:
                    await asyncio.to_thread(upload.write, bytes(waiting))
                    waiting.clear()
            name = await asyncio.to_thread(self._finish, upload, bytes(waiting))
        return name, size, upload.digest

    async def get(self, name: str) -> bytes:
        """The whole blob.

        Raises:
            NotFound: there is none of that name.
            Unavailable: it can't be read, with the reason.
        """
        return await asyncio.to_thread(self._get, name)

    async def stream(self, name: str, chunk: int = PIECE) -> AsyncIterator[bytes]:
        """The blob in pieces of up to ``chunk`` bytes.

        Raises:
            NotFound: there is none of that name.
            Unavailable: it can't be read, with the reason.
        """
        descriptor = await asyncio.to_thread(self._open, name)
        try:
            while piece := await asyncio.to_thread(_read, descriptor, chunk):
                yield piece
        finally:
            os.close(descriptor)

    async def delete(self, name: str) -> None:
        """Forgets the blob; nothing happens where it is not there.

        Raises:
            Unavailable: it can't be removed, with the reason.
        """
        if _NAME.fullmatch(name):
            await asyncio.to_thread(self._delete, name)

    def _path(self, name: str) -> Path:
        # only names of our own making reach the disk, so that nobody's text ever becomes a path
        if not _NAME.fullmatch(name):
            raise NotFound.of("blob", name)
        return self._folder / name[:2] / name

    def _put(self, data: bytes) -> str:
        with _Upload(self._unfinished) as upload:
            return self._finish(upload, data)

    def _finish(self, upload: _Upload, data: bytes) -> str:
        name = secrets.token_hex(16)
        path = self._path(name)
        upload.write(data)
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(self._folder)
            upload.move_to(path)
        except OSError as error:
            raise _explain(error) from None
        return name

    def _open(self, name: str) -> int:
        path = self._path(name)
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound.of("blob", name) from None
        except OSError as error:
            raise _explain(error) from None

    def _get(self, name: str) -> bytes:
        with os.fdopen(self._open(name), "rb") as file:
            try:
                return file.read()
            except OSError as error:
                raise _explain(error) from None

    def _delete(self, name: str) -> None:
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise _explain(error) from None


class _Upload:
    """A file on its way. Leaving the context takes it away, unless it has been moved to its place."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / secrets.token_hex(16)
        self._hash = hashlib.sha256()
        try:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _explain(error) from None

    @property
    def digest(self) -> str:
        """SHA-256 of what was written, in hex."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Appends ``data``. Raises `StorageFull` or `Unavailable`."""
        self._hash.update(data)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise _explain(error) from None

    def move_to(self, path: Path) -> None:
        """Gives the file its name, once its bytes are on disk. Raises `OSError`."""
        os.fsync(self._descriptor)
        self._path.rename(path)
        _sync_folder(path.parent)

    def __enter__(self) -> _Upload:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._descriptor)
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _read(descriptor: int, size: int) -> bytes:
    try:
        return os.read(descriptor, size)
    except OSError as error:
        raise _explain(error) from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explain(error: OSError) -> CoreError:
    if error.errno in _FULL:
        return StorageFull("The disk that holds the blobs is full; nothing was kept.")
    return Unavailable(
        f"The blob store can't use its folder: {error.strerror}.",
        hint="Check that the data folder is there and belongs to the user who runs the platform.",
    )
