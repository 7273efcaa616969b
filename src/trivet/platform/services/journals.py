"""Journals: the newest lines that an endpoint's workers and handlers wrote, in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier, Subscription

LOG_LINES = 2000
"""Lines kept per endpoint."""
LOG_WIDTH = 4096
"""Characters kept of each of them."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a worker or a handler wrote. ``time`` in seconds since the epoch."""

    seq: int
    time: float
    worker_id: str
    job_id: str | None
    stream: str
    text: str


@dataclass(slots=True, eq=False)
class _Journal:
    lines: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    seq: int = 0


class Journals:
    """One journal per endpoint, made with its first line."""

    def __init__(self, clock: Clock, notifier: Notifier) -> None:
        self._clock = clock
        self._notifier = notifier
        self._journals: dict[str, _Journal] = {}

    def note(self, endpoint_id: str, worker_id: str, job_id: str | None, stream: str, text: str) -> None:
        """Adds a line, and wakes those who follow."""
        journal = self._journals.setdefault(endpoint_id, _Journal())
        journal.seq += 1
        journal.lines.append(LogLine(journal.seq, self._clock(), worker_id, job_id, stream, text[:LOG_WIDTH]))
        self._notifier.notify(_topic(endpoint_id))

    def lines(self, endpoint_id: str, after: int, limit: int) -> list[LogLine]:
        """The newest lines with ``seq`` above ``after``, at most ``limit``, oldest first."""
        journal = self._journals.get(endpoint_id)
        found: list[LogLine] = []
        for line in reversed(journal.lines if journal is not None else ()):
            if line.seq <= after or len(found) == limit:
                break
            found.append(line)
        found.reverse()
        return found

    def subscribe(self, endpoint_id: str) -> Subscription:
        """Listens for new lines, and for the end of the journal."""
        return self._notifier.subscribe(_topic(endpoint_id))

    def keep(self, exists: Callable[[str], bool]) -> None:
        """Forgets the journals of endpoints that do not exist any more, and wakes those who follow them."""
        for endpoint_id in [e for e in self._journals if not exists(e)]:
            del self._journals[endpoint_id]
            self._notifier.notify(_topic(endpoint_id))


def _topic(endpoint_id: str) -> str:
    return f"logs:{endpoint_id}"
