"""Blobs on the local disk: a file each, whole or not there."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Self

from trivet.platform.core.errors import CoreError, NotFound, StorageFull, TooLarge, Unavailable
from trivet.platform.ports.blobs import StoredBlob

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

    async def put_stream(self, chunks: AsyncIterator[bytes], limit: int) -> StoredBlob:
        """Stores a stream, on disk when this returns. Nothing is kept where the stream raises, or the caller is cancelled.

        While one piece is hashed and written on threads, the next is gathered.

        Raises:
            TooLarge: more than ``limit`` bytes came; nothing is kept.
            StorageFull: the disk is full; nothing is kept.
            Unavailable: the disk refused, with the reason.
        """
        size = 0
        waiting = bytearray()
        with _Upload(self._unfinished) as upload:
            under_way = _Step()
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise TooLarge(f"More than {limit} bytes came.", limit=limit)
                    waiting += chunk
                    if len(waiting) >= PIECE:
                        await under_way.end()
                        under_way.begin((self._append, upload, waiting), (upload.hash_on, waiting))
                        waiting = bytearray()
                await under_way.end()
                under_way.begin((upload.hash_on, waiting))
                name = await asyncio.to_thread(self._finish, upload, waiting)
                await under_way.end()
            finally:
                under_way.give_up()
        return StoredBlob(name, size, upload.sha256, upload.md5)

    async def get(self, name: str) -> bytes:
        """The whole blob.

        Raises:
            NotFound: there is none of that name.
            Unavailable: it can't be read, with the reason.
        """
        return await asyncio.to_thread(self._get, name)

    async def stream(
        self, name: str, start: int = 0, end: int | None = None, *, chunk: int = PIECE
    ) -> AsyncIterator[bytes]:
        """The blob in pieces of up to ``chunk`` bytes, from ``start`` up to but without ``end`` (None: to its end).

        Whoever has it open reads it to its end, also where it is deleted meanwhile: the file is there until it is closed.

        Raises:
            NotFound: there is none of that name.
            Unavailable: it can't be read, with the reason.
        """
        # closing waits for a read that still runs on its thread, so a caller who is cancelled does no harm
        with await asyncio.to_thread(self._open, name, start) as file:
            left = None if end is None else max(0, end - start)
            while piece := await asyncio.to_thread(_read, file, chunk if left is None else min(chunk, left)):
                yield piece
                if left is not None:
                    left -= len(piece)

    async def open(self, name: str) -> BinaryIO:
        """The blob as an open file. Whoever asks closes it.

        Raises:
            NotFound: there is none of that name.
            Unavailable: it can't be read, with the reason.
        """
        opening = asyncio.ensure_future(asyncio.to_thread(self._open, name))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close)  # it is on its way, and nobody waits for it any more
            raise

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

    def _append(self, upload: _Upload, data: bytes | bytearray) -> None:
        try:
            upload.write(data)
        except OSError as error:
            raise _explain(error) from None

    def _finish(self, upload: _Upload, data: bytes | bytearray) -> str:
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

    def _open(self, name: str, start: int = 0) -> BufferedReader:
        path = self._path(name)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise NotFound.of("blob", name) from None
        except OSError as error:
            raise _explain(error) from None
        file.seek(start)
        return file

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
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._lock = Lock()
        self._descriptor: int | None = None
        self._closed = False

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written, in hex."""
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        """MD5 of what `hash_on` was given, in hex."""
        return self._md5.hexdigest()

    def hash_on(self, data: bytes | bytearray) -> None:
        """Goes on with the MD5: beside `write`, as it takes longer than all the rest."""
        self._md5.update(data)

    def write(self, data: bytes | bytearray) -> None:
        """Appends ``data``. Raises `OSError`."""
        with self._lock:
            descriptor = self._open()
            self._sha256.update(data)
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


class _Step:
    """Work on threads beside the event loop, one step at a time."""

    def __init__(self) -> None:
        self._parts: list[asyncio.Task[None]] = []

    def begin(self, *calls: tuple[Callable[..., None], *tuple[object, ...]]) -> None:
        """Starts the calls, each a function and its arguments, on a thread each."""
        self._parts = [asyncio.create_task(asyncio.to_thread(function, *args)) for function, *args in calls]

    async def end(self) -> None:
        """Waits for them. Raises what one of them raised."""
        for part in self._parts:
            await part
        self._parts = []

    def give_up(self) -> None:
        """Nobody waits for them any more."""
        for part in self._parts:
            part.cancel()


def _read(file: BufferedReader, size: int) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise _explain(error) from None


def _close(opening: asyncio.Future[BufferedReader]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


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
