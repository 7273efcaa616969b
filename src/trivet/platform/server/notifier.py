"""Waking those who wait, on one event loop."""

from __future__ import annotations

import asyncio
from typing import Self


class LoopNotifier:
    """A `Notifier` for one process. Must be used from the event loop's own thread."""

    def __init__(self) -> None:
        self._topics: dict[str, set[LoopSubscription]] = {}

    def subscribe(self, topic: str) -> LoopSubscription:
        """Begins to listen to ``topic``."""
        subscription = LoopSubscription(self._topics, topic)
        self._topics.setdefault(topic, set()).add(subscription)
        return subscription

    def notify(self, topic: str) -> None:
        """Wakes everybody who listens to ``topic``."""
        for subscription in self._topics.get(topic, ()):
            subscription.wake()


class LoopSubscription:
    """One listener."""

    __slots__ = ("_signalled", "_topic", "_topics", "_waiter")

    def __init__(self, topics: dict[str, set[LoopSubscription]], topic: str) -> None:
        self._topics = topics
        self._topic = topic
        self._signalled = False
        self._waiter: asyncio.Future[bool] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        listeners = self._topics.get(self._topic)
        if listeners is not None:
            listeners.discard(self)
            if not listeners:
                del self._topics[self._topic]

    def wake(self) -> None:
        """Ends the wait that goes on, or the next one."""
        waiter = self._waiter
        if waiter is None:
            self._signalled = True
        elif not waiter.done():
            waiter.set_result(True)

    async def wait(self, timeout: float | None) -> bool:
        """Waits for a notification since the last wait; False after ``timeout`` seconds without one."""
        if self._signalled:
            self._signalled = False
            return True
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiter = waiter
        timer = loop.call_later(timeout, _give_up, waiter) if timeout is not None else None
        try:
            return await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()


def _give_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)
