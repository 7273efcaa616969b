"""Jobs: what becomes of calls. Look, wait, follow, ask why, cancel."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import NotFound, Unavailable
from trivet.platform.core.jobs import EventKind, Job, JobEvent, JobStatus
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import CancelOutcome, Explanation, Health, JobView
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.stores import Store
from trivet.platform.services.access import require
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.explain import Situation, explain
from trivet.platform.services.sight import Sight
from trivet.platform.services.waits import PING, Waits
from trivet.platform.services.workers import Workers

CANCEL_WAIT = 5.0
"""Seconds that a cancel waits for the worker's confirmation."""
_PAGE_OF_EVENTS = 500
_SIZE_OF_PAGE = 4 * 1024 * 1024
_SEARCH_STEP = 500


class Jobs:
    """The use cases around jobs that are there.

    Every method raises `NotFound` or `Forbidden` by the one rule of access, and every `JobView` shows what its principal may
    see.

    Args:
        store: where jobs and their events are.
        blobs: where large inputs and outputs lie.
        endpoints: whose jobs.
        dispatcher: knows how open jobs stand, and has them stopped.
        workers: who works on them.
        sight: finds jobs, and says who may see them.
        waits: waits for them.
        notifier: wakes those who follow one.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        store: Store,
        blobs: BlobStore,
        endpoints: Endpoints,
        dispatcher: Dispatcher,
        workers: Workers,
        sight: Sight,
        waits: Waits,
        notifier: Notifier,
        clock: Clock,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._endpoints = endpoints
        self._board = dispatcher.board
        self._open_jobs = dispatcher.open_jobs
        self._stops = dispatcher.stops
        self._workers = workers
        self._sight = sight
        self._waits = waits
        self._notifier = notifier
        self._clock = clock

    # -- looking ------------------------------------------------------------------------------------------------------

    async def get(self, principal: Principal, job_id: str, wait: float = 0.0) -> JobView:
        """The job; with ``wait``, when it is final or after so many seconds."""
        with self._notifier.subscribe(job_id) as changes:
            job = await self._sight.visible(principal, job_id, Scope.READ)
            if wait > 0 and not job.is_final:
                job = await self._waits.until_final(job_id, changes, wait)
        return self._sight.view(principal, job)

    def views(self, principal: Principal, found: Iterable[Job]) -> list[JobView]:
        """Those of some jobs that the principal may see, as they stand now: memory is ahead of the disk.

        Args:
            principal: who asks; has the scope ``read``.
            found: jobs that were read just now.
        """
        views = []
        for job in found:
            with suppress(NotFound):
                self._sight.check(principal, job, Scope.READ, job.id)
                views.append(self._sight.view(principal, self._sight.now(job)))
        return views

    async def newest(self, principal: Principal, job_id: str) -> JobView:
        """The newest try of a job, which is the job itself unless it was tried again (`retry`).

        Args:
            principal: who asks.
            job_id: the first job, forgotten or not, or one of its retries.
        """
        return self._sight.view(principal, await self._sight.newest(principal, job_id, Scope.READ))

    async def page(
        self,
        principal: Principal,
        *,
        endpoint: EndpointReference | None = None,
        statuses: Iterable[JobStatus] = (),
        dead_letters: bool = False,
        before: str | None = None,
        limit: int = 50,
    ) -> list[JobView]:
        """The jobs that the principal may see, newest first.

        Args:
            principal: who asks; needs the scope ``read``.
            endpoint: only those of one endpoint.
            statuses: only those that stand so; empty: all.
            dead_letters: only those that failed though their policy would have tried them again.
            before: the id of the last one of the page before.
            limit: how many at most.
        """
        require(principal, Scope.READ)
        wanted = frozenset(statuses)
        account_id: str | None = principal.account_id
        endpoint_ids: list[str] | None
        only: str | None = None
        if endpoint is not None:
            one = self._endpoints.find(principal, endpoint, Scope.READ)
            if self._endpoints.manages(principal, one):
                endpoint_ids, account_id = [one.id], None
            else:
                endpoint_ids, only = None, one.id
        elif principal.administers():
            endpoint_ids = account_id = None
        else:
            endpoint_ids = [e.id for e in self._endpoints.visible(principal) if self._endpoints.manages(principal, e)]
        step = limit if only is None else max(limit, _SEARCH_STEP)
        found: list[Job] = []
        while len(found) < limit:
            rows = await self._rows(endpoint_ids, account_id, wanted, before, step, dead_letters=dead_letters)
            # memory is ahead of the disk: what is listed must fit as it stands now
            current = [self._sight.now(job) for job in rows]
            found += [
                job
                for job in current
                if (only is None or job.endpoint_id == only) and (not wanted or job.status in wanted)
            ]
            if len(rows) < step:
                break
            before = rows[-1].id
        return [self._sight.view(principal, job) for job in found[:limit]]

    async def _rows(
        self,
        endpoint_ids: list[str] | None,
        account_id: str | None,
        statuses: frozenset[JobStatus],
        before: str | None,
        limit: int,
        *,
        dead_letters: bool,
    ) -> list[Job]:
        return await self._store.read(
            lambda tx: tx.jobs.page(
                endpoint_ids=endpoint_ids,
                account_id=account_id,
                statuses=statuses,
                dead_letters=dead_letters,
                before=before,
                limit=limit,
            )
        )

    async def logs(self, principal: Principal, job_id: str, after: int = 0, limit: int = 1000) -> list[JobEvent]:
        """What the job's handler printed, in order, those with ``seq`` above ``after``."""
        return await self._events_of(principal, job_id, EventKind.LOG, after, limit)

    async def insights(self, principal: Principal, job_id: str, limit: int = 1000) -> list[JobEvent]:
        """What the job has reported about its own work, in order."""
        return await self._events_of(principal, job_id, EventKind.INSIGHT, 0, limit)

    async def _events_of(
        self, principal: Principal, job_id: str, kind: EventKind, after: int, limit: int
    ) -> list[JobEvent]:
        await self._sight.visible(principal, job_id, Scope.READ)
        recent = self._open_jobs.recent_events(job_id, after)
        if recent is None:
            recent = await self._store.read(lambda tx: tx.jobs.events(job_id, after=after, limit=limit, kinds=(kind,)))
        return [event for event in recent if event.kind is kind][:limit]

    async def events(
        self, principal: Principal, job_id: str, after: int = 0
    ) -> AsyncGenerator[list[JobEvent] | JobView | None, None]:
        """The job's story as it unfolds.

        Yields:
            A `JobView` at the start, at every change of status and at the end, after which it stops; the events with ``seq``
            above ``after``, as many at a time as are there; None after `PING` seconds without anything.
        """
        with self._notifier.subscribe(job_id) as changes:
            job = await self._sight.visible(principal, job_id, Scope.READ)
            told: tuple[JobStatus, int] | None = None
            while True:
                if (job.status, job.attempt) != told and not job.is_final:
                    told = (job.status, job.attempt)
                    yield self._sight.view(principal, job)
                page = await self._events_after(job_id, after)
                if page:
                    after = page[-1].seq
                    yield page
                    job = await self._sight.job(job_id)
                    continue
                if job.is_final:
                    yield self._sight.view(principal, job)
                    return
                try:
                    woken = await changes.wait(PING)
                except Unavailable:  # the platform is shutting down: a reader may resume after its next start
                    return
                if not woken:
                    yield None
                job = await self._sight.job(job_id)

    async def _events_after(self, job_id: str, after: int) -> list[JobEvent]:
        recent = self._open_jobs.recent_events(job_id, after)
        if recent is not None:
            return recent
        return await self._store.read(
            lambda tx: tx.jobs.events(job_id, after=after, limit=_PAGE_OF_EVENTS, size=_SIZE_OF_PAGE)
        )

    async def explain(self, principal: Principal, job_id: str) -> Explanation:
        """Why the job is where it is, and what to do about it."""
        job = await self._sight.visible(principal, job_id, Scope.READ)
        return explain(
            job,
            Situation(
                endpoint=self._endpoints.by_id(job.endpoint_id),
                version=self._endpoints.version(job.version_id),
                position=self._board.position(job) if job.status is JobStatus.QUEUED else None,
                seats=sum(seat.taking for seat in self._board.seats(job.version_id)),
                starting=self._workers.register.starting(job.version_id),
                history=self._workers.starts.history(job.version_id),
                capabilities=self._workers.capabilities,
                now=self._clock(),
                manages=self._sight.manages(principal, job.endpoint_id),
            ),
        )

    async def read(self, payload: Payload) -> bytes:
        """The bytes of an input or an output, wherever they lie."""
        if payload.data is not None:
            return payload.data
        return await self._blobs.get(payload.blob or "")

    async def health(self, principal: Principal, reference: EndpointReference) -> Health:
        """Counts of an endpoint's jobs and workers."""
        endpoint = self._endpoints.find(principal, reference, Scope.READ)
        counts, retried = await self._store.read(lambda tx: (tx.jobs.counts(endpoint.id), tx.jobs.retried(endpoint.id)))
        versions = [v.id for v in self._endpoints.versions_of(endpoint.id)]
        queued = sum(self._board.queued(v) for v in versions)
        running = sum(self._board.running(v) for v in versions)
        oldest = max((self._board.oldest_wait(v) for v in versions), default=0.0)
        return Health(
            endpoint.full_name,
            {**dict.fromkeys(JobStatus, 0), **counts, JobStatus.QUEUED: queued, JobStatus.RUNNING: running},
            self._workers.roster.counts(endpoint.id),
            oldest * 1000 if queued else None,
            retried,
        )

    def counts(self, endpoint_id: str) -> dict[JobStatus, int]:
        """Open jobs of an endpoint, from memory."""
        versions = [v.id for v in self._endpoints.versions_of(endpoint_id)]
        return {
            JobStatus.QUEUED: sum(self._board.queued(v) for v in versions),
            JobStatus.RUNNING: sum(self._board.running(v) for v in versions),
        }

    # -- stopping -----------------------------------------------------------------------------------------------------

    async def cancel(self, principal: Principal, job_id: str, wait: float = CANCEL_WAIT) -> CancelOutcome:
        """Asks a job to stop, and says whether it took; waits up to ``wait`` seconds for a running one."""
        with self._notifier.subscribe(job_id) as changes:
            job = await self._sight.visible(principal, job_id, Scope.CALL)
            was_final = job.is_final
            if not was_final:
                self._stops.cancel(job_id)
                await self._waits.until_final(job_id, changes, wait)
                job = await self._sight.job(job_id)
        took = job.status is JobStatus.CANCELLED and not was_final
        if took:
            detail = "The job was cancelled."
        elif was_final:
            detail = f"The job had ended already: {job.status.value}. Nothing changed."
        elif job.is_final:
            detail = f"The job ended before the cancel could take: {job.status.value}."
        else:
            detail = "The worker has been asked to stop and has not confirmed yet; the job shows when it has."
        return CancelOutcome(self._sight.view(principal, job), took, detail)

    async def purge(self, principal: Principal, reference: EndpointReference, wait: float = CANCEL_WAIT) -> int:
        """Cancels all jobs that wait in an endpoint's queue. For those who manage it.

        Returns:
            How many, once everybody sees that they are, or after ``wait`` seconds.
        """
        endpoint = self._endpoints.find(principal, reference, Scope.DEPLOY)
        purged = self._stops.purge([v.id for v in self._endpoints.versions_of(endpoint.id)])
        until = self._clock() + wait
        for job_id in purged:
            job = self._open_jobs.job(job_id)
            if job is not None and not job.is_final:
                with self._notifier.subscribe(job_id) as changes:
                    await self._waits.until_final(job_id, changes, max(0.0, until - self._clock()))
        return len(purged)
