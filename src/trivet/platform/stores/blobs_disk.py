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
from collections.abc import Set as AbstractSet
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

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
        with _Upload(self._unfinished) as upload:
            waiting = bytearray()
            size = 0
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise TooLarge(f"More than {limit} bytes came.", limit=limit)
                waiting += chunk
                if len(waiting) >= PIECE:
                    await asyncio.to_thread(self._append, upload, bytes(waiting))
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
        # closing waits for a read that still runs on its thread, so a caller who is cancelled does no harm
        with await asyncio.to_thread(self._open, name) as file:
            while piece := await asyncio.to_thread(_read, file, chunk):
                yield piece

    async def delete(self, name: str) -> None:
        """Forgets the blob; nothing happens where it is not there.

        Raises:
            Unavailable: it can't be removed, with the reason.
        """
        if _NAME.fullmatch(name):
            await asyncio.to_thread(self._delete, name)

    async def forget_others(self, known: AbstractSet[str]) -> int:
        """Forgets every blob that is not ``known``, and returns how many; only while nobody stores any.

        A platform that was killed may have left blobs that no row came to know of.

        Raises:
            Unavailable: the folder can't be read, with the reason.
        """
        return await asyncio.to_thread(self._forget_others, known)

    def _forget_others(self, known: AbstractSet[str]) -> int:
        forgotten = 0
        try:
            for left_over in self._unfinished.iterdir():
                left_over.unlink(missing_ok=True)
            for path in self._folder.glob("??/*"):
                if _NAME.fullmatch(path.name) and path.name not in known:
                    path.unlink(missing_ok=True)
                    forgotten += 1
        except OSError as error:
            raise _explain(error) from None
        return forgotten

    def _path(self, name: str) -> Path:
        # only names of our own making reach the disk, so that nobody's text ever becomes a path
        if not _NAME.fullmatch(name):
            raise NotFound.of("blob", name)
        return self._folder / name[:2] / name

    def _put(self, data: bytes) -> str:
        with _Upload(self._unfinished) as upload:
            return self._finish(upload, data)

    def _append(self, upload: _Upload, data: bytes) -> None:
        try:
            upload.write(data)
        except OSError as error:
            raise _explain(error) from None

    def _finish(self, upload: _Upload, data: bytes) -> str:
        name = secrets.token_hex(16)
        path = self._path(name)
        try:
            upload.write(data)
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(self._folder)
            upload.move_to(path)
        except OSError as error:
            raise _explain(error) from None
        return name

    def _open(self, name: str) -> BufferedReader:
        path = self._path(name)
        try:
            return path.open("rb")
        except FileNotFoundError:
            raise NotFound.of("blob", name) from None
        except OSError as error:
            raise _explain(error) from None

    def _get(self, name: str) -> bytes:
        with self._open(name) as file:
            return _read(file, -1)

    def _delete(self, name: str) -> None:
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise _explain(error) from None


class _Upload:
    """A file on its way. Leaving the context with an error takes it away, wherever it is by then.

    The lock is for a caller who is cancelled while a thread still works for it: the file must not be closed under that
    thread, and what the thread finishes must not stay.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / secrets.token_hex(16)
        self._hash = hashlib.sha256()
        self._lock = Lock()
        self._descriptor: int | None = None
        self._closed = False

    @property
    def digest(self) -> str:
        """SHA-256 of what was written, in hex."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Appends ``data``. Raises `OSError`."""
        with self._lock:
            descriptor = self._open()
            self._hash.update(data)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]

    def move_to(self, path: Path) -> None:
        """Gives the file its name, once its bytes are on disk. Raises `OSError`."""
        with self._lock:
            os.fsync(self._open())
            self._path = self._path.rename(path)
            _sync_folder(path.parent)

    def _open(self) -> int:
        if self._closed:
            raise OSError(errno.ECANCELED, "the caller has gone away")
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o600)
        return self._descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._closed = True
            if self._descriptor is not None:
                os.close(self._descriptor)
            if error is not None:
                with suppress(OSError):
                    self._path.unlink(missing_ok=True)


def _read(file: BufferedReader, size: int) -> bytes:
    try:
        return file.read(size)
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
