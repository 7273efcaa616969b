"""What is in folders that are mirrored, and what a mirror says that it holds: its manifest, and which state is the newer one."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from trivet.sdk._json import JsonValue, object_in

FORMAT = 1
SMALL = 256 * 1024
"""Bytes; a file of this size or more is kept by itself."""
UNFINISHED = ".trivet-part"
"""How a file ends that is being written."""
_EXACT = 2.0
"""Seconds by which times may differ that mean the same: archives and network volumes round them."""


class Entry(NamedTuple):
    """A file: its path, its size in bytes, when it was changed (seconds since 1970)."""

    path: str
    size: int
    changed: float

    @classmethod
    def of(cls, path: str) -> Entry | None:
        """What is at a path; None where no file is there."""
        try:
            found = Path(path).lstat()
        except OSError:
            return None
        return cls(path, found.st_size, found.st_mtime) if stat.S_ISREG(found.st_mode) else None

    def supersedes(self, other: Entry | None) -> bool:
        """Whether it is to take another's place."""
        if other is None or self.changed > other.changed + _EXACT:
            return True
        return self.size != other.size and self.changed >= other.changed - _EXACT

    def differs(self, other: Entry | None) -> bool:
        """Whether it is another state than that."""
        return other is None or self.size != other.size or abs(self.changed - other.changed) > _EXACT


class Listing(NamedTuple):
    """What a mirror holds: files by path, links by path with what they point to, and which archive goes with it."""

    files: dict[str, Entry]
    links: dict[str, str]
    archive: str = ""

    @classmethod
    def parsed(cls, text: bytes) -> Listing | None:
        """A manifest's listing; None where the text is none."""
        found = object_in(text)
        if found is None or found.get("version") != FORMAT:
            return None
        files = {entry.path: entry for part in ("small", "big") for entry in _entries(found.get(part))}
        archive = found.get("archive")
        return cls(files, dict(_links(found.get("links"))), archive if isinstance(archive, str) else "")

    def manifest(self) -> str:
        """The listing as a manifest has it."""
        parts: dict[str, list[dict[str, JsonValue]]] = {"small": [], "big": []}
        for path, entry in sorted(self.files.items()):
            part = "small" if entry.size < SMALL else "big"
            parts[part].append({"path": path, "size": entry.size, "mtime": entry.changed})
        links = [{"path": path, "target": target} for path, target in sorted(self.links.items())]
        return json.dumps({"version": FORMAT, "threshold": SMALL, **parts, "links": links, "archive": self.archive})


class Bounds:
    """Folders that are mirrored; nothing beside them is read or written.

    Args:
        folders: absolute paths.
    """

    def __init__(self, folders: Iterable[str]) -> None:
        self.folders = tuple(os.path.normpath(folder) for folder in folders)
        self._real = tuple(os.path.realpath(folder) for folder in self.folders)

    def __contains__(self, path: str) -> bool:
        """Whether a path lies in one of the folders, by its name and, where links lead on, by where it really is."""
        return self._within(os.path.normpath(path), self.folders) and self._within(
            os.path.realpath(Path(path).parent), self._real
        )

    @staticmethod
    def _within(path: str, folders: Iterable[str]) -> bool:
        return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)

    def holds_link(self, path: str, target: str) -> bool:
        """Whether a link lies in the folders and leads to a place in them, whatever other links of a mirror come to be."""
        parts = PurePosixPath(target).parts
        back = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
        if ".." in parts[back:]:  # where that leads depends on what is a link before it
            return False
        return path in self and self._within(os.path.realpath(Path(path).parent / target), self._real)

    def listing(self, beside: Path) -> Listing:
        """The files and links that are in the folders now.

        Args:
            beside: a folder that is passed over: the mirror itself, where it lies in one of them.
        """
        found = Listing({}, {})
        for folder in self.folders:
            for at, folders, files in os.walk(folder):
                if Path(at) == beside:
                    folders.clear()
                    continue
                for name in (*folders, *files):
                    path = f"{at}/{name}"
                    if Path(path).is_symlink():
                        if self.holds_link(path, target := str(Path(path).readlink())):
                            found.links[path] = target
                    elif not name.endswith(UNFINISHED) and (entry := Entry.of(path)):
                        found.files[path] = entry
        return found


def _entries(listed: JsonValue) -> Iterator[Entry]:
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict):
            path, size, changed = item.get("path"), item.get("size"), item.get("mtime")
            if isinstance(path, str) and isinstance(size, int) and isinstance(changed, int | float):
                yield Entry(path, size, float(changed))


def _links(listed: JsonValue) -> Iterator[tuple[str, str]]:
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict):
            path, target = item.get("path"), item.get("target")
            if isinstance(path, str) and isinstance(target, str):
                yield path, target
