"""The files of a codebase that are read: what its authors wrote, and nothing that a link leads to elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from trivet.migrate import ignoring
from trivet.migrate.ignoring import Ignores
from trivet.migrate.requirements import is_requirements

_PASSED_OVER = frozenset({"__pycache__", "node_modules", "site-packages"})
_BUILT = frozenset({"build", "dist"})
_PROJECT = frozenset({"pyproject.toml", "setup.py", "setup.cfg"})


@dataclass(frozen=True, slots=True)
class Untold:
    """A file of which nothing can be told.

    Attributes:
        file: its path, below the root.
        why: the reason.
    """

    file: str
    why: str


class Walk:
    """The files below a folder, or the one file that is asked about.

    Args:
        path: the folder, or the file.
        exclude: patterns, as a shell has them, of names or of paths below the folder that are passed over.

    Attributes:
        root: the folder that all names are below.
        skipped: links that lead elsewhere and files of odd kinds.
        closed: folders that can't be looked into.
    """

    def __init__(self, path: Path, exclude: Sequence[str] = ()) -> None:
        self._path = path
        self._exclude = exclude
        self.root = path if path.is_dir() else path.parent
        self.skipped: list[Untold] = []
        self.closed: list[Untold] = []

    def files(self) -> Iterator[Path]:
        """Each file once, folder by folder, by name."""
        if not self._path.is_dir():
            yield self._path
            return
        links: list[Path] = []
        read: set[Path] = set()
        holding = {self._path: ignoring.above(self._path.resolve())}
        real = self._path.resolve()
        for folder, folders, names in os.walk(self._path, onerror=self._onerror()):
            here = Path(folder)
            chain = (*holding.pop(here), *ignoring.of(real / here.relative_to(self._path)))
            kept = [name for name in sorted(folders) if self._is_kept(here / name, names, real, chain)]
            links += [here / name for name in kept if (here / name).is_symlink()]
            folders[:] = [name for name in kept if not (here / name).is_symlink()]
            holding.update({here / name: chain for name in folders})
            for name in sorted(names):
                file = here / name
                if not self._is_read(file) or self._is_left_out(file, real, chain, is_folder=False):
                    continue
                if file.is_symlink():
                    links.append(file)
                elif stat.S_ISREG(file.lstat().st_mode):
                    read.add(real / file.relative_to(self._path))
                    yield file
                else:
                    self.skipped.append(Untold(self._name(file), "it is no regular file"))
        for link in links:
            self._skip(link, real, read)

    def _skip(self, link: Path, real: Path, read: set[Path]) -> None:
        """Names a link, except where it leads to what is read anyhow, or to nothing."""
        try:
            target = link.resolve(strict=True)
        except (OSError, RuntimeError):
            return  # it leads nowhere, so there is nothing to move
        if not target.is_relative_to(real):
            self.skipped.append(Untold(self._name(link), "it is a link that leads out of the codebase"))
        elif target not in read and not target.is_dir():
            self.skipped.append(
                Untold(self._name(link), f"it is a link to {target.relative_to(real).as_posix()}, which is not read")
            )

    def _is_kept(self, folder: Path, beside: Sequence[str], real: Path, chain: Sequence[Ignores]) -> bool:
        name = folder.name
        return not (
            name in _PASSED_OVER
            or name.startswith(".")
            or (name in _BUILT and not _PROJECT.isdisjoint(beside))
            or (folder / "pyvenv.cfg").exists()
            or (folder / "conda-meta").is_dir()
            or self._is_left_out(folder, real, chain, is_folder=True)
        )

    def _is_left_out(self, path: Path, real: Path, chain: Sequence[Ignores], *, is_folder: bool) -> bool:
        name = self._name(path)
        return any(
            fnmatch(name, pattern.rstrip("/")) or fnmatch(path.name, pattern.rstrip("/")) for pattern in self._exclude
        ) or (bool(chain) and ignoring.is_ignored(real / path.relative_to(self._path), chain, is_folder=is_folder))

    def _is_read(self, file: Path) -> bool:
        return file.name.endswith((".py", ".pyi", ".ipynb")) or is_requirements(self._name(file))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _onerror(self) -> Callable[[OSError], None]:
        def onerror(error: OSError) -> None:
            self.closed.append(Untold(self._name(Path(error.filename)), error.strerror or str(error)))

        return onerror
