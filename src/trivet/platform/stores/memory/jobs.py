"""Jobs and their events in memory."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter

from trivet.platform.core.jobs import EventKind, Job, JobEvent, JobStatus
from trivet.platform.stores.memory.tables import Journal, Table


class MemoryJobs:
    """A `JobRepository`."""

    def __init__(self, journal: Journal) -> None:
        self._jobs: Table[str, Job] = Table(journal)
        self._events: Table[str, tuple[JobEvent, ...]] = Table(journal)

    def put(self, job: Job) -> None:
        """Records the job as it stands now. A job that is recorded as final never changes: such a put does nothing."""
        known = self._jobs.get(job.id)
        if known is None or not known.is_final:
            self._jobs.put(job.id, job)

    def get(self, job_id: str) -> Job | None:
        """The job, or None."""
        return self._jobs.get(job_id)

    def open(self) -> list[Job]:
        """All jobs that are not final, oldest first."""
        return sorted((job for job in self._jobs if not job.is_final), key=attrgetter("id"))

    def page(
        self,
        *,
        endpoint_ids: Sequence[str] | None = None,
        account_id: str | None = None,
        statuses: Iterable[JobStatus] = (),
        before: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Newest first; see `JobRepository.page`."""
        everybody = endpoint_ids is None and account_id is None
        wanted = frozenset(statuses) or frozenset(JobStatus)
        endpoints = frozenset(endpoint_ids or ())
        found = (
            job
            for job in self._jobs
            if job.status in wanted
            and (before is None or job.id < before)
            and (everybody or job.endpoint_id in endpoints or job.account_id == account_id)
        )
        return heapq.nlargest(limit, found, key=attrgetter("id"))

    def counts(self, endpoint_id: str) -> dict[JobStatus, int]:
        """How many jobs of the endpoint stand where; what there is none of is left out."""
        return dict(Counter(job.status for job in self._jobs if job.endpoint_id == endpoint_id))

    def add_events(self, events: Sequence[JobEvent]) -> None:
        """Adds events; one whose number the job has already changes nothing."""
        for event in events:
            known = self._events.get(event.job_id) or ()
            # nearly always the next in line: only a repeated or late one is searched for
            if not known or known[-1].seq < event.seq:
                self._events.put(event.job_id, (*known, event))
            elif all(other.seq != event.seq for other in known):
                self._events.put(event.job_id, tuple(sorted((*known, event), key=attrgetter("seq"))))

    def events(
        self, job_id: str, *, after: int = 0, limit: int = 1000, kinds: Iterable[EventKind] = ()
    ) -> list[JobEvent]:
        """In order, those with ``seq`` above ``after``; ``kinds`` empty: all."""
        wanted = frozenset(kinds) or frozenset(EventKind)
        return [e for e in self._events.get(job_id) or () if e.seq > after and e.kind in wanted][:limit]

    def ended_before(self, moment: float, limit: int = 500) -> list[Job]:
        """Final jobs that finished before ``moment`` (seconds since the epoch), oldest first."""
        ended = (
            (job.finished_at, job.id, job)
            for job in self._jobs
            if job.is_final and job.finished_at is not None and job.finished_at < moment
        )
        return [job for _, _, job in heapq.nsmallest(limit, ended)]

    def remove(self, job_ids: Sequence[str]) -> None:
        """With their events."""
        for job_id in job_ids:
            self._jobs.remove(job_id)
            self._events.remove(job_id)
