"""The allocator of a process that lives long, where it is glibc's: how much it keeps for itself."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8
"""The parameter's number in glibc's ``malloc.h``."""


def one_arena() -> None:
    """Has all threads share one arena. At the start, before there are any.

    The allocator gives each thread an arena of its own, which is hardly ever given back. Threads take turns anyway, by the
    interpreter's lock, so all that a second arena brings is memory.
    """
    allocator = _allocator()
    if allocator is not None:
        allocator.mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Gives free memory back to the system. Takes a few milliseconds, in which other threads may run."""
    allocator = _allocator()
    if allocator is not None:
        allocator.malloc_trim(0)


def _allocator() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
