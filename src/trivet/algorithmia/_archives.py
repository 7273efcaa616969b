"""Archives, packed and unpacked on this machine."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from trivet.algorithmia.errors import AnswerError, DataApiError


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
        DataApiError: it is no archive, or a broken one.
    """
    folder = tempfile.mkdtemp()
    try:
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder)  # noqa: S202 — `zipfile` lets nothing out of the folder
            names = archive.namelist()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DataApiError(f"unable to unpack {place} - {error}") from error
    return folder if len(names) != 1 else str(Path(folder, names[0]))


def unpack_template(archive: Path, folder: Path) -> None:
    """Unpacks an archive (gzip and tar) to a folder, and lets nothing out of that.

    Raises:
        AnswerError: it is no archive, or one that would.
    """
    try:
        with tarfile.open(archive, "r:gz") as packed:
            packed.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise AnswerError(f"The template is no archive that can be unpacked: {error}.") from error
