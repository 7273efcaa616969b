"""Files changed on the disk: all of them or none, and never half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

SUFFIX = ".migrating"
"""What ends the name of a file that is laid ready."""


class Refused(OSError):
    """A file is not to be changed: it is read-only, or has been changed by another meanwhile."""


def save(changes: Mapping[Path, tuple[bytes, bytes]]) -> None:
    """Changes files. All are laid ready beside those that they replace first; where anything fails, what was changed is put back.

    Modes stay, and owners, where that is allowed.

    Args:
        changes: of each file, what it holds and what it is to hold.

    Raises:
        OSError: a file can't be changed; none is.
        KeyboardInterrupt: somebody stopped it; no file is changed.
    """
    ready: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for path, (before, after) in changes.items():
            if path.stat().st_mode & 0o222 == 0 or not os.access(path, os.W_OK):
                raise Refused(13, "it is read-only; nothing was changed", str(path))
            if path.read_bytes() != before:
                raise Refused(11, "another has changed it meanwhile; nothing was changed, so try again", str(path))
            ready[path] = _lay(path, after)
        for path, beside in ready.items():
            done.append(path)
            beside.replace(path)
    except BaseException:
        for path in done:
            with suppress(OSError):
                if path.read_bytes() == changes[path][1]:
                    _lay(path, changes[path][0]).replace(path)
        for beside in ready.values():
            with suppress(OSError):
                beside.unlink()
        raise


def _lay(path: Path, data: bytes) -> Path:
    """Writes what a file is to hold to a new one beside it, with its mode and owner."""
    handle, name = tempfile.mkstemp(SUFFIX, f".{path.name}.", path.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        known = path.stat()
        if hasattr(os, "chown"):
            with suppress(OSError):  # only who may do everything may give files to others
                os.chown(beside, known.st_uid, known.st_gid)
        beside.chmod(known.st_mode & 0o7777)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    return beside
