"""Unpacking what strangers have packed: nothing beside the folder, and no more than a bound."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path, PurePosixPath

from trivet.runpod.error import RunPodError
from trivet.runpod.serverless.utils.rp_ssrf import LARGEST, SSRFError

_MOST_ENTRIES = 100_000
_PIECE = 1024 * 1024


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
        BadArchiveError: it is no archive, is damaged, or needs a password.
        SSRFError: its content is too much, or an entry leads out of the folder.
        OSError: it can't be written.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            folder.mkdir()
            try:
                _unpack(packed, folder, most)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:  # zipfile's own words for these
        raise BadArchiveError(f"{archive.name} is no ZIP archive that can be read: {error}") from error


def _unpack(packed: zipfile.ZipFile, folder: Path, most: int) -> None:
    entries = packed.infolist()
    if len(entries) > _MOST_ENTRIES:
        raise SSRFError(f"The archive has {len(entries)} entries.", code="too_large", hint="Pack fewer.")
    left = most
    for entry in entries:
        place = folder / _inside(entry.filename)
        if entry.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        with packed.open(entry) as content, place.open("wb") as file:
            while piece := content.read(_PIECE):  # what an entry says of its size need not be so
                left -= len(piece)
                if left < 0:
                    raise SSRFError(
                        f"The archive holds more than {most} bytes.", code="too_large", hint=f"{LARGEST} bounds it."
                    )
                file.write(piece)


def _inside(name: str) -> PurePosixPath:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0]:
        raise SSRFError(
            f"The archive has an entry {name[:200]!r}, which leads out of its folder.", hint="Pack it anew."
        )
    return PurePosixPath(*parts)
