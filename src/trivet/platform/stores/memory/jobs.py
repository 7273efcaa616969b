"""Jobs and their events in memory."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from trivet.platform.core.errors import Conflict
from trivet.platform.core.jobs import EventKind, Job, JobEvent, JobStatus
from trivet.platform.stores.memory.tables import Journal, Table


class MemoryJobs:
    """A `JobRepository`."""

    def __init__(self, journal: Journal) -> None:
        self._jobs: Table[str, Job] = Table(journal)
        self._events: Table[str, tuple[JobEvent, ...]] = Table(journal)
        self._keys: Table[tuple[str, str, str], str] = Table(journal)
        self._numbers: Table[int, str] = Table(journal)
        self._retries: Table[str, Mapping[int, str]] = Table(journal)
        """The ids of retries by their numbers, by the id of the first job."""

    def put(self, job: Job) -> None:
        """Records the job as it stands now. A job that is recorded as final never changes: such a put does nothing.

        Raises:
            Conflict: another job of the endpoint and account has the idempotency key, or is the same retry of the same job.
        """
        known = self._jobs.get(job.id)
        if known is None and job.retry_of is not None:
            retries = self._retries.get(job.retry_of) or {}
            if job.retry_number in retries:
                raise Conflict("That job was tried again already.")
            self._retries.put(job.retry_of, {**retries, job.retry_number: job.id})
        if known is None and job.idempotency_key is not None:
            name = (job.endpoint_id, job.account_id, job.idempotency_key)
            if self._keys.get(name) is not None:
                raise Conflict("A job of this endpoint has that idempotency key already.")
            self._keys.put(name, job.id)
        if known is None and job.number is not None:
            if self._numbers.get(job.number) is not None:
                raise Conflict("Another job has that number already.")
            self._numbers.put(job.number, job.id)
        if known is None or not known.is_final:
            self._jobs.put(job.id, job)

    def get(self, job_id: str) -> Job | None:
        """The job, or None."""
        return self._jobs.get(job_id)

    def keyed(self, endpoint_id: str, account_id: str, idempotency_key: str) -> Job | None:
        """The job that a caller named so, or None."""
        job_id = self._keys.get((endpoint_id, account_id, idempotency_key))
        return None if job_id is None else self._jobs.get(job_id)

    def numbered(self, number: int) -> Job | None:
        """The job that has this integer, or None."""
        job_id = self._numbers.get(number)
        return None if job_id is None else self._jobs.get(job_id)

    def numbered_page(
        self,
        account_id: str,
        *,
        endpoint_id: str | None = None,
        newest_first: bool = True,
        offset: int = 0,
        limit: int = 20,
    ) -> tuple[list[Job], int]:
        """An account's jobs that have an integer, in the order of these; and how many there are in all."""
        found = [
            (job.number, job)
            for job in self._jobs
            if job.number is not None and job.account_id == account_id and endpoint_id in (None, job.endpoint_id)
        ]
        found.sort(key=lambda pair: pair[0], reverse=newest_first)
        return [job for _, job in found[offset : offset + limit]], len(found)

    def newest_retry(self, first_id: str) -> Job | None:
        """The newest job that tries the job with this id again; None: nobody has."""
        retries = self._retries.get(first_id)
        return self._jobs.get(retries[max(retries)]) if retries else None

    def open(self) -> list[Job]:
        """All jobs that are not final, oldest first."""
        return sorted((job for job in self._jobs if not job.is_final), key=attrgetter("id"))

    def page(
        self,
        *,
        endpoint_ids: Sequence[str] | None = None,
        account_id: str | None = None,
        statuses: Iterable[JobStatus] = (),
        dead_letters: bool = False,
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
            and (job.is_dead_letter or not dead_letters)
            and (before is None or job.id < before)
            and (everybody or job.endpoint_id in endpoints or job.account_id == account_id)
        )
        return heapq.nlargest(limit, found, key=attrgetter("id"))

    def counts(self, endpoint_id: str) -> dict[JobStatus, int]:
        """How many jobs of the endpoint stand where; what there is none of is left out."""
        return dict(Counter(job.status for job in self._jobs if job.endpoint_id == endpoint_id))

    def retried(self, endpoint_id: str) -> int:
        """How many jobs of the endpoint were tried more than once."""
        return sum(1 for job in self._jobs if job.endpoint_id == endpoint_id and job.attempt > 1)

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
        self, job_id: str, *, after: int = 0, limit: int = 1000, size: int = 2**62, kinds: Iterable[EventKind] = ()
    ) -> list[JobEvent]:
        """In order, those with ``seq`` above ``after``, within both limits; ``kinds`` empty: all."""
        wanted = frozenset(kinds) or frozenset(EventKind)
        found: list[JobEvent] = []
        for event in self._events.get(job_id) or ():
            if event.seq > after and event.kind in wanted:
                size -= len(event.data)
                if len(found) == limit or (size < 0 and found):
                    break
                found.append(event)
        return found

    def last_event(self, job_id: str) -> int:
        """The highest ``seq`` of a job's events; 0 where there are none."""
        events = self._events.get(job_id)
        return events[-1].seq if events else 0

    def blobs(self) -> set[str]:
        """The names of all blobs that jobs refer to."""
        payloads = (payload for job in self._jobs for payload in (job.input, job.output) if payload is not None)
        return {payload.blob for payload in payloads if payload.blob is not None}

    def outdated(self, moment: float, limit: int = 500) -> list[Job]:
        """Final jobs that are to be forgotten by ``moment`` (seconds since the epoch), longest overdue first."""
        due = (
            (job.forget_at, job.id, job)
            for job in self._jobs
            if job.is_final and job.forget_at is not None and job.forget_at <= moment
        )
        return [job for _, _, job in heapq.nsmallest(limit, due)]

    def remove_events(self, job_id: str, limit: int) -> int:
        """Removes the oldest events of a job, ``limit`` of them at most; returns how many."""
        events = self._events.get(job_id) or ()
        self._events.put(job_id, events[limit:])
        return min(limit, len(events))

    def remove(self, job_ids: Sequence[str]) -> None:
        """With their events."""
        for job_id in job_ids:
            job = self._jobs.get(job_id)
            if job is not None and job.idempotency_key is not None:
                self._keys.remove((job.endpoint_id, job.account_id, job.idempotency_key))
            if job is not None and job.number is not None:
                self._numbers.remove(job.number)
            if job is not None and job.retry_of is not None:
                retries = self._retries.get(job.retry_of) or {}
                self._retries.put(job.retry_of, {number: id_ for number, id_ in retries.items() if id_ != job_id})
            self._jobs.remove(job_id)
            self._events.remove(job_id)
