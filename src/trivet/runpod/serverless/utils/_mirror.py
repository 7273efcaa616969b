"""A mirror of local folders on a volume: what is where, what is newer, and how it gets there.

The layout is the original's, so that a volume that one has filled serves the other: small files in one archive
(``small.tar``), large ones each by itself below ``big/``, and a list of both (``manifest.json``), which is written last. Links
and the archive's identity stand in fields of our own, which the original does not read.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
import tarfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from trivet.sdk._json import JsonValue, object_in

FORMAT = 1
SMALL = 256 * 1024
"""Bytes; a file of this size or more is kept by itself."""
_UNFINISHED = ".trivet-part"
_EXACT = 2.0
"""Seconds by which times may differ that mean the same: archives and network volumes round them."""


Pair = tuple[str, str]
"""Where a file is, and where it goes."""


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


class Bounds:
    """Folders that are mirrored; nothing beside them is read or written.

    Args:
        folders: absolute paths.
    """

    def __init__(self, folders: Iterable[str]) -> None:
        self.folders = tuple(os.path.normpath(folder) for folder in folders)

    def __contains__(self, path: str) -> bool:
        """Whether a path lies in one of the folders, by its name and, where links lead on, by where it really is."""
        return self._within(os.path.normpath(path), self.folders) and self._within(
            os.path.realpath(Path(path).parent), map(os.path.realpath, self.folders)
        )

    @staticmethod
    def _within(path: str, folders: Iterable[str]) -> bool:
        return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)

    def holds_link(self, path: str, target: str) -> bool:
        """Whether a link lies in the folders and leads to a place in them."""
        return path in self and os.path.normpath(Path(path).parent / target) in self

    def listing(self) -> Listing:
        """The files and links that are in the folders now."""
        found = Listing({}, {})
        for folder in self.folders:
            for at, folders, files in os.walk(folder):
                for name in (*folders, *files):
                    path = f"{at}/{name}"
                    if Path(path).is_symlink():
                        if self.holds_link(path, target := str(Path(path).readlink())):
                            found.links[path] = target
                    elif not name.endswith(_UNFINISHED) and (entry := Entry.of(path)):
                        found.files[path] = entry
        return found


class Mirror:
    """The mirror in one folder of a volume.

    Args:
        root: the folder; made when something is written.
        threads: how many large files are copied at a time.
    """

    def __init__(self, root: Path, threads: int) -> None:
        self.root = root
        self._threads = threads

    def listing(self) -> Listing | None:
        """What it holds; None where there is none yet, or none that can be read."""
        try:
            found = object_in((self.root / "manifest.json").read_bytes())
        except FileNotFoundError:
            return None
        if found is None or found.get("version") != FORMAT:
            return None
        files = {entry.path: entry for part in ("small", "big") for entry in _entries(found.get(part))}
        archive = found.get("archive")
        return Listing(files, dict(_links(found.get("links"))), archive if isinstance(archive, str) else "")

    def restore(self, held: Listing, bounds: Bounds) -> list[str]:
        """Copies to this machine what is missing or older here; returns the paths of the files."""
        wanted = {
            path: entry for path, entry in held.files.items() if path in bounds and entry.supersedes(Entry.of(path))
        }
        restored = self._copied((self._large(path), path) for path in _large_ones(wanted))
        restored += self._unpacked(set(_small_ones(wanted)))
        for path, target in held.links.items():
            if bounds.holds_link(path, target) and not os.path.lexists(path):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).symlink_to(target)
        return restored

    def store(self, here: Listing, held: Listing | None, kept: Listing) -> int:
        """Copies to the volume what is missing or older there, and lists it; returns how many files that were.

        Args:
            here: what is on this machine.
            held: what the mirror says that it holds.
            kept: the part of that which stays although it is not on this machine.
        """
        known = Listing({}, {}) if held is None else held
        large = [path for path in _large_ones(here.files) if here.files[path].supersedes(Entry.of(self._large(path)))]
        copied = self._copied((path, self._large(path)) for path in large)
        lost = set(large).difference(copied)
        small = _small_ones(here.files)
        changed = [path for path in small if here.files[path].differs(known.files.get(path))]
        packed = {*small, *_small_ones(kept.files)}
        if changed or packed.symmetric_difference(_small_ones(known.files)) or known.archive != self._identity():
            self._pack(small, packed.difference(small))
        listing = Listing(
            {**kept.files, **{path: entry for path, entry in here.files.items() if path not in lost}},
            {**kept.links, **here.links},
            self._identity(),
        )
        if listing != held:
            self._list(listing)
        for path in set(_large_ones(known.files)).difference(_large_ones(listing.files)):
            Path(self._large(path)).unlink(missing_ok=True)
        return len(copied) + len(changed)

    def _large(self, path: str) -> str:
        return str(self.root / "big" / path.lstrip("/"))

    def _identity(self) -> str:
        """What tells one archive from another: two workers may write at the same time."""
        try:
            found = (self.root / "small.tar").stat()
        except OSError:
            return ""
        return f"{found.st_size}-{found.st_mtime_ns}"

    def _copied(self, pairs: Iterable[Pair]) -> list[str]:
        """Copies files, some at a time; returns the paths on this machine of those that were there to be copied."""
        return [path for path in _together(self._copy, list(pairs), self._threads) if path]

    def _copy(self, pair: Pair) -> str:
        source, target = pair
        try:
            with _replacing(Path(target)) as unfinished:
                shutil.copy2(source, unfinished, follow_symlinks=False)
        except FileNotFoundError:
            return ""  # it went meanwhile
        return target if source.startswith(f"{self.root}/") else source

    def _pack(self, small: Iterable[str], kept: set[str]) -> None:
        """Writes the archive anew: of files on this machine, and of those of the archive before that are kept."""
        archive = self.root / "small.tar"
        with _replacing(archive) as unfinished, tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as packed:
            for path in sorted(small):
                with suppress(FileNotFoundError):  # it went meanwhile
                    packed.add(path, arcname=path.lstrip("/"), recursive=False)
            if kept and archive.exists():
                with tarfile.open(archive) as before:
                    for member in before:
                        if f"/{member.name}" in kept and member.isreg():
                            packed.addfile(member, before.extractfile(member))

    def _unpacked(self, wanted: set[str]) -> list[str]:
        found: list[str] = []
        archive = self.root / "small.tar"
        if not wanted or not archive.exists():
            return found
        with tarfile.open(archive) as packed:
            for member in packed:
                path = f"/{member.name}"
                content = packed.extractfile(member) if path in wanted and member.isreg() else None
                if content is None:
                    continue
                with _replacing(Path(path)) as unfinished:
                    with unfinished.open("wb") as file:
                        shutil.copyfileobj(content, file)
                    unfinished.chmod(member.mode & 0o777)
                    os.utime(unfinished, (member.mtime, member.mtime))
                found.append(path)
        return found

    def _list(self, listing: Listing) -> None:
        parts: dict[str, list[dict[str, JsonValue]]] = {"small": [], "big": []}
        for path, entry in sorted(listing.files.items()):
            part = "small" if entry.size < SMALL else "big"
            parts[part].append({"path": path, "size": entry.size, "mtime": entry.changed})
        links = [{"path": path, "target": target} for path, target in sorted(listing.links.items())]
        document = {"version": FORMAT, "threshold": SMALL, **parts, "links": links, "archive": listing.archive}
        with _replacing(self.root / "manifest.json") as unfinished:
            unfinished.write_text(json.dumps(document), encoding="utf-8")


@contextmanager
def _replacing(path: Path) -> Generator[Path]:
    """Where to write a file that takes its place when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}{_UNFINISHED}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _together(act: Callable[[Pair], str], pairs: Sequence[Pair], threads: int) -> list[str]:
    """What an act gives for each pair, some at a time; what one raises is raised when all have ended.

    This goes on while the interpreter ends, when a pool of threads takes nothing any more: a short program has its caches
    synced just then.
    """
    found: dict[int, str] = {}
    failures: list[BaseException] = []
    left, lock = iter(enumerate(pairs)), threading.Lock()

    def work() -> None:
        while not failures:
            with lock:
                taken = next(left, None)
            if taken is None:
                return
            try:
                found[taken[0]] = act(taken[1])
            except BaseException as error:  # noqa: BLE001 - it is raised below, where the acts were asked for
                failures.append(error)

    helpers = [threading.Thread(target=work, name="trivet-copy") for _ in range(min(threads, len(pairs)))]
    for helper in helpers:
        helper.start()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]
    return [found[place] for place in range(len(pairs))]


def _small_ones(files: Mapping[str, Entry]) -> list[str]:
    return [path for path, entry in files.items() if entry.size < SMALL]


def _large_ones(files: Mapping[str, Entry]) -> list[str]:
    return [path for path, entry in files.items() if entry.size >= SMALL]


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
