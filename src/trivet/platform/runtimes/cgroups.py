"""Limits that the kernel holds: a control group for each worker, of version 1 or 2, where this process may make them.

Groups are made below the group that this process is in, never beside it, so that limits set on the server hold for its
workers too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
_PREFIX = "trivet-"
_PAUSE = 0.005


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The groups of one worker: one folder in version 2, one in each hierarchy in version 1."""

    memory: Path
    others: tuple[Path, ...] = ()

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (self.memory, *self.others)

    @property
    def entrances(self) -> tuple[Path, ...]:
        """The files that a process writes its pid into to be in the group, with all that it starts from then on."""
        return tuple(folder / "cgroup.procs" for folder in self._folders)

    def enter(self, pid: int) -> None:
        """Puts a process into the group, with all that it starts from then on; nothing happens where it has ended.

        The kernel may take ten milliseconds and more for it, so call it off the event loop.

        Raises:
            OSError: the kernel forbids it.
        """
        for entrance in self.entrances:
            with contextlib.suppress(ProcessLookupError):
                entrance.write_text(str(pid))

    def members(self) -> set[int]:
        """The pids of what is in the group now."""
        found: set[int] = set()
        for entrance in self.entrances:
            with contextlib.suppress(OSError):
                # 0 stands for one that this process can't see: of another container
                found.update(int(pid) for pid in entrance.read_text().split() if pid != "0")
        return found

    def ran_out(self) -> bool:
        """Whether the kernel has killed a process of the group for want of memory."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                for line in (self.memory / name).read_text().splitlines():
                    key, _, value = line.partition(" ")
                    if key == "oom_kill":
                        return int(value) > 0
        return False

    def kill(self) -> None:
        """Kills what is in the group now."""
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def clear(self, timeout: float) -> None:
        """Kills until nothing is left in the group, and removes it. It may wait for that, so call it off the event loop.

        Args:
            timeout: seconds to wait at most; what the kernel holds on to for longer stays.
        """
        until = time.monotonic() + timeout
        while self.members() and time.monotonic() < until:
            self.kill()
            time.sleep(_PAUSE)
        self.remove()

    def remove(self) -> None:
        """Removes the group; nothing happens to one that still has members."""
        for folder in self._folders:
            with contextlib.suppress(OSError):
                folder.rmdir()


class CgroupTree:
    """Where groups for workers are made.

    Args:
        memory: the folder of this process in the hierarchy that limits memory.
        pids: its folder in the one that limits the number of processes, where that is another (version 1).
        version: 1 or 2.
    """

    def __init__(self, memory: Path, pids: Path | None, version: int) -> None:
        self._memory = memory
        self._pids = pids
        self.version = version

    def make(self, name: str, *, memory: int | None, processes: int | None) -> Cgroup | None:
        """A group for one worker, with its limits set; None where the kernel does not let us after all.

        Args:
            name: what it is called, beside our own name: the worker's id, say.
            memory: the most that it may use, in bytes.
            processes: how many processes and threads it may have.
        """
        name = f"{_PREFIX}{os.getpid()}-{name}"
        pids = self._pids / name if self._pids is not None else None
        group = Cgroup(self._memory / name, (pids,) if pids is not None else ())
        try:
            for folder in (group.memory, *group.others):
                folder.mkdir()
            if memory is not None:
                _limit_memory(group.memory, memory, self.version)
            if processes is not None:
                with contextlib.suppress(OSError):  # fewer guards are better than no worker
                    ((pids or group.memory) / "pids.max").write_text(str(processes))
        except OSError:
            group.remove()
            return None
        return group

    def limit(self, group: Cgroup, memory: int) -> None:
        """Sets the most memory that a group may use, in bytes.

        Raises:
            OSError: the kernel does not let us.
        """
        _limit_memory(group.memory, memory, self.version)

    def leftovers(self) -> Iterator[Cgroup]:
        """The groups of servers that are no more."""
        for parent in filter(None, (self._memory, self._pids)):
            for folder in parent.glob(f"{_PREFIX}*-*"):
                server = folder.name.removeprefix(_PREFIX).partition("-")[0]
                if server.isdecimal() and not psutil.pid_exists(int(server)):
                    yield Cgroup(folder)


def find_cgroups(root: Path = ROOT, own: Path = OWN) -> CgroupTree | None:
    """The tree that workers' groups can be made in, or None: no control groups here, or not for us.

    Args:
        root: where control groups are mounted.
        own: the file that says which groups this process is in.
    """
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return None
    paths = {name: path for _, names, path in (each for each in lines if len(each) == 3) for name in names.split(",")}
    if (root / "memory").is_dir():
        memory = _writable(root / "memory", paths.get("memory"))
        return CgroupTree(memory, _writable(root / "pids", paths.get("pids")), 1) if memory else None
    unified = _writable(root, paths.get(""))
    return CgroupTree(unified, None, 2) if unified is not None and _delegated(unified) else None


def _writable(mount: Path, path: str | None) -> Path | None:
    if path is None:
        return None
    # In a container the path is the host's, while the container sees its own group as the top.
    inside = mount / path.lstrip("/")
    folder = inside if inside.is_dir() else mount
    return folder if os.access(folder, os.W_OK) and (folder / "cgroup.procs").exists() else None


def _delegated(folder: Path) -> bool:
    """Whether groups below this one of version 2 can have limits; it is prepared for that where it is ours alone."""
    control = folder / "cgroup.subtree_control"
    try:
        if "memory" in control.read_text().split():
            return True
        if "memory" not in (folder / "cgroup.controllers").read_text().split():
            return False
        # A group with processes of its own can't limit those below it: the server steps down into a group of its own,
        # which is right only where nobody else is in this one.
        if set((folder / "cgroup.procs").read_text().split()) != {str(os.getpid())}:
            return False
        server = folder / "trivet-server"
        server.mkdir(exist_ok=True)
        (server / "cgroup.procs").write_text(str(os.getpid()))
        control.write_text("+memory +pids")
    except OSError:
        return False
    return True


def _limit_memory(folder: Path, limit: int, version: int) -> None:
    if version == 2:
        (folder / "memory.max").write_text(str(limit))
        softer = {"memory.swap.max": "0", "memory.oom.group": "1"}
    else:
        (folder / "memory.limit_in_bytes").write_text(str(limit))
        softer = {"memory.memsw.limit_in_bytes": str(limit)}
    for name, value in softer.items():
        with contextlib.suppress(OSError):  # a kernel without accounts of swap has no such file
            (folder / name).write_text(value)
