"""A mirror of local folders on a volume: what goes there and comes from there, and how.

The layout is the original's, so that a volume that one has filled serves the other: small files in one archive
(``small.tar``), large ones each by itself below ``big/``, and a list of both (``manifest.json``), which is written last. Links
and the archive's identity stand in fields of our own, which the original does not read.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tarfile
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO

from trivet.runpod.serverless.utils._listing import SMALL, UNFINISHED, Bounds, Entry, Listing

_NOT_READ = (FileNotFoundError, PermissionError)
"""Where they are about a file of this machine, it is left out: it went meanwhile, or nobody lets us read it."""
_ABANDONED = 24 * 3600.0
"""Seconds after which nobody writes an unfinished file any more."""

Pair = tuple[str, str]
"""Where a file is, and where it goes."""


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
            return Listing.parsed((self.root / "manifest.json").read_bytes())
        except FileNotFoundError:
            return None

    def restore(self, held: Listing, bounds: Bounds) -> list[str]:
        """Copies to this machine what is missing or older here; returns the paths of the files.

        A large file that is not of the size that is listed is left where it is: a volume may lose what was written last.
        """
        wanted = {
            path: entry for path, entry in held.files.items() if path in bounds and entry.supersedes(Entry.of(path))
        }
        whole = (path for path in _large_ones(wanted) if self._holds(wanted[path]))
        restored = self._copied((self._large(path), path) for path in whole)
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
        large = [path for path in _large_ones(here.files) if self._wants(here.files[path], known.files.get(path))]
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
            with _replacing(self.root / "manifest.json") as unfinished:
                unfinished.write_text(listing.manifest(), encoding="utf-8")
            self._sweep()
        for path in set(_large_ones(known.files)).difference(_large_ones(listing.files)):
            Path(self._large(path)).unlink(missing_ok=True)
        return len(copied) + len(changed)

    def _large(self, path: str) -> str:
        return str(self.root / "big" / path.lstrip("/"))

    def _holds(self, entry: Entry) -> bool:
        stored = Entry.of(self._large(entry.path))
        return stored is not None and stored.size == entry.size

    def _wants(self, entry: Entry, listed: Entry | None) -> bool:
        """Whether a large file is to be copied: it is newer, or what is there is neither it nor what is listed."""
        stored = Entry.of(self._large(entry.path))
        return stored is None or entry.supersedes(stored) or (stored.differs(listed) and stored.differs(entry))

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
        except _NOT_READ as error:
            if error.filename != source:
                raise
            return ""
        return target if source.startswith(f"{self.root}/") else source

    def _pack(self, small: Iterable[str], kept: set[str]) -> None:
        """Writes the archive anew: of files on this machine, and of those of the archive before that are kept."""
        archive = self.root / "small.tar"
        with _replacing(archive) as unfinished, tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as packed:
            packed.dereference = True  # else the second name of a file has no content of its own
            for path in sorted(small):
                try:
                    packed.add(path, arcname=path.lstrip("/"), recursive=False)
                except _NOT_READ as error:
                    if error.filename != path:
                        raise
            with suppress(FileNotFoundError, tarfile.TarError):  # what comes before the damage is kept
                for member, content in _members(archive, kept):
                    packed.addfile(member, BytesIO(content.read()))

    def _unpacked(self, wanted: set[str]) -> list[str]:
        found: list[str] = []
        with suppress(FileNotFoundError):
            for member, content in _members(self.root / "small.tar", wanted):
                path = f"/{member.name}"
                with _replacing(Path(path)) as unfinished:
                    with unfinished.open("wb") as file:
                        shutil.copyfileobj(content, file)
                    unfinished.chmod(member.mode & 0o777)
                    os.utime(unfinished, (member.mtime, member.mtime))
                found.append(path)
        return found

    def _sweep(self) -> None:
        """Removes what writers have left that were killed."""
        before = time.time() - _ABANDONED
        for at, _, files in os.walk(self.root):
            for name in files:
                path = Path(at, name)
                with suppress(FileNotFoundError):
                    if name.endswith(UNFINISHED) and path.lstat().st_ctime < before:
                        path.unlink()


@contextmanager
def _replacing(path: Path) -> Generator[Path]:
    """Where to write a file that takes its place when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{secrets.token_hex(8)}{UNFINISHED}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _members(archive: Path, wanted: Collection[str]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """The files of an archive whose paths are wanted, and their content, to be read before the next one's."""
    if not wanted:
        return
    with tarfile.open(archive, "r:") as packed:
        for member in packed:
            content = packed.extractfile(member) if f"/{member.name}" in wanted and member.isreg() else None
            if content is not None:
                yield member, content


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
