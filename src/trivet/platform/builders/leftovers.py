"""Leftovers: folders that nothing refers to any more."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path

from trivet.protocol.removal import remove_folder

_DOOMED = ".old"


def leftovers(folder: Path, keep: AbstractSet[str], before: float) -> list[Path]:
    """The folders in ``folder`` that are not named in ``keep`` and were last used before a moment (seconds since the epoch)."""
    found = folder.iterdir() if folder.is_dir() else ()
    return [item for item in found if item.name not in keep and _is_old(item, before)]


def remove(folder: Path, before: float) -> bool:
    """Removes a folder, unless it was used again; whoever uses it must be kept away meanwhile.

    It loses its name first: what a crash leaves of it is not taken for the whole, and is a leftover for the next time.
    """
    if not _is_old(folder, before):
        return False
    doomed = folder.with_name(f"{folder.name}{_DOOMED}")
    folder.rename(doomed)
    remove_folder(doomed)
    return True


def _is_old(folder: Path, before: float) -> bool:
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    # The time of its last change can't be set by what is in an archive; touching a folder sets both.
    return max(status.st_mtime, status.st_ctime) < before
