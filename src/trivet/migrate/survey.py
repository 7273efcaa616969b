"""A whole codebase, read and judged."""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trivet.migrate import notebooks, reading, requirements, texts
from trivet.migrate.files import Untold, Walk
from trivet.migrate.support import Entry, Support, Verdict, supports
from trivet.migrate.uses import Use

_LARGEST = 16 << 20
"""Bytes of a file that is read; what is larger is no program."""
_OWN = Entry(Verdict.UNCLEAR, "a module of this codebase has this name, too", "see by hand which of the two is meant")


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Attributes:
        root: the folder that all names of files are below.
        uses: every use, by file and line.
        unread: files that name an original and can't be read.
        skipped: links that lead elsewhere, and files of odd kinds.
        files: how many were looked at.
    """

    root: Path
    uses: tuple[Use, ...]
    unread: tuple[Untold, ...]
    skipped: tuple[Untold, ...]
    files: int

    @property
    def is_all_supported(self) -> bool:
        """Whether the drop-in modules can take the originals' place everywhere."""
        return not self.unread and all(use.verdict.is_good for use in self.uses)

    def count(self) -> dict[Verdict, int]:
        """How many uses there are of each verdict."""
        found = Counter(use.verdict for use in self.uses)
        return {verdict: found[verdict] for verdict in Verdict}


def survey(path: Path, exclude: Sequence[str] = (), watch: Callable[[int], None] = lambda count: None) -> Survey:
    """Reads a codebase: programs, notebooks and requirement files.

    What others wrote (environments, hidden folders, `node_modules`, what was built, what `.gitignore` leaves out) is passed over.

    Args:
        path: a folder, or one file.
        exclude: patterns of names, or of paths below the folder, that are passed over, too.
        watch: is told how many files have been looked at, after each.
    """
    walk = Walk(path, exclude)
    uses: list[Use] = []
    unread: list[Untold] = []
    count = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python thinks of the program's texts is not the question
        for file in walk.files():
            name = file.relative_to(walk.root).as_posix()
            count += 1
            try:
                uses += _own_apart(_read(file, name, supports()), (file.parent, walk.root, walk.root / "src"))
            except (OSError, SyntaxError, TypeError, ValueError, RecursionError, MemoryError) as error:
                if _may_mention(file):
                    unread.append(Untold(name, _in_words(error)))
            watch(count)
    return Survey(walk.root, tuple(uses), (*unread, *walk.closed), tuple(walk.skipped), count)


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
        if use.name.partition(".")[0] in own and not use.is_requirement
        else use
        for use in uses
    ]


def _read(file: Path, name: str, tables: Sequence[Support]) -> list[Use]:
    if file.stat().st_size > _LARGEST:
        raise ValueError("it is too large to be a program")
    data = file.read_bytes()
    if file.suffix in (".py", ".pyi"):
        return _read_program(data, name, tables)
    text = texts.plain(data).content
    if file.suffix == ".ipynb":
        is_named = reading.names_one(text, tables) or requirements.names_one(text, tables)
        return notebooks.read(text, name, tables) if is_named else []
    return requirements.read(text, name, tables)


def _read_program(data: bytes, name: str, tables: Sequence[Support]) -> list[Use]:
    is_setup = name.rpartition("/")[2] == "setup.py"
    if not is_setup and not reading.names_one(data.decode("latin-1"), tables) and b"# /// script" not in data:
        return []  # names are ASCII in all encodings that a program can have
    source = texts.program(data).content
    uses = reading.read(source, name, tables) if reading.names_one(source, tables) else []
    if is_setup or "# /// script" in source:
        uses += requirements.read(source, name, tables)
    return sorted(uses, key=lambda use: (use.line, use.column))


def _may_mention(file: Path) -> bool:
    try:
        text = file.read_bytes()[:_LARGEST].decode("latin-1")
    except OSError:
        return True
    return reading.names_one(text, supports()) or (
        file.suffix not in (".py", ".pyi", ".ipynb") and requirements.names_one(text, supports())
    )


def _in_words(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        where = f"line {error.lineno}: " if error.lineno else ""
        return f"{where}{error.msg} (read as Python {sys.version_info.major}.{sys.version_info.minor})"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, (RecursionError, MemoryError)):
        return "it is nested too deeply"
    return re.sub(r"\s+", " ", str(error))[:200] or type(error).__name__
