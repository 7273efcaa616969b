"""The memory limit where the kernel offers none: looking at how much a worker's process group uses, a few times a second."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class _Watched:
    pid: int
    limit: int


class MemoryGuard:
    """Watches workers that have a limit; looks only while there are any.

    Args:
        interval: seconds between two looks.
        on_over: told the id of a worker that is over its limit, once a look while it is.
    """

    def __init__(self, interval: float, on_over: Callable[[str], None]) -> None:
        self._interval = interval
        self._on_over = on_over
        self._watched: dict[str, _Watched] = {}
        self._task: asyncio.Task[None] | None = None

    def watch(self, worker_id: str, pid: int, limit: int) -> None:
        """Begins to watch a worker: the leader of its group, and its limit in bytes."""
        self._watched[worker_id] = _Watched(pid, limit)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look())

    def forget(self, worker_id: str) -> None:
        """Ends watching a worker."""
        self._watched.pop(worker_id, None)

    def close(self) -> None:
        """Ends watching."""
        self._watched.clear()
        if self._task is not None:
            self._task.cancel()

    async def _look(self) -> None:
        while self._watched:
            memory = await asyncio.to_thread(group_memory, frozenset(each.pid for each in self._watched.values()))
            for worker_id, watched in list(self._watched.items()):
                if memory.get(watched.pid, 0) > watched.limit:
                    self._on_over(worker_id)
            await asyncio.sleep(self._interval)


def group_memory(leaders: frozenset[int]) -> dict[int, int]:
    """The resident memory of process groups, in bytes by their leader's pid.

    Pages that processes of a group share count for each of them. It looks at every process of the machine, so call it off
    the event loop.
    """
    memory = dict.fromkeys(leaders, 0)
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            leader = os.getpgid(pid)
            if leader in memory:
                memory[leader] += psutil.Process(pid).memory_info().rss
    return memory
