"""Unpacking what strangers have packed: nothing beside the folder, and no more than a bound."""

from __future__ import annotations

import errno
import io
import re
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from trivet.runpod.error import RunPodError
from trivet.runpod.serverless.utils.rp_ssrf import LARGEST, SSRFError

_MOST_NAMES = 500_000
"""Files and folders in it, counted along each path."""
_DEEPEST = 100
"""Folders in one another: what removes them goes down step by step, and Python allows no more than some hundreds."""
_LONGEST_LIST = 16 * 1024 * 1024
"""Bytes of its list of entries, which takes some times its size in memory."""
_PIECE = 1024 * 1024
_PACKINGS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""The others unpack a kilobyte to gigabytes at once, and nothing can stop them in between."""
_DRIVE = re.compile(r"[A-Za-z]:")
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, OverflowError, RuntimeError)
"""What zipfile raises for archives; the last where it wants a password, or knows something not."""
_NONSENSE = frozenset({errno.EINVAL, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG})
"""What the system says to places before a file's start, one name for a file and a folder, and names that are too long."""


class BadArchiveError(RunPodError, ValueError, zipfile.BadZipFile):
    """A file that calls itself a ZIP archive is none."""

    default_code = "bad_archive"


def unpack(archive: Path, folder: Path, most: int) -> None:
    """Unpacks a ZIP archive; where that fails, nothing of it is left.

    Links in it become plain files, and modes are not taken over.

    Args:
        archive: the file.
        folder: where it goes; made here.
        most: bytes that all of its content may have.

    Raises:
        BadArchiveError: it is no archive, is damaged, needs a password, or is not packed by deflate.
        SSRFError: its content is too much, or an entry leads out of the folder.
        OSError: it can't be written.
    """
    try:
        with _Bounded(archive) as file, zipfile.ZipFile(file) as packed:
            folder.mkdir()
            try:
                _unpack(packed, folder, most)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    except (*_DAMAGES, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NONSENSE:
            raise
        raise BadArchiveError(f"{archive.name} is no ZIP archive that can be read: {error}") from error


class _Bounded(io.FileIO):
    """A file of which no more is read at once than a list of entries may have: zipfile reads that before anybody can look."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LONGEST_LIST:
            raise SSRFError(
                f"The archive's list of entries has {size} bytes.", code="too_large", hint="Pack fewer files into one."
            )
        return super().read(size) or b""


def _unpack(packed: zipfile.ZipFile, folder: Path, most: int) -> None:
    places = [(entry, _inside(entry.filename)) for entry in packed.infolist()]
    depths = [len(place.parts) for _, place in places]
    if sum(depths) > _MOST_NAMES:
        raise SSRFError(f"The archive has {sum(depths)} files and folders.", code="too_large", hint="Pack fewer.")
    if max(depths, default=0) > _DEEPEST:
        raise SSRFError(f"The archive has {max(depths)} folders in one another.", code="too_large", hint="Pack fewer.")
    left = most
    for entry, place in places:
        if entry.compress_type not in _PACKINGS:
            raise zipfile.BadZipFile("it is packed by another method than deflate")
        target = folder / place
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with packed.open(entry) as content, target.open("wb") as file:
            while piece := content.read(_PIECE):  # what an entry says of its size need not be so
                left -= len(piece)
                if left < 0:
                    raise SSRFError(
                        f"The archive holds more than {most} bytes.", code="too_large", hint=f"{LARGEST} bounds it."
                    )
                file.write(piece)


def _inside(name: str) -> PurePosixPath:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not name or name[0] in "/\\" or ".." in parts or _DRIVE.match(name):
        raise SSRFError(
            f"The archive has an entry {name[:200]!r}, which leads out of its folder.", hint="Pack it anew."
        )
    return PurePosixPath(*parts)
