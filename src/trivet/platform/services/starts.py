"""Starts: what became of the latest starts of each version's workers."""

from __future__ import annotations

from collections.abc import Callable

from trivet.platform.core import workers as rules
from trivet.platform.core.workers import Departure, StartHistory
from trivet.platform.ports.clock import Clock


class Starts:
    """Remembers starts that came to nothing, so that nobody tries one after another without a pause.

    Args:
        clock: seconds that go on evenly.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._histories: dict[str, StartHistory] = {}

    def history(self, version_id: str) -> StartHistory:
        """What became of the latest starts of a version's workers."""
        return self._histories.get(version_id, StartHistory())

    def is_paused(self, version_id: str) -> bool:
        """Whether the next start has to wait."""
        return self.history(version_id).retry_at > self._clock()

    def failed(self, version_id: str, departure: Departure) -> None:
        """A worker was gone before it had proved itself."""
        self._histories[version_id] = rules.start_failed(self.history(version_id), departure, self._clock())

    def forgive(self, version_id: str) -> None:
        """Forgets failed starts, so that the next is tried at once."""
        self._histories.pop(version_id, None)

    def keep(self, exists: Callable[[str], bool]) -> None:
        """Forgets those of versions that do not exist any more."""
        for version_id in [known for known in self._histories if not exists(known)]:
            del self._histories[version_id]
