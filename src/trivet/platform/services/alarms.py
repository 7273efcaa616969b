"""Alarms: when which job is to be looked at again."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator

from trivet.platform.services.live import LiveJob

_SPARE = 1000
"""Alarms of jobs that have ended which are kept at least: going through all costs more than they do."""


class Alarms:
    """Moments in order, each with a job's id. They are set in the time of the job, and ring by the dispatcher's clock.

    No alarm is taken back: whoever is called looks whether there is something to do. Setting one costs the same however many
    there are, but for a logarithm.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[float, str]] = []

    def set(self, live: LiveJob, moment: float) -> None:
        """Calls for a job from a moment of its own time on, once."""
        heapq.heappush(self._entries, (moment - live.offset, live.job.id))

    def set_limit(self, live: LiveJob) -> None:
        """Calls for a job when it is over its time."""
        self.set(live, live.limit)

    def ring(self, now: float) -> Iterator[str]:
        """The ids of the jobs whose moment has come, those included for which one is set meanwhile.

        Args:
            now: what the dispatcher's clock says.
        """
        while self._entries and self._entries[0][0] <= now:
            yield heapq.heappop(self._entries)[1]

    def keep(self, open_jobs: Collection[str]) -> None:
        """Forgets the alarms of other jobs, once those are many."""
        if len(self._entries) > _SPARE + 4 * len(open_jobs):
            self._entries = [entry for entry in self._entries if entry[1] in open_jobs]
            heapq.heapify(self._entries)
