"""A ``/tmp`` of one's own: algorithms answer on a pipe there whose path is fixed, and leave there what nobody else may see."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

TMP = Path("/tmp")  # noqa: S108 - the very folder that this is about
_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_BIND, _MS_REC, _MS_SLAVE = 0x1000, 0x4000, 0x80000


def make_private(folder: Path, kept: Iterable[Path]) -> str:
    """Makes a folder the ``/tmp`` of the calling process and of all that it starts from now on. For once; Linux only.

    Unless it is root's, the process may have one thread as yet.

    Args:
        folder: an absolute path.
        kept: folders that are found where they are, even those in ``/tmp``.

    Returns:
        How it was done: in a mount namespace, or in a user namespace too.

    Raises:
        OSError: it can't be done here. ``/tmp`` is what it was, then.
    """
    if not sys.platform.startswith("linux"):
        raise OSError("this system has no namespaces")
    try:
        _call("unshare", _CLONE_NEWNS)
        way = "mount namespace"
    except PermissionError:
        _become_nobody_else()
        way = "user namespace"
    _mount(None, Path("/"), _MS_REC | _MS_SLAVE)  # what is mounted here stays here
    for path in _below_tmp(kept):
        place = folder / path.relative_to(TMP)
        place.mkdir(parents=True, exist_ok=True)
        _mount(path, place, _MS_BIND)
    _mount(folder, TMP, _MS_BIND | _MS_REC)
    return way


def _become_nobody_else() -> None:
    """Goes to a user namespace in which this user is who it was, and may mount."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS)
    for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(content)


def _below_tmp(paths: Iterable[Path]) -> list[Path]:
    """Those of the paths that are folders in ``/tmp``, without those that lie in another one of them."""
    found: list[Path] = []
    for path in sorted({path.resolve() for path in paths}):
        if path != TMP and path.is_relative_to(TMP) and path.is_dir() and not any(map(path.is_relative_to, found)):
            found.append(path)
    return found


def _mount(source: Path | None, target: Path, flags: int) -> None:
    _call("mount", None if source is None else bytes(source), bytes(target), None, ctypes.c_ulong(flags), None)


def _call(name: str, *arguments: object) -> None:
    """Calls a function of the C library.

    Raises:
        OSError: with what it said was wrong.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
