"""Trees of calls: which open jobs were called by which."""

from __future__ import annotations

from collections.abc import Iterable

from trivet.platform.core.jobs import Job, JobStatus
from trivet.platform.ports.background import Background
from trivet.platform.services.stops import Stops


class Trees:
    """Stops what a job has called when nobody waits for it any more.

    Args:
        stops: what is asked to stop jobs.
        background: runs that after the end of the job is told.
    """

    def __init__(self, stops: Stops, background: Background) -> None:
        self._stops = stops
        self._background = background
        self._children: dict[str, set[str]] = {}
        """What open jobs have called that is open itself."""

    def begun(self, job: Job) -> None:
        """A job comes in."""
        if job.parent_id is not None:
            self._children.setdefault(job.parent_id, set()).add(job.id)

    def ended(self, job: Job) -> None:
        """A job has ended. Where it was cancelled or took too long, what it has called is cancelled too: nobody waits for it."""
        if job.parent_id is not None:
            siblings = self._children.get(job.parent_id)
            if siblings is not None:
                siblings.discard(job.id)
        called = self._children.pop(job.id, None)
        if called and job.status in (JobStatus.CANCELLED, JobStatus.TIMED_OUT):
            self._background(self._cancel_all(called))

    async def _cancel_all(self, job_ids: Iterable[str]) -> None:
        for job_id in list(job_ids):
            self._stops.cancel(job_id)
