"""The Python files of a bundle, parsed and never run."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trivet.platform.core.errors import DeploymentRefused

MOST_TEXT = 32 * 1024 * 1024
"""Bytes of source that are parsed; the files nearest to the top come first."""
LARGEST_FILE = 4 * 1024 * 1024

_NOT_OURS = frozenset({"__pycache__", "__MACOSX", "node_modules", "site-packages"})


@dataclass(frozen=True, slots=True)
class PythonFile:
    """One parsed file; ``path`` is relative to the bundle, with slashes."""

    path: str
    tree: ast.Module = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SourceTree:
    """What lies in a bundle.

    ``faults`` are the sentences on files below the top that can't be parsed: they matter only where nothing else is found.
    """

    folder: Path
    python: tuple[PythonFile, ...]
    faults: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> SourceTree:
        """Parses the Python files of a bundle.

        Raises:
            DeploymentRefused: a file at the top has a syntax error: which file, which line, and its text.
        """
        parsed: list[PythonFile] = []
        faults: list[str] = []
        left = MOST_TEXT
        for path in _python_files(folder):
            name = path.relative_to(folder).as_posix()
            size = path.stat().st_size
            if size > min(left, LARGEST_FILE):
                continue
            left -= size
            source = path.read_bytes()
            try:
                tree = ast.parse(source, name)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                fault = _sentence(name, error)
                if path.parent == folder:
                    raise DeploymentRefused(fault, hint="Correct it and deploy again.") from error
                faults.append(fault)
            else:
                parsed.append(PythonFile(name, tree, source.decode("utf-8", "replace")))
        return cls(folder, tuple(parsed), tuple(faults))


def _python_files(folder: Path) -> Iterator[Path]:
    """The Python files of a folder, those nearest to the top first, without caches and environments."""
    level = [folder]
    while level:
        below: list[Path] = []
        for parent in level:
            for entry in sorted(os.scandir(parent), key=lambda each: each.name):
                if entry.name.startswith(".") or entry.name in _NOT_OURS:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if not Path(entry.path, "pyvenv.cfg").exists():
                        below.append(Path(entry.path))
                elif entry.name.endswith(".py"):
                    yield Path(entry.path)
        level = below


def _sentence(name: str, error: Exception) -> str:
    if not isinstance(error, SyntaxError):
        return f"{name} can't be parsed as Python: {str(error) or type(error).__name__}."
    line = (error.text or "").strip()[:200]
    text = f": {line}" if line else ""
    where = f", line {error.lineno}" if error.lineno else ""
    return f"There is a syntax error in {name}{where}{text} ({error.msg})."
