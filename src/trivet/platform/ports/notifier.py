"""Waking those who wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, Self


class Notifier(Protocol):
    """Lets many wait for a named thing to change."""

    def subscribe(self, topic: str) -> Subscription:
        """Begins to listen. Subscribe first, then look, then wait: no change is missed."""

    def watch(self, topic: str, wake: Callable[[bool], None]) -> Watch:
        """Begins to listen without waiting.

        Args:
            topic: what to listen to.
            wake: called at each notification with True, and with False when the platform shuts down. It must not raise.
        """

    def notify(self, topic: str) -> None:
        """Wakes everybody who listens to ``topic``."""


class Watch(Protocol):
    """One listener that is called."""

    def end(self) -> None:
        """Ends its listening; it is not called any more."""


class Subscription(Protocol):
    """One listener. A context manager that ends its listening."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

    async def wait(self, timeout: float | None) -> bool:
        """Waits for the next notification since the last wait; False when ``timeout`` seconds passed without one.

        Raises:
            Unavailable: the platform is shutting down.
        """
