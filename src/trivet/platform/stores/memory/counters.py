"""Counters in memory."""

from __future__ import annotations

from trivet.platform.stores.memory.tables import Journal, Table


class MemoryCounters:
    """A `CounterRepository`."""

    def __init__(self, journal: Journal) -> None:
        self._next: Table[str, int] = Table(journal)

    def take(self, name: str, count: int = 1, *, first: int = 1) -> int:
        """Takes the next ``count`` numbers of a counter, which begins with ``first``; returns the lowest of them."""
        lowest = self._next.get(name) or first
        self._next.put(name, lowest + count)
        return lowest
