"""Who runs: a note on disk for each worker, so that a server that comes after a crash ends what was left."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from pathlib import Path

from trivet.platform.runtimes.cgroups import CgroupTree
from trivet.platform.runtimes.processes import kill_strays, signal_group, start_time

_SAME = 0.5
"""Seconds; two readings of one process's start may differ by the grain of the system's clock."""

_PATIENCE = 2.0
"""Seconds to wait for the end of what was killed."""


class Roster:
    """The workers' folders and the notes beside them. The notes are not in the folders, as those belong to the workers.

    Args:
        folder: where they lie; made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def room(self, worker_id: str) -> Path:
        """A new folder for a worker, which nobody else may look into.

        Raises:
            OSError: the disk is full, or the worker has one already.
        """
        room = self._folder / worker_id
        room.mkdir(mode=0o700)
        (room / "tmp").mkdir(mode=0o700)
        return room

    def note(self, worker_id: str, pid: int) -> None:
        """Notes that a worker runs; best effort, as a full disk must not end a worker that is up."""
        note = {
            "pid": pid,
            "started": start_time(pid),
            "server": os.getpid(),
            "server_started": start_time(os.getpid()),
        }
        with contextlib.suppress(OSError):
            (self._folder / f"{worker_id}.json").write_text(json.dumps(note))

    def strike(self, worker_id: str) -> None:
        """Forgets a worker that is gone, with its folder."""
        shutil.rmtree(self._folder / worker_id, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self._folder / f"{worker_id}.json").unlink(missing_ok=True)

    def sweep(self, cgroups: CgroupTree | None) -> int:
        """Ends the workers of servers that are no more, and removes what they left.

        Workers of another server that lives are left alone.

        Returns:
            How many there were.
        """
        rooms = {path.name for path in self._folder.iterdir() if path.is_dir()}
        ids = rooms | {path.stem for path in self._folder.glob("*.json")}
        swept = 0
        for worker_id in sorted(ids):
            note = self._read(worker_id)
            if _is(note.get("server"), note.get("server_started")):
                continue
            pid = note.get("pid")
            if isinstance(pid, int) and _is(pid, note.get("started")):
                signal_group(pid, signal.SIGKILL)
            kill_strays(worker_id)
            self.strike(worker_id)
            swept += 1
        for group in cgroups.leftovers() if cgroups is not None else ():
            group.clear(_PATIENCE)
        return swept

    def _read(self, worker_id: str) -> dict[str, object]:
        try:
            note = json.loads((self._folder / f"{worker_id}.json").read_text())
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}


def _is(pid: object, started: object) -> bool:
    """Whether a process still is the one that was noted, and not another that was given its number."""
    if not isinstance(pid, int) or not isinstance(started, int | float):
        return False
    now = start_time(pid)
    return now is not None and abs(now - started) < _SAME
