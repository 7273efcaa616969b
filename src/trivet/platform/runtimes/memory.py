"""Memory limits of a worker and all that it starts: by a control group where this machine lets us, else by watching."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

_ROOT = Path("/sys/fs/cgroup")
_FAMILY = "trivet"
POLL = 0.2
"""Seconds between two looks at a watched group."""


class MemoryLimit(Protocol):
    """The limit on one worker."""

    @property
    def name(self) -> str:
        """How it is kept, for people."""

    def admit(self, pid: int) -> None:
        """Puts the worker's first process under the limit; its children inherit it."""

    def exceeded(self) -> bool:
        """Whether the limit was reached and enforced."""

    def close(self) -> None:
        """Forgets the limit, after the worker's end."""


class CgroupV1:
    """The kernel's memory controller, version 1. Source: kernel.org, admin-guide/cgroup-v1/memory."""

    name = "cgroup-v1-memory"

    def __init__(self, worker_id: str, limit: int) -> None:
        self._folder = _ROOT / "memory" / _FAMILY / worker_id
        self._folder.mkdir(parents=True)
        (self._folder / "memory.limit_in_bytes").write_text(str(limit))
        with suppress(OSError):  # counts swap too, where the kernel does
            (self._folder / "memory.memsw.limit_in_bytes").write_text(str(limit))

    @staticmethod
    def usable() -> bool:
        """Whether this machine has it and lets us."""
        family = _ROOT / "memory" / _FAMILY
        try:
            family.mkdir(exist_ok=True)
        except OSError:
            return False
        return (family / "memory.limit_in_bytes").exists() and os.access(family / "cgroup.procs", os.W_OK)

    def admit(self, pid: int) -> None:
        """Puts the process into the group."""
        with suppress(ProcessLookupError):
            (self._folder / "cgroup.procs").write_text(str(pid))

    def exceeded(self) -> bool:
        """Whether the kernel has killed for this group."""
        with suppress(OSError, ValueError):
            for line in (self._folder / "memory.oom_control").read_text().splitlines():
                key, _, value = line.partition(" ")
                if key == "oom_kill":
                    return int(value) > 0
            return int((self._folder / "memory.failcnt").read_text()) > 0
        return False

    def close(self) -> None:
        """Removes the group; one that still holds a dying process is left for the next start."""
        with suppress(OSError):
            self._folder.rmdir()


class CgroupV2:
    """The kernel's memory controller, version 2. Source: kernel.org, admin-guide/cgroup-v2."""

    name = "cgroup-v2-memory"

    def __init__(self, worker_id: str, limit: int) -> None:
        self._folder = _ROOT / _FAMILY / worker_id
        self._folder.mkdir(parents=True)
        (self._folder / "memory.max").write_text(str(limit))
        with suppress(OSError):
            (self._folder / "memory.swap.max").write_text("0")

    @staticmethod
    def usable() -> bool:
        """Whether this machine has it and lets us. What counts is the controller, not the mount."""
        family = _ROOT / _FAMILY
        try:
            if "memory" not in (_ROOT / "cgroup.controllers").read_text().split():
                return False
            family.mkdir(exist_ok=True)
            (family / "cgroup.subtree_control").write_text("+memory")
        except OSError:
            return False
        return "memory" in (family / "cgroup.controllers").read_text().split()

    def admit(self, pid: int) -> None:
        """Puts the process into the group."""
        with suppress(ProcessLookupError):
            (self._folder / "cgroup.procs").write_text(str(pid))

    def exceeded(self) -> bool:
        """Whether the kernel has killed for this group."""
        with suppress(OSError, ValueError):
            events = dict(line.split() for line in (self._folder / "memory.events").read_text().splitlines())
            return int(events.get("oom_kill", "0")) > 0
        return False

    def close(self) -> None:
        """Removes the group."""
        with suppress(OSError):
            self._folder.rmdir()


class Watched:
    """Without control groups: the resident memory of the worker and its children is summed up several times a second."""

    name = "watched-memory"

    def __init__(self, limit: int, kill: Callable[[], None]) -> None:
        self._limit = limit
        self._kill = kill
        self._exceeded = False
        self._watch: asyncio.Task[None] | None = None

    def admit(self, pid: int) -> None:
        """Begins to watch."""
        self._watch = asyncio.get_running_loop().create_task(self._look(pid))

    async def _look(self, pid: int) -> None:
        with suppress(psutil.Error):
            worker = psutil.Process(pid)
            while worker.is_running():
                if _resident(worker) > self._limit:
                    self._exceeded = True
                    self._kill()
                    return
                await asyncio.sleep(POLL)

    def exceeded(self) -> bool:
        """Whether it was killed for its memory."""
        return self._exceeded

    def close(self) -> None:
        """Stops watching."""
        if self._watch is not None:
            self._watch.cancel()


def _resident(worker: psutil.Process) -> int:
    total = int(worker.memory_info().rss)
    for child in worker.children(recursive=True):
        with suppress(psutil.Error):
            total += int(child.memory_info().rss)
    return total


class MemoryLimits:
    """Makes limits in the best way that this machine allows."""

    def __init__(self) -> None:
        kinds: tuple[type[CgroupV1 | CgroupV2], ...] = (CgroupV2, CgroupV1)
        self._group = next((kind for kind in kinds if kind.usable()), None)

    @property
    def name(self) -> str:
        """The way, for people."""
        return self._group.name if self._group is not None else Watched.name

    def limit(self, worker_id: str, size: int, kill: Callable[[], None]) -> MemoryLimit:
        """A limit of ``size`` bytes for a worker; ``kill`` ends it where the kernel doesn't."""
        if self._group is not None:
            with suppress(OSError):
                return self._group(worker_id, size)
        return Watched(size, kill)
