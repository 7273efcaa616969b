"""Sees that files have changed: by looking at them now and then, which works on every system and every disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

INTERVAL = 0.4
"""Seconds between two looks."""
_IGNORED = frozenset({"__pycache__", "node_modules", "venv"})
_IGNORED_SUFFIXES = (".pyc", ".pyo", ".swp", "~")

Snapshot = dict[str, tuple[int, int]]
"""Path → time of the last change in nanoseconds, and size in bytes."""


def snapshot(path: Path) -> Snapshot:
    """How the file at ``path``, or every file in the folder, stands now. Hidden files and caches don't count."""
    if not path.is_dir():
        return _look(str(path))
    found: Snapshot = {}
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _IGNORED]
        for name in files:
            if not name.startswith(".") and not name.endswith(_IGNORED_SUFFIXES):
                found |= _look(os.path.join(folder, name))  # noqa: PTH118 - os.walk's own terms
    return found


def wait_for_change(path: Path, before: Snapshot, pause: Callable[[float], object]) -> Snapshot:
    """Waits until something differs from ``before``, and then until writing has settled for one look.

    Args:
        path: the file or folder.
        before: how it stood.
        pause: waits so many seconds.

    Returns:
        How it stands now.
    """
    seen = before
    while True:
        pause(INTERVAL)
        now = snapshot(path)
        if now == seen and now != before:
            return now
        seen = now


def _look(path: str) -> Snapshot:
    try:
        found = os.stat(path)  # noqa: PTH116 - as above
    except OSError:
        # Editors replace files: it may be gone for a moment.
        return {}
    return {path: (found.st_mtime_ns, found.st_size)}
