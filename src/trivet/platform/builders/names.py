"""The names in an archive: which may become paths, and which are an attack or would not survive another file system."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from trivet.platform.core.errors import DeploymentRefused

LONGEST_PATH = 1024
LONGEST_PART = 255
DEEPEST = 32

_DRIVE = re.compile(r"[A-Za-z]:")


def refused(name: str, why: str, hint: str = "") -> DeploymentRefused:
    """The refusal of an archive for one of its members: ``name`` is the member, ``why`` completes the sentence."""
    shown = name if len(name) <= 120 else f"{name[:119]}…"
    return DeploymentRefused(f"The archive can't be taken: {shown!r} {why}.", hint=hint)


class Names:
    """The members of one archive so far, each checked by itself and against those before it.

    Args:
        limit: how many members an archive may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted = 0
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def admit(self, name: str, *, is_folder: bool) -> PurePosixPath | None:
        """The relative path that a member may be written to; None for the archive's own top folder.

        Args:
            name: as it stands in the archive.
            is_folder: whether the member is a folder.

        Raises:
            DeploymentRefused: the name escapes, can't be a path everywhere, or collides with an earlier one.
        """
        self._admitted += 1
        if self._admitted > self._limit:
            raise DeploymentRefused(
                f"The archive can't be taken: it has more than {self._limit:,} members.",
                hint="Leave out what the handlers don't need: environments, caches, data sets.",
            )
        path = _path(name)
        if path is None:
            if is_folder:
                return None
            raise refused(name, "is a file without a name")
        for folder in reversed(path.parents[:-1]):
            self._claim(name, folder, is_folder=True)
        self._claim(name, path, is_folder=is_folder)
        return path

    def _claim(self, name: str, path: PurePosixPath, *, is_folder: bool) -> None:
        text = str(path)
        # Names that differ only by case, or by how an accent is composed, are one file on some systems.
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
        mine, others = (self._folders, self._files) if is_folder else (self._files, self._folders)
        if key in others:
            raise refused(name, f"needs {others[key]!r} to be both a file and a folder")
        earlier = mine.get(key)
        if earlier is None:
            mine[key] = text
        elif earlier != text:
            raise refused(name, f"collides with {earlier!r}: some file systems can't tell the two names apart")
        elif not is_folder:
            raise refused(name, "is there twice")


def _path(name: str) -> PurePosixPath | None:
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise refused(name, "has a control character or bytes that are no text in its name")
    if name.startswith("/") or _DRIVE.match(name):
        raise refused(name, "is an absolute path")
    if "\\" in name:
        raise refused(name, "has a backslash in its name", hint="Pack with forward slashes between folders.")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise refused(name, "leads out of the archive's own folder")
    if len(parts) > DEEPEST:
        raise refused(name, f"lies more than {DEEPEST} folders deep")
    sizes = [len(part.encode()) for part in parts]
    if any(size > LONGEST_PART for size in sizes) or sum(sizes) + len(sizes) > LONGEST_PATH:
        raise refused(name, f"is too long: {LONGEST_PART} bytes a name and {LONGEST_PATH} a path are the most")
    return PurePosixPath(*parts) if parts else None
