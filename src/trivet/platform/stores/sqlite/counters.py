"""Counters in SQLite."""

from __future__ import annotations

from trivet.platform.stores.sqlite.session import Session

_TAKE = """
    INSERT INTO counters (name, next) VALUES (?1, ?3 + ?2)
    ON CONFLICT (name) DO UPDATE SET next = next + ?2 RETURNING next - ?2
"""


class SqliteCounters:
    """A `CounterRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def take(self, name: str, count: int = 1, *, first: int = 1) -> int:
        """Takes the next ``count`` numbers of a counter, which begins with ``first``; returns the lowest of them."""
        (lowest,) = self._session.execute(_TAKE, (name, count, first)).fetchone()
        return int(lowest)
