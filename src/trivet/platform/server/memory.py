"""The process's memory: what it takes for permanent, and how it gives back what it no longer needs."""

from __future__ import annotations

import ctypes
import gc
import sys

NEW_OBJECTS = 50_000
"""New objects between two collections of the youngest generation."""
_M_ARENA_MAX = -8
"""The parameter's number in glibc's ``malloc.h``."""


def one_arena() -> None:
    """Has all threads share one arena, where the allocator is glibc's. At the start, before there are any.

    It gives each thread an arena of its own, which is hardly ever given back. Our threads take turns anyway, by the
    interpreter's lock, so all that a second arena brings is memory: most of what a server with many endpoints held.
    """
    allocator = _allocator()
    if allocator is not None:
        allocator.mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Gives free memory back to the system, where the allocator is glibc's. Takes a few milliseconds."""
    allocator = _allocator()
    if allocator is not None:
        allocator.malloc_trim(0)


def settle() -> None:
    """Takes what is there now for permanent, and has the garbage collector come less often.

    Nearly nothing that a call makes is part of a cycle. Looking through everything that is alive, every 700 new objects, took a
    twelfth of the time of a call, and each look through all modules was a pause for everybody.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 10, 10)


def _allocator() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
