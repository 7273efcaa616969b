"""Archives, packed and unpacked on this machine."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import TypeVar

from trivet.algorithmia.errors import AnswerError, ApiError, DataApiError
from trivet.sdk._unpacking import TooMuchError, most_unpacked, opened_zip, unpack_tar

E = TypeVar("E", bound=ApiError)

_OF_NAMES = (FileExistsError, IsADirectoryError, NotADirectoryError)
"""What is raised where an archive's names are in each other's way; other errors of the disk are this machine's own."""


def pack(path: Path) -> Path:
    """Packs a file, or all files below a folder, to a temporary archive (zip).

    Raises:
        OSError: something can't be read.
    """
    with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file:
        target = Path(file.name)
    try:
        with zipfile.ZipFile(target, "w") as archive:
            if path.is_dir():
                for each in sorted(path.rglob("*")):
                    if each.is_file():
                        archive.write(each, each.relative_to(path))
            else:
                archive.write(path, path.name)
    except BaseException:
        target.unlink()
        raise
    return target


def unpack(packed: str, place: str) -> str:
    """Unpacks an archive (zip) to a temporary folder. `zipfile` lets nothing out of it.

    Args:
        packed: the archive.
        place: where it comes from.

    Returns:
        The folder; where the archive holds one file, that file.

    Raises:
        DataApiError: it is no archive, a broken one, or holds too much (``.code`` is then ``too_large``).
    """
    source = Path(packed)
    folder = tempfile.mkdtemp()
    try:
        with opened_zip(source, most_unpacked(source.stat().st_size)) as archive:
            # Where each has come to, `zipfile` says: an entry may be named as if it lay elsewhere.
            places = [archive.extract(entry, folder) for entry in archive.infolist()]
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(error, Exception) or (isinstance(error, OSError) and not isinstance(error, _OF_NAMES)):
            raise
        raise _refused(DataApiError, f"unable to unpack {place} - {error}", error) from error
    return folder if len(places) != 1 else places[0]


def unpack_template(archive: Path, folder: Path) -> None:
    """Unpacks an archive (gzip and tar) to a folder, and lets nothing out of that.

    Raises:
        AnswerError: it is no archive, one that would, or one that holds too much (``.code`` is then ``too_large``).
    """
    try:
        unpack_tar(archive, folder, most_unpacked(archive.stat().st_size))
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        raise _refused(AnswerError, f"The template is no archive that can be unpacked: {error}.", error) from error


def _refused(kind: type[E], message: str, error: Exception) -> E:
    if isinstance(error, TooMuchError):
        return kind(message, code="too_large", hint="Whoever packed it has to make it smaller, or several of it.")
    return kind(message)
