"""The members of a tar or zip archive, read once and forwards, with nothing in its heads believed."""

from __future__ import annotations

import errno
import gzip
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from trivet.platform.builders.names import refused
from trivet.platform.core.errors import DeploymentRefused

CHUNK = 256 * 1024
_MOST_HEAD = 64 * 1024
"""Bytes that the head of one tar member may take; what is longer is made to exhaust the reader."""
_MOST_DIRECTORY = 16 * 1024 * 1024
"""Bytes of a zip's table of contents, which is read as a whole."""

_ZIP_END = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR = 20


class Member(NamedTuple):
    """One file or folder of an archive. ``chunks`` gives a file's bytes and must be read before the next member."""

    name: str
    is_folder: bool
    executable: bool
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold.

    Args:
        members: files and folders.
        unpacked: bytes in all, unpacked.
        ratio: unpacked bytes for each packed one, looked at beyond ``ratio_from`` bytes.
        ratio_from: bytes, unpacked.
    """

    members: int = 20_000
    unpacked: int = 1024**3
    ratio: int = 200
    ratio_from: int = 64 * 1024**2

    def meter(self, packed: int) -> Callable[[int], None]:
        """A meter for one archive of ``packed`` bytes: call it with each number of bytes as they are unpacked.

        The meter raises `DeploymentRefused` as soon as they are too many.
        """
        most = min(self.unpacked, max(self.ratio_from, self.ratio * packed))
        so_far = 0

        def count(size: int) -> None:
            nonlocal so_far
            so_far += size
            if so_far > most:
                raise DeploymentRefused(
                    f"The archive can't be taken: it unpacks to more than {most // 2**20:,} MiB"
                    f" (it is {packed:,} bytes packed).",
                    hint="Leave large data out of the upload; let the handler's setup fetch it, or ship it as a package.",
                )

        return count


def members(archive: Path, limits: Limits) -> Iterator[Member] | None:
    """The members of the archive at a path, in order; None where it is neither a gzip-packed tar nor a zip.

    Raises:
        DeploymentRefused: while iterating; the archive is damaged, or a member is something that can't be taken.
    """
    with archive.open("rb") as file:
        begin = file.read(4)
    if begin[:2] == b"\x1f\x8b":
        return _tar_members(archive, limits.meter(archive.stat().st_size))
    if begin in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip_members(archive, limits.meter(archive.stat().st_size))
    return None


@contextmanager
def _damage_refused(kind: str) -> Iterator[None]:
    try:
        yield
    except (
        *(tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError),
        # What the readers of the standard library let through where a head makes no sense.
        *(ValueError, OverflowError, struct.error, KeyError, IndexError, RuntimeError, RecursionError, MemoryError),
    ) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # of this machine, and not of the archive: a place before its begin is EINVAL, a wrong gzip has no number
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DeploymentRefused(
            f"The archive can't be taken: the {kind} is damaged ({said[:200]}).", hint="Pack it again and deploy again."
        ) from error


# -- tar ----------------------------------------------------------------------------------------------------------------


class _Forwards(io.BufferedIOBase):
    """A packed stream that only goes forwards, counts what it gives, and gives no member's head more than its due."""

    def __init__(self, packed: gzip.GzipFile, count: Callable[[int], None]) -> None:
        self._packed = packed
        self._count = count
        self._position = 0
        self.head_left = _MOST_HEAD

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or position < self._position:
            raise tarfile.ReadError("a head points backwards")
        while self._position < position:
            if not self.take(min(CHUNK, position - self._position)):
                break
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """What `tarfile` reads: heads only, as the members' data are taken by `take`."""
        if size is None or size < 0 or size > self.head_left:
            raise tarfile.ReadError("the head of a member is too long")
        self.head_left -= size
        return self.take(size)

    def take(self, size: int) -> bytes:
        """Up to ``size`` bytes, as many as there are."""
        data = self._packed.read(size)
        self._position += len(data)
        self._count(len(data))
        return data


def _tar_members(archive: Path, count: Callable[[int], None]) -> Iterator[Member]:
    with _damage_refused("tar.gz"), gzip.open(archive, "rb") as packed:
        stream = _Forwards(packed, count)
        with tarfile.open(fileobj=stream, mode="r:", encoding="utf-8") as tar:
            while (info := tar.next()) is not None:
                _check_tar(info)
                yield Member(info.name, info.isdir(), bool(info.mode & stat.S_IXUSR), _tar_chunks(stream, info))
                stream.head_left = _MOST_HEAD
        while rest := stream.take(CHUNK):
            if rest.strip(b"\0"):
                raise tarfile.ReadError("something follows its end")


def _check_tar(info: tarfile.TarInfo) -> None:
    if info.issym() or info.islnk():
        raise refused(info.name, "is a link", hint="Put the file itself there.")
    if info.issparse():
        raise refused(info.name, "is a sparse file", hint="Pack it as an ordinary file.")
    if not (info.isdir() or info.type in (tarfile.REGTYPE, tarfile.AREGTYPE)):
        raise refused(info.name, "is neither a file nor a folder")
    if info.size < 0:
        raise refused(info.name, "says that its size is below zero")


def _tar_chunks(stream: _Forwards, info: tarfile.TarInfo) -> Iterator[bytes]:
    if info.isdir():
        return
    with _damage_refused("tar.gz"):
        stream.seek(info.offset_data)
        left = info.size
        while left:
            chunk = stream.take(min(CHUNK, left))
            if not chunk:
                raise tarfile.ReadError(f"it ends within {info.name!r}")
            left -= len(chunk)
            yield chunk


# -- zip ----------------------------------------------------------------------------------------------------------------


def _zip_members(archive: Path, count: Callable[[int], None]) -> Iterator[Member]:
    with _damage_refused("zip"):
        _check_directory(archive)
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                _check_zip(info)
                executable = bool((info.external_attr >> 16) & stat.S_IXUSR)
                yield Member(info.orig_filename, info.is_dir(), executable, _zip_chunks(packed, info, count))


def _check_directory(archive: Path) -> None:
    """Refuses a table of contents so long that reading it would exhaust the reader."""
    size = archive.stat().st_size
    reach = min(size, _ZIP_END.size + 0xFFFF + _ZIP64_LOCATOR)
    with archive.open("rb") as file:
        file.seek(size - reach)
        tail = file.read(reach)
    at = len(tail) - _ZIP_END.size
    if tail[at : at + 4] != b"PK\x05\x06" or tail[-2:] != b"\0\0":
        at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _ZIP_END.size > len(tail):
        raise zipfile.BadZipFile("it has no table of contents")
    if tail[max(0, at - _ZIP64_LOCATOR) : at].startswith(b"PK\x06\x07"):
        raise DeploymentRefused(
            "The archive can't be taken: it is a zip of the 64-bit kind.", hint="Pack it as tar.gz instead."
        )
    directory: int = _ZIP_END.unpack_from(tail, at)[5]
    if directory > _MOST_DIRECTORY:
        raise DeploymentRefused(
            f"The archive can't be taken: its table of contents has {directory:,} bytes, {_MOST_DIRECTORY:,} are the most.",
            hint="Leave out what the handlers don't need, or pack it as tar.gz.",
        )


def _check_zip(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise refused(name, "is a link", hint="Put the file itself there.")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise refused(name, "is neither a file nor a folder")
    if info.flag_bits & 0x1:
        raise refused(name, "is encrypted", hint="Pack it without a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refused(name, "is packed by a method other than deflate", hint="Pack it with the usual settings.")


def _zip_chunks(packed: zipfile.ZipFile, info: zipfile.ZipInfo, count: Callable[[int], None]) -> Iterator[bytes]:
    if info.is_dir():
        return
    with _damage_refused("zip"), packed.open(info) as file:
        while chunk := file.read(CHUNK):
            count(len(chunk))
            yield chunk
