"""Descriptors that one thread waits for, all together."""

from __future__ import annotations

import select
from collections.abc import Callable

Take = Callable[[], bool]
"""Does what there is to do at a descriptor; returns whether there was anything."""


class Watch:
    """A set of descriptors, each with what is to be done where something has come."""

    def __init__(self) -> None:
        self._poller = select.poll()
        self._takers: dict[int, Take] = {}

    def add(self, descriptor: int, take: Take, events: int = select.POLLIN) -> None:
        """Waits for a descriptor from now on."""
        self._takers[descriptor] = take
        self._poller.register(descriptor, events)

    def drop(self, descriptor: int) -> None:
        """Waits for it no longer. May be called twice."""
        if self._takers.pop(descriptor, None) is not None:
            self._poller.unregister(descriptor)

    def clear(self) -> None:
        """Waits for none of them."""
        for descriptor in list(self._takers):
            self.drop(descriptor)

    def wait(self, seconds: float) -> None:
        """Waits until something has come anywhere, and does what there is to do; not for longer than ``seconds``."""
        for descriptor, _ in self._poller.poll(seconds * 1000):
            take = self._takers.get(descriptor)
            if take is not None:
                take()
