"""Ending processes with all that they have started, whatever group or session that went to."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

_PR_SET_CHILD_SUBREAPER = 36
_PAUSE = 0.002


def adopt_orphans() -> None:
    """From now on, what a child of this process leaves behind becomes a child of this process. Linux only."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(child: int | None, patience: float) -> bool:
    """Kills all that this process has started, at any remove, and waits until there is nothing left of it.

    Needs `adopt_orphans` to know of those whose parents have ended.

    Args:
        child: one that is known; the only one that is found where the system doesn't show its processes.
        patience: seconds to go on for.

    Returns:
        Whether nothing is left.
    """
    until = monotonic() + patience
    while True:
        for pid in _descendants() or ([child] if child is not None else []):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        if monotonic() > until:
            return False
        sleep(_PAUSE)


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    with suppress(OSError):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError, IndexError, ValueError):
                    children.setdefault(_parent(entry), []).append(int(entry.name))
    found: list[int] = []
    left = [os.getpid()]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def _parent(process: Path) -> int:
    return int((process / "stat").read_bytes().rpartition(b")")[2].split()[1])
