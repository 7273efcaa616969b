"""What a worker does to itself before anybody else's code runs in it."""

from __future__ import annotations

import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def apply(memory: int | None) -> None:
    """Sets the limits of this process: no core dumps, and at most ``memory`` bytes of address space (``None``: no limit)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def die_with_parent(parent: int | None = None) -> None:
    """Has the kernel kill this process when the thread that started it ends. Linux only; elsewhere the link's end must do.

    Holds as long as the calling thread lives.

    Args:
        parent: the parent's pid, where it was asked for earlier: if that one is gone meanwhile, this process ends now.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes
    except ImportError:  # a Python built without it
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if parent not in (None, os.getppid()):
        os.kill(os.getpid(), signal.SIGKILL)
