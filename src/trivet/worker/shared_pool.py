"""The threads of a shared process: as many as there is work for at a time, up to a bound."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue

from trivet.worker.interrupts import Guards, ThreadGuard

Task = Callable[[ThreadGuard], None]
"""What a thread does; it is given its thread's guard."""


class Pool:
    """Does tasks in the order in which they come.

    Args:
        most: how many threads there may be.
        guards: where the threads' guards are kept.
    """

    def __init__(self, most: int, guards: Guards) -> None:
        self._most = most
        self._guards = guards
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._open = 0
        """How many tasks are not done yet."""

    def submit(self, task: Task) -> None:
        """Has a task done by a thread, a new one where all are at work. From any thread."""
        with self._lock:
            self._open += 1
            grows = self._open > self._threads and self._threads < self._most
            self._threads += grows
        self._tasks.put(task)
        if grows:
            threading.Thread(target=self._work, name=f"trivet-pool-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        guard = self._guards[threading.get_ident()] = ThreadGuard()
        while True:
            task = self._tasks.get()
            try:
                task(guard)
            except BaseException:  # noqa: BLE001 - no task may take a thread with it that others wait for
                sys.excepthook(*sys.exc_info())
            with self._lock:
                self._open -= 1
