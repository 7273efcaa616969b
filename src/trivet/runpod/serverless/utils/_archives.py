"""Unpacking what strangers have packed: nothing beside the folder, and no more than a bound."""

from __future__ import annotations

import errno
import re
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from trivet.runpod.error import RunPodError
from trivet.runpod.serverless.utils.rp_ssrf import LARGEST, SSRFError
from trivet.sdk._unpacking import Tally, TooMuchError, opened_zip

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
        with opened_zip(archive, most) as packed:
            folder.mkdir()
            try:
                _unpack(packed, folder, most)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    except TooMuchError as error:
        raise SSRFError(
            f"The archive is not unpacked: {error}.",
            code="too_large",
            hint=f"Pack less into one; {LARGEST} bounds what may come of it.",
        ) from error
    except (*_DAMAGES, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NONSENSE:
            raise
        raise BadArchiveError(f"{archive.name} is no ZIP archive that can be read: {error}") from error


def _unpack(packed: zipfile.ZipFile, folder: Path, most: int) -> None:
    places = [(entry, _inside(entry.filename)) for entry in packed.infolist()]
    tally = Tally(most)
    for entry, place in places:  # once more, as a backslash is taken for a slash here
        tally.count(str(place), entry.file_size)
    for entry, place in places:
        target = folder / place
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with packed.open(entry) as content, target.open("wb") as file:
            shutil.copyfileobj(content, file)


def _inside(name: str) -> PurePosixPath:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not name or name[0] in "/\\" or ".." in parts or _DRIVE.match(name):
        raise SSRFError(
            f"The archive has an entry {name[:200]!r}, which leads out of its folder.", hint="Pack it anew."
        )
    return PurePosixPath(*parts)
