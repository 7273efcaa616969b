"""Work behind the caller's back, and the platform's loops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

logger = logging.getLogger(__name__)


class Tasks:
    """Runs coroutines to their end. What they raise is logged; `close` ends those that are left."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts ``work`` and returns."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def every(self, seconds: float, tick: Callable[[], Awaitable[None] | None], name: str) -> None:
        """Calls ``tick`` every so many seconds, whatever it raises."""

        async def loop() -> None:
            while True:
                await asyncio.sleep(seconds)
                try:
                    waiting = tick()
                    if waiting is not None:
                        await waiting
                except Exception:
                    logger.exception("the loop %r failed once and goes on", name)

        self.run(loop())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("background work failed", exc_info=task.exception())

    async def close(self) -> None:
        """Cancels what is left and waits for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
