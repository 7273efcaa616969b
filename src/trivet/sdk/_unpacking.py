"""What an archive from elsewhere may bring to this machine: one rule for zip and tar, applied before anything is written."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

ALWAYS = 1024**3
"""Bytes that any archive may hold, however small it is."""
RATIO = 200
"""Bytes that each byte of a larger archive may become. What people pack becomes ten at most, a bomb a thousand."""
MOST_NAMES = 500_000
"""Files and folders in it, counted along each path."""
DEEPEST = 100
"""Folders in one another: what removes them goes down step by step, and Python allows no more than some hundreds."""
_LONGEST_LIST = 16 * 1024 * 1024
"""Bytes of a zip's list of entries, which takes some times its size in memory."""
_LONGEST_HEAD = 1024 * 1024
"""Bytes that are read at once of a tar; only heads made to exhaust their reader ask for more."""
_PACKINGS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""The others unpack a kilobyte to gigabytes at once, and nothing can stop them in between."""


class TooMuchError(ValueError):
    """An archive holds more than it may; the text says of what, as the end of a sentence about the archive."""


def most_unpacked(size: int) -> int:
    """How many bytes an archive may hold.

    Args:
        size: bytes that it has packed.
    """
    return max(ALWAYS, RATIO * size)


class Tally:
    """Counts the entries of one archive, by what they say of themselves.

    Args:
        most: bytes that they may have together, unpacked.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._unpacked = 0
        self._names = 0

    def count(self, name: str, size: int) -> None:
        """Counts one entry.

        Args:
            name: its path in the archive.
            size: its bytes, unpacked.

        Raises:
            TooMuchError: it is one too many, lies too deep, or is too large.
        """
        depth = len(PurePosixPath(name).parts)
        self._names += depth
        self._unpacked += size
        if depth > DEEPEST:
            raise TooMuchError(f"it has {depth} folders in one another, {DEEPEST} are the most")
        if self._names > MOST_NAMES:
            raise TooMuchError(f"it has more than {MOST_NAMES:,} files and folders")
        if self._unpacked > self._most:
            raise TooMuchError(f"it holds more than {self._most / 2**20:,.0f} MiB")


@contextmanager
def opened_zip(archive: Path, most: int) -> Generator[zipfile.ZipFile, None, None]:
    """A zip archive whose entries may all be unpacked: they are counted first, and `zipfile` gives none of them more bytes than
    it says that it has.

    Args:
        archive: the file.
        most: bytes that all entries may have together, unpacked.

    Raises:
        TooMuchError: they are more.
        zipfile.BadZipFile: it is no such archive, or is packed by another method than deflate.
        OSError: it can't be read.
    """
    tally = Tally(most)
    with _ListBounded(archive) as file, zipfile.ZipFile(file) as packed:
        for entry in packed.infolist():
            if entry.compress_type not in _PACKINGS:
                raise zipfile.BadZipFile("it is packed by another method than deflate")
            tally.count(entry.filename, entry.file_size)
        yield packed


def unpack_tar(archive: Path, folder: Path, most: int) -> None:
    """Unpacks a gzip-packed tar into a folder, and lets nothing out of that (the filter ``data`` of `tarfile`).

    Args:
        archive: the file.
        folder: where to; where this raises, what was unpacked so far stays there.
        most: bytes that it may have unpacked, heads and all.

    Raises:
        TooMuchError: they are more; each entry is counted before it is written.
        tarfile.TarError, EOFError, zlib.error: it is no such archive, or would get out.
        OSError: it can't be read or written; also where it is no such archive.
    """
    tally = Tally(most)
    with _Bounded(archive, most) as stream, tarfile.open(fileobj=stream, mode="r:") as packed:
        while (entry := packed.next()) is not None:
            tally.count(entry.name, entry.size)  # a sparse file says here what it becomes, and holds next to nothing
            packed.extract(entry, folder, filter="data")


class _ListBounded(io.FileIO):
    """A file of which no more is read at once than a list of entries may have: `zipfile` reads that before anybody can look."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LONGEST_LIST:
            raise TooMuchError(f"its list of entries has {size:,} bytes, {_LONGEST_LIST:,} are the most")
        return super().read(size) or b""


class _Bounded(gzip.GzipFile):
    """What a gzip-packed file holds, up to a bound: what `tarfile` passes over is unpacked as well, and counts."""

    def __init__(self, archive: Path, most: int) -> None:
        super().__init__(archive, "rb")
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _LONGEST_HEAD:
            raise tarfile.ReadError("the head of an entry is too long")
        self._reach(self.tell() + size)
        return super().read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:  # otherwise it is `tell` that asks
            self._reach(offset)
        return super().seek(offset, whence)

    def _reach(self, place: int) -> None:
        if place > self._most + _LONGEST_HEAD:  # whoever reads to the end asks for a little more than there is
            raise TooMuchError(f"it holds more than {self._most / 2**20:,.0f} MiB")
