"""Removing folders that programs of others have filled: the server and the supervisors of algorithms both have to."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_folder(folder: Path) -> None:
    """Removes a folder with all that is in it. What can't be removed stays, and nothing is raised.

    A program can leave folders so deep in one another that their path is longer than any path may be, and that ``shutil.rmtree``,
    which calls itself for each, raises `RecursionError`; and folders that nobody may look into. So each folder within is moved to
    the top before it is looked into, and opened to its owner. Links are never followed.

    Args:
        folder: nothing happens where it is not there, or is a link.
    """
    with suppress(OSError):
        if folder.is_symlink():
            return
        folder.chmod(0o700)
        top = os.open(folder, _FOLDER)
        try:
            _clear(top)
        finally:
            os.close(top)
        folder.rmdir()


def _clear(top: int) -> None:
    mark = f".{os.urandom(8).hex()}-"
    moved = 0
    left = ["."]
    while left:
        name = left.pop()
        with suppress(OSError):
            here = os.open(name, _FOLDER, dir_fd=top)
            try:
                with os.scandir(here) as entries:
                    found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
                for inner, is_folder in found:
                    with suppress(OSError):
                        if not is_folder:
                            os.unlink(inner, dir_fd=here)
                            continue
                        os.chmod(inner, 0o700, dir_fd=here)
                        moved += 1
                        os.rename(inner, f"{mark}{moved}", src_dir_fd=here, dst_dir_fd=top)
                        left.append(f"{mark}{moved}")
            finally:
                os.close(here)
            if name != ".":
                os.rmdir(name, dir_fd=top)
