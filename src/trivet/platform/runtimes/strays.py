"""Processes that a worker left behind: found by the mark in their environment, whatever group or session they went to."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

MARK = "TRIVET_WORKER_ID"
FOLDER = "TRIVET_WORKER_FOLDER"
_PATIENCE = 2.0
_PAUSE = 0.001


def keep_descriptors() -> None:
    """Keeps to this process what it was started with beside its three standard streams: workers inherit none of it."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return
    for entry in list(folder.iterdir()):
        with suppress(OSError):  # the one that listed the folder is closed again
            if int(entry.name) > 2:
                os.set_inheritable(int(entry.name), False)


def kill_group(group: int) -> None:
    """SIGKILL to a process group; nothing happens where it is gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def marked(root: Path, worker_id: str | None = None) -> list[int]:
    """The ids of processes that bear the mark of a worker of ours.

    Args:
        root: below which the folders of our workers lie: those of another server may have the same ids.
        worker_id: of this worker; None: of any.
    """
    wanted = f"{MARK}={worker_id or ''}".encode()
    below = f"{FOLDER}={root}{os.sep}".encode()
    found = []
    for entry in _processes():
        try:
            environ = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile, or is not ours to read
            continue
        mine = any(line == wanted if worker_id else line.startswith(wanted) for line in environ)
        if mine and any(line.startswith(below) for line in environ):
            found.append(int(entry.name))
    return found


def kill_marked(root: Path, worker_id: str | None = None) -> int:
    """Kills the processes that `marked` finds, until it finds none; returns how many it were."""
    killed = set()
    until = time.monotonic() + _PATIENCE  # one that forks all the time is caught before, or its limit of processes is
    while (found := marked(root, worker_id)) and time.monotonic() < until:
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(_PAUSE)
    return len(killed)


def _processes() -> list[Path]:
    proc = Path("/proc")
    if not proc.is_dir():
        return []
    return [entry for entry in proc.iterdir() if entry.name.isdigit()]
