"""Work behind the caller's back, and the platform's loops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

logger = logging.getLogger(__name__)

CLOSE_GRACE = 1.0
"""Seconds that work which has begun has to come to its end when all is closed."""


class Tasks:
    """Runs coroutines to their end. What they raise is logged; `close` ends those that are left."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts ``work`` and returns."""
        self._begin(work, self._tasks)

    def _begin(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        among.add(task)
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

        self._begin(loop(), self._loops)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._loops.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("background work failed", exc_info=task.exception())

    async def close(self) -> None:
        """Ends the loops, gives other work a moment to come to its end, cancels what is left and waits for it."""
        await _cancel(self._loops)
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=CLOSE_GRACE)
        await _cancel(self._tasks)


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
