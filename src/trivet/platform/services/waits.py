"""Waits: until a job has ended, and until it is on disk."""

from __future__ import annotations

from trivet.platform.core.errors import Unavailable
from trivet.platform.core.jobs import Job
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier, Subscription
from trivet.platform.services.open_jobs import OpenJobs
from trivet.platform.services.sight import Sight

PING = 10.0
"""Seconds of silence after which whoever follows something gets a sign of life."""
_PATIENCE = 10.0
"""Seconds that the disk has to take what somebody will come back for."""


class Waits:
    """Waits for jobs on behalf of those who called them.

    Args:
        open_jobs: how they stand now.
        sight: finds those that are no longer open.
        notifier: wakes.
        clock: seconds.
    """

    def __init__(self, open_jobs: OpenJobs, sight: Sight, notifier: Notifier, clock: Clock) -> None:
        self._open_jobs = open_jobs
        self._sight = sight
        self._notifier = notifier
        self._clock = clock

    async def until_final(self, job_id: str, changes: Subscription, wait: float) -> Job:
        """The job when it has ended, or as it stands after ``wait`` seconds; ``changes`` are those of the job.

        Raises:
            NotFound: it is gone.
        """
        until = self._clock() + wait
        while True:
            job = self._open_jobs.job(job_id)
            if job is None or job.is_final:
                return job or await self._sight.job(job_id)
            left = min(until - self._clock(), wait)  # the time of day may be set back meanwhile
            try:
                over = left <= 0 or not await changes.wait(left)
            except Unavailable:  # the platform is shutting down: the job goes on after its next start
                over = True
            if over:
                return await self._sight.job(job_id)

    async def until_recorded(self, job_id: str, patience: float | None = None) -> bool:
        """Whether the job is on disk, as soon as it is, or after ``patience`` seconds."""
        topic = f"recorded:{job_id}"
        with self._notifier.subscribe(topic) as recorded:
            if self._open_jobs.persist(job_id, lambda: self._notifier.notify(topic)):
                try:
                    return await recorded.wait(patience)
                except Unavailable:  # the platform is shutting down, and brings what it has to disk first
                    return await recorded.wait(None)
        return True

    async def ensure_recorded(self, job_id: str) -> None:
        """Returns once the job is on disk.

        Raises:
            Unavailable: the disk does not take it in time.
        """
        if not await self.until_recorded(job_id, _PATIENCE):
            raise Unavailable(
                f"The job {job_id} can't be written down: the platform's disk is full or does not answer.",
                retry_after=_PATIENCE,
                hint="It goes on all the same, and is listed when it is on disk.",
            )
