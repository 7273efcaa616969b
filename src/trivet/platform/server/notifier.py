"""Waking those who wait, on one event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Self

from trivet.platform.core.errors import Unavailable

logger = logging.getLogger(__name__)


class LoopNotifier:
    """A `Notifier` for one process. Must be used from the event loop's own thread."""

    def __init__(self) -> None:
        self._topics: dict[str, set[LoopSubscription]] = {}
        self._watches: dict[str, list[LoopWatch]] = {}
        self._closed = False

    def subscribe(self, topic: str) -> LoopSubscription:
        """Begins to listen to ``topic``."""
        subscription = LoopSubscription(self._topics, topic)
        if self._closed:  # a connection that is still open may bring one more request
            subscription.end()
        self._topics.setdefault(topic, set()).add(subscription)
        return subscription

    def watch(self, topic: str, wake: Callable[[bool], None]) -> LoopWatch:
        """Begins to listen to ``topic`` without waiting. Once closed, ``wake`` is told so in the loop's next turn."""
        watch = LoopWatch(self._watches, topic, wake)
        self._watches.setdefault(topic, []).append(watch)
        if self._closed:
            asyncio.get_running_loop().call_soon(watch.close)
        return watch

    def notify(self, topic: str) -> None:
        """Wakes everybody who listens to ``topic``."""
        for subscription in self._topics.get(topic, ()):
            subscription.wake()
        for watch in tuple(self._watches.get(topic, ())):
            watch.wake()

    def close(self) -> None:
        """Ends every wait of a caller, also of those who come later: the platform is shutting down. What waits without a timeout
        waits for the platform's own work, and gets it.
        """
        self._closed = True
        for subscriptions in self._topics.values():
            for subscription in subscriptions:
                subscription.end()
        for watches in tuple(self._watches.values()):
            for watch in tuple(watches):
                watch.close()


class LoopWatch:
    """One listener that is called."""

    __slots__ = ("_ended", "_listener", "_topic", "_watches")

    def __init__(self, watches: dict[str, list[LoopWatch]], topic: str, listener: Callable[[bool], None]) -> None:
        self._watches = watches
        self._topic = topic
        self._listener = listener
        self._ended = False

    def wake(self) -> None:
        """Tells the listener that something has changed."""
        self._call(open_=True)

    def close(self) -> None:
        """Tells the listener that the platform is shutting down."""
        self._call(open_=False)

    def _call(self, *, open_: bool) -> None:
        if self._ended:
            return
        try:
            self._listener(open_)
        except Exception:  # who notifies is amid its own work, and must get through with it
            logger.exception("a listener to %s failed", self._topic)

    def end(self) -> None:
        """Ends its listening."""
        if not self._ended:
            self._ended = True
            self._listener = (
                _nobody  # who listens mostly knows its watch: together they would wait for the garbage collector
            )
            watches = self._watches[self._topic]
            watches.remove(self)
            if not watches:
                del self._watches[self._topic]


class LoopSubscription:
    """One listener."""

    __slots__ = ("_bounded", "_ended", "_signalled", "_topic", "_topics", "_waiter")

    def __init__(self, topics: dict[str, set[LoopSubscription]], topic: str) -> None:
        self._topics = topics
        self._topic = topic
        self._signalled = False
        self._ended = False
        self._bounded = False
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
        if waiter is not None and not waiter.done():
            waiter.set_result(True)
        elif waiter is None or waiter.cancelled() or not waiter.result():  # nobody there, or one that is giving up
            self._signalled = True

    def end(self) -> None:
        """Ends the wait that goes on, and every later one."""
        self._ended = True
        if self._waiter is not None and self._bounded and not self._waiter.done():
            self._waiter.set_result(False)

    async def wait(self, timeout: float | None) -> bool:
        """Waits for a notification since the last wait; False after ``timeout`` seconds without one.

        Raises:
            Unavailable: the platform is shutting down.
        """
        if self._signalled:
            self._signalled = False
            return True
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiter = waiter
        self._bounded = timeout is not None
        timer = loop.call_later(timeout, _give_up, waiter) if timeout is not None else None
        try:
            woken = not (self._ended and self._bounded) and await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
        if self._ended and self._bounded and not woken:
            raise Unavailable("The platform is shutting down.", hint="Try again when it is up.")
        return woken


def _nobody(_: bool) -> None:
    """Listens no more."""


def _give_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)
