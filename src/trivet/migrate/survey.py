"""A whole codebase: read, judged, and changed where it may be."""

from __future__ import annotations

import os
import re
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import unified_diff
from io import BytesIO
from pathlib import Path

from trivet.migrate import notebooks, reading, requirements, writing
from trivet.migrate.requirements import Fate
from trivet.migrate.support import Entry, Support, Verdict, supports
from trivet.migrate.uses import Use

_PASSED_OVER = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist", "venv", "env"})
_LARGEST = 16 << 20
"""Bytes of a file that is read; what is larger is no program."""
_OWN = Entry(Verdict.UNCLEAR, "a module of this codebase has this name, too", "see by hand which of the two is meant")


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that names an original package and can't be read."""

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Attributes:
        root: the folder that all names of files are below.
        uses: every use, by file and line.
        unread: files that can't be read.
        files: how many were looked at.
    """

    root: Path
    uses: tuple[Use, ...]
    unread: tuple[Unread, ...]
    files: int

    @property
    def is_all_supported(self) -> bool:
        """Whether the drop-in modules can take the originals' place everywhere."""
        return not self.unread and all(use.verdict.is_good for use in self.uses)

    def count(self) -> dict[Verdict, int]:
        """How many uses there are of each verdict."""
        found = Counter(use.verdict for use in self.uses)
        return {verdict: found[verdict] for verdict in Verdict}


@dataclass(frozen=True, slots=True)
class Change:
    """A file as it is and as it becomes."""

    file: str
    before: bytes
    after: bytes

    def lines(self) -> list[str]:
        """The lines that go (``-``) and that come (``+``)."""
        before, after = (data.decode("utf-8", "replace").splitlines() for data in (self.before, self.after))
        return [line for line in list(unified_diff(before, after, n=0))[2:] if not line.startswith("@@")]


def survey(path: Path) -> Survey:
    """Reads a codebase: programs, notebooks and requirement files.

    Folders that hold what others wrote (environments, hidden folders, `node_modules`, what was built) are passed over.

    Args:
        path: a folder, or one file.
    """
    root = path if path.is_dir() else path.parent
    uses: list[Use] = []
    unread: list[Unread] = []
    count = 0

    def closed(error: OSError) -> None:
        unread.append(Unread(Path(error.filename).relative_to(root).as_posix(), _in_words(error)))

    for file in _files(path, closed):
        name = file.relative_to(root).as_posix()
        count += 1
        try:
            uses += _own_apart(_read(file, name, supports()), (file.parent, root, root / "src"))
        except (OSError, SyntaxError, TypeError, ValueError, RecursionError) as error:
            if _may_mention(file):
                unread.append(Unread(name, _in_words(error)))
    return Survey(root, tuple(uses), tuple(unread), count)


def changes(found: Survey) -> list[Change]:
    """What is to be changed so that the drop-in modules take the originals' place, wherever all uses in a file are supported.

    A requirement goes when nothing here needs the original any more; else the drop-in's stands beside it.

    Args:
        found: what was found.

    Raises:
        NotReadable: a file that would have to be judged can't be read; nothing is to be changed then.
        ImportError: ``libcst`` is not installed.
    """
    if found.unread:
        raise writing.NotReadable("; ".join(f"{each.file}: {each.why}" for each in found.unread))
    by_file: dict[str, list[Use]] = {}
    for use in found.uses:
        by_file.setdefault(use.file, []).append(use)
    moved: set[str] = set()
    kept: set[str] = set()
    made: list[Change] = []
    for name, uses in by_file.items():
        if requirements.is_requirements(name):
            continue
        stays = {use.package for use in uses if not use.verdict.is_good or use.cell is not None}
        goes = {use.package for use in uses} - stays
        moved |= goes
        kept |= stays
        if goes:
            before = (found.root / name).read_bytes()
            after = writing.changed(before, [each for each in supports() if each.package in goes])
            made.append(Change(name, before, after))
    fates = {package: Fate.JOINED if package in kept else Fate.REPLACED for package in moved}
    for name in by_file:
        if requirements.is_requirements(name):
            before = (found.root / name).read_bytes()
            after = requirements.changed(before.decode(), name, supports(), fates).encode()
            made.append(Change(name, before, after))
    return [change for change in made if change.before != change.after]


def write(found: Survey, made: Sequence[Change]) -> None:
    """Writes changes: all of them are laid ready beside their files first, so that where one can't be, none is made.

    Raises:
        OSError: a file can't be written.
    """
    ready: dict[Path, Path] = {}
    try:
        for change in made:
            path = (found.root / change.file).resolve()  # a link stays one
            ready[path] = path.with_name(f".{path.name}.migrating")
            ready[path].write_bytes(change.after)
            ready[path].chmod(path.stat().st_mode & 0o7777)
    except OSError:
        for unfinished in ready.values():
            with suppress(OSError):
                unfinished.unlink()
        raise
    for path, unfinished in ready.items():
        unfinished.replace(path)


def _files(path: Path, closed: Callable[[OSError], None]) -> Iterator[Path]:
    """The files to be read, below a folder or the one; ``closed`` is told of folders that can't be looked into."""
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path, onerror=closed):
        here = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in _PASSED_OVER and not name.startswith(".") and not (here / name / "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            file = here / name
            is_read = name.endswith((".py", ".pyi", ".ipynb")) or requirements.is_requirements(
                file.relative_to(path).as_posix()
            )
            if is_read and not (file.is_symlink() and not file.exists()):  # a link to nowhere has nothing to move
                yield file


def _own_apart(uses: list[Use], folders: Sequence[Path]) -> list[Use]:
    """The uses in a file, those marked that may be of a module in one of the folders that it imports from."""
    roots = {use.name.partition(".")[0] for use in uses}
    own = {
        root
        for root in roots
        if any((folder / f"{root}.py").is_file() or (folder / root / "__init__.py").is_file() for folder in folders)
    }
    return [
        replace(use, verdict=_OWN.verdict, why=_OWN.why, instead=_OWN.instead)
        if use.name.partition(".")[0] in own
        else use
        for use in uses
    ]


def _read(file: Path, name: str, tables: Sequence[Support]) -> list[Use]:
    if file.stat().st_size > _LARGEST:
        raise ValueError("it is too large to be a program")
    data = file.read_bytes()
    if requirements.is_requirements(name):
        return requirements.read(data.decode(), name, tables)
    if file.suffix == ".ipynb":
        return notebooks.read(data.decode(), name, tables)
    encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
    source = data.decode(encoding)
    return reading.read(source, name, tables) if reading.mentions(source, tables) else []


def _may_mention(file: Path) -> bool:
    try:
        return reading.mentions(file.read_bytes()[:_LARGEST].decode("utf-8", "replace"), supports())
    except OSError:
        return True


def _in_words(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        where = f"line {error.lineno}: " if error.lineno else ""
        return f"{where}{error.msg}"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return re.sub(r"\s+", " ", str(error))[:200] or type(error).__name__
