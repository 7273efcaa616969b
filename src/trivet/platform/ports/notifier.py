"""Waking those who wait."""

from __future__ import annotations

from typing import Protocol, Self


class Notifier(Protocol):
    """Lets many wait for a named thing to change."""

    def subscribe(self, topic: str) -> Subscription:
        """Begins to listen. Subscribe first, then look, then wait: no change is missed."""

    def notify(self, topic: str) -> None:
        """Wakes everybody who listens to ``topic``."""


class Subscription(Protocol):
    """One listener. A context manager that ends its listening."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

    async def wait(self, timeout: float | None) -> bool:
        """Waits for the next notification since the last wait; False when ``timeout`` seconds passed without one.

        Raises:
            Unavailable: the platform is shutting down.
        """
