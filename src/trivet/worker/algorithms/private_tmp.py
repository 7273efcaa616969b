"""A ``/tmp`` of one's own: algorithms speak through a file there whose path is fixed, and keep there what is nobody else's business."""

from __future__ import annotations

import os
from collections.abc import Iterable

TMP = "/tmp"  # noqa: S108 - the very folder that this is about
_CLONE_NEWNS = 0x20000
_CLONE_NEWUSER = 0x10000000
_MS_BIND, _MS_REC, _MS_SLAVE = 0x1000, 0x4000, 0x80000


def make_private(folder: str, kept: Iterable[str]) -> str:
    """Makes ``folder`` the ``/tmp`` of the calling process and of all that it starts. Linux only.

    The process must have one thread as yet, where it is not root's. Call it once.

    Args:
        folder: an absolute path.
        kept: paths that stay where they are even if they lie in ``/tmp``.

    Returns:
        How it was done, in two words.

    Raises:
        OSError: it can't be done here; nothing has changed for the process then.
    """
    import ctypes

    if not hasattr(os, "posix_fallocate") or not os.path.isdir("/proc/self/ns"):
        raise OSError("this system has no namespaces")
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: object) -> None:
        if getattr(libc, name)(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)}")

    def bind(source: str, target: str, flags: int = 0) -> None:
        call("mount", os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(_MS_BIND | flags), None)

    way = "mount namespace"
    try:
        call("unshare", _CLONE_NEWNS)
    except PermissionError:
        way = "user namespace"
        user, group = os.getuid(), os.getgid()
        call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS)
        for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(content)
    call("mount", None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_SLAVE), None)
    for path in _below_tmp(kept):
        place = os.path.join(folder, os.path.relpath(path, TMP))
        os.makedirs(place, exist_ok=True)
        bind(path, place)
    bind(folder, TMP, _MS_REC)
    return way


def _below_tmp(paths: Iterable[str]) -> list[str]:
    """Those of the paths that are folders in ``/tmp``, without those that lie in another one of them."""
    real = sorted({os.path.realpath(path) for path in paths if path})
    found: list[str] = []
    for path in real:
        if path.startswith(f"{TMP}/") and os.path.isdir(path) and not (found and path.startswith(f"{found[-1]}/")):
            found.append(path)
    return found
