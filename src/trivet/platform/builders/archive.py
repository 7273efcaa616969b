"""An upload becomes a folder: safely, or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from trivet.platform.builders.members import CHUNK, Limits, Member, members
from trivet.platform.builders.names import Names
from trivet.platform.core.errors import DeploymentRefused, StorageFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def unpack(archive: Path, filename: str, folder: Path, limits: Limits | None = None) -> None:
    """Unpacks an upload into a new folder.

    What is taken: a gzip-packed tar, a zip, or one Python file. Members may be files and folders only; links, devices, and
    names that escape or collide are refused. Bytes are counted as they are unpacked, as heads may lie. Where one folder
    holds all the rest, its content is what counts.

    Args:
        archive: the upload.
        filename: what the caller named it; it names the module where the upload is one Python file.
        folder: where to; it must not exist, and is removed again when this raises.
        limits: how much an archive may hold.

    Raises:
        DeploymentRefused: with the reason and the member's name.
        StorageFull: the disk is full.
    """
    folder.mkdir(parents=True)
    try:
        _fill(archive, filename, folder, limits or Limits())
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise StorageFull from error
        raise


def _fill(archive: Path, filename: str, folder: Path, limits: Limits) -> None:
    found = members(archive, limits)
    names = Names(limits.members)
    for member in found if found is not None else _single(archive, filename):
        path = names.admit(member.name, is_folder=member.is_folder)
        if path is None:
            continue
        target = folder / path
        if member.is_folder:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for chunk in member.chunks:
                file.write(chunk)
        target.chmod(0o755 if member.executable else 0o644)
    _hoist(folder)


def _single(archive: Path, filename: str) -> Iterator[Member]:
    name = PurePosixPath(filename).name
    if not name.lower().endswith(".py"):
        raise DeploymentRefused(
            f"{filename!r} is neither a gzip-packed tar, a zip, nor a Python file.",
            hint="Give `trivet deploy` the folder or the .py file itself; it packs them.",
        )
    # The file becomes a module, so its name must be able to be one.
    module = re.sub(r"\W", "_", name[:-3], flags=re.ASCII)
    yield Member(f"{module or 'main'}.py", False, False, _chunks(archive))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _hoist(folder: Path) -> None:
    """Where a folder was packed by its name, as ``tar czf x.tgz folder`` does, lifts its content to the top."""
    top = [entry for entry in os.scandir(folder) if not entry.name.startswith(("._", "__MACOSX"))]
    if len(top) != 1 or not top[0].is_dir() or Path(top[0].path, "__init__.py").exists():
        return
    # Out of the way first: its content may have the name of the folder itself.
    inner = folder.with_name(f"{folder.name}.inner")
    Path(top[0].path).rename(inner)
    shutil.rmtree(folder)
    inner.rename(folder)
