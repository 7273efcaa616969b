"""Jobs: submit, wait, stream, cancel, explain. What a caller does with an endpoint."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from trivet.platform.core import jobs as rules
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Version
from trivet.platform.core.errors import BadRequest, CoreError, Forbidden, NotFound, Unavailable
from trivet.platform.core.jobs import Job, JobError, JobEvent, JobPolicy, JobStatus
from trivet.platform.core.payloads import NULL, Payload
from trivet.platform.core.views import CancelOutcome, Explanation, Health, JobView
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.notifier import Notifier, Subscription
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.ports.validator import InputCheck, SchemaCompiler
from trivet.platform.services.access import require
from trivet.platform.services.dispatch import INLINE_LIMIT, Dispatcher, job_id
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.explain import Situation, explain
from trivet.platform.services.workers import PING, Workers

MAX_TIMEOUT = 7 * 86_400.0
MAX_TTL = 30 * 86_400.0
CANCEL_WAIT = 5.0
"""Seconds that a cancel waits for the worker's confirmation."""
_PAGE_OF_EVENTS = 500
_SEARCH_STEP = 500


class Jobs:
    """The use cases around jobs.

    Every method raises `NotFound` or `Forbidden` by the one rule of access, and every `JobView` shows what its principal may
    see.
    """

    def __init__(
        self,
        *,
        store: Store,
        blobs: BlobStore,
        endpoints: Endpoints,
        dispatcher: Dispatcher,
        workers: Workers,
        compile_schema: SchemaCompiler,
        notifier: Notifier,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._endpoints = endpoints
        self._dispatcher = dispatcher
        self._workers = workers
        self._compile = compile_schema
        self._notifier = notifier
        self._clock = clock
        self._entropy = entropy
        self._checks: dict[str, InputCheck] = {}

    # -- calling ------------------------------------------------------------------------------------------------------

    async def run(
        self,
        principal: Principal,
        reference: EndpointReference,
        payload: Payload,
        *,
        timeout: float | None = None,
        ttl: float | None = None,
        wait: float = 50.0,
    ) -> JobView:
        """Calls and waits, at most ``wait`` seconds. A job that is not final by then is on disk and goes on.

        Args:
            principal: who calls; needs the scope ``call``.
            reference: the endpoint, perhaps pinned to a version.
            payload: the input as it came.
            timeout: seconds that an attempt may run; None: what the author set.
            ttl: seconds until the job must be final; None: what the author set.
            wait: seconds to wait.

        Raises:
            InvalidInput: the input misses the schema; nothing was queued.
        """
        endpoint, version = self._endpoints.pick(principal, reference)
        job = await self._make(principal, endpoint, version, payload, timeout=timeout, ttl=ttl)
        with self._notifier.subscribe(job.id) as changes:
            self._admit(job, recorded=False)
            current = await self._until_final(job.id, changes, wait)
        if not current.is_final:
            await self._on_disk(job.id)
            current = await self._load(job.id)
        return JobView(self._trimmed(principal, current), endpoint.full_name, version.number)

    async def submit(
        self,
        principal: Principal,
        reference: EndpointReference,
        payload: Payload,
        *,
        timeout: float | None = None,
        ttl: float | None = None,
    ) -> JobView:
        """Queues a job; returns when it is on disk.

        Raises:
            InvalidInput: the input misses the schema; nothing was queued.
            StorageFull: nothing was queued.
        """
        endpoint, version = self._endpoints.pick(principal, reference)
        job = await self._make(principal, endpoint, version, payload, timeout=timeout, ttl=ttl)
        try:
            await self._store.write(lambda tx: tx.jobs.put(job))
        except CoreError:
            if job.input.blob is not None:  # nobody else knows of it
                await self._blobs.delete(job.input.blob)
            raise
        self._admit(job, recorded=True)
        return JobView(job, endpoint.full_name, version.number)

    async def start_stream(
        self,
        principal: Principal,
        reference: EndpointReference,
        payload: Payload,
        *,
        timeout: float | None = None,
        ttl: float | None = None,
    ) -> JobView:
        """Begins a call whose caller goes on to read `events`; a held call like `run`."""
        endpoint, version = self._endpoints.pick(principal, reference)
        job = await self._make(principal, endpoint, version, payload, timeout=timeout, ttl=ttl)
        self._admit(job, recorded=False)
        return JobView(job, endpoint.full_name, version.number)

    async def replay(self, principal: Principal, job_id_: str) -> JobView:
        """A new job with the input of an earlier one, on the version that is current now."""
        job = await self._visible(principal, job_id_, Scope.CALL)
        payload = job.input
        if payload.blob is not None:  # a blob belongs to one job: each may be forgotten in its own time
            payload = Payload.inline(await self._blobs.get(payload.blob), payload.content_type)
        reference = EndpointReference(job.endpoint_id, id=job.endpoint_id)
        return await self.submit(principal, reference, payload, timeout=job.policy.timeout, ttl=job.policy.ttl)

    async def _make(
        self,
        principal: Principal,
        endpoint: Endpoint,
        version: Version,
        payload: Payload,
        *,
        timeout: float | None,
        ttl: float | None,
    ) -> Job:
        self._check(version)(payload)
        settings = version.settings
        policy = JobPolicy(
            settings.timeout if timeout is None else _seconds("timeout", timeout, MAX_TIMEOUT),
            settings.ttl if ttl is None else _seconds("ttl", ttl, MAX_TTL),
            settings.max_attempts,
        )
        now = self._clock()
        if payload.size > INLINE_LIMIT and payload.data is not None:
            blob = await self._blobs.put(payload.data)
            payload = Payload.stored(blob, payload.size, payload.content_type)
        return Job(
            job_id(now, self._entropy),
            endpoint.id,
            version.id,
            principal.account_id,
            payload,
            policy,
            created_at=now,
            queued_at=now,
        )

    def _admit(self, job: Job, *, recorded: bool) -> None:
        self._dispatcher.admit(job, recorded=recorded)
        if self._endpoints.version(job.version_id) is None:  # deleted while the input was on its way to the disk
            self._dispatcher.discard(job.version_id, _GONE)

    def _check(self, version: Version) -> InputCheck:
        check = self._checks.get(version.id)
        if check is None:
            if len(self._checks) > 10_000:
                self._checks.clear()
            check = self._checks[version.id] = self._compile(version.input_schema)
        return check

    # -- looking ------------------------------------------------------------------------------------------------------

    async def get(self, principal: Principal, job_id_: str, wait: float = 0.0) -> JobView:
        """The job; with ``wait``, when it is final or after so many seconds."""
        with self._notifier.subscribe(job_id_) as changes:
            job = await self._visible(principal, job_id_, Scope.READ)
            if wait > 0 and not job.is_final:
                await self._until_final(job_id_, changes, wait)
                job = await self._load(job_id_)
        return self._view(principal, job)

    async def page(
        self,
        principal: Principal,
        *,
        endpoint: EndpointReference | None = None,
        statuses: Iterable[JobStatus] = (),
        before: str | None = None,
        limit: int = 50,
    ) -> list[JobView]:
        """The jobs that the principal may see, newest first; ``before`` is the id of the last one of the page before."""
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
            rows = await self._rows(endpoint_ids, account_id, wanted, before, step)
            # memory is ahead of the disk: what is listed must fit as it stands now
            current = [self._dispatcher.job(job.id) or job for job in rows]
            found += [
                job
                for job in current
                if (only is None or job.endpoint_id == only) and (not wanted or job.status in wanted)
            ]
            if len(rows) < step:
                break
            before = rows[-1].id
        return [self._view(principal, job) for job in found[:limit]]

    async def _rows(
        self,
        endpoint_ids: list[str] | None,
        account_id: str | None,
        statuses: frozenset[JobStatus],
        before: str | None,
        limit: int,
    ) -> list[Job]:
        return await self._store.read(
            lambda tx: tx.jobs.page(
                endpoint_ids=endpoint_ids, account_id=account_id, statuses=statuses, before=before, limit=limit
            )
        )

    async def logs(self, principal: Principal, job_id_: str, after: int = 0, limit: int = 1000) -> list[JobEvent]:
        """What the job's handler printed, in order, those with ``seq`` above ``after``."""
        await self._visible(principal, job_id_, Scope.READ)
        recent = self._dispatcher.recent_events(job_id_, after)
        if recent is None:
            recent = await self._store.read(
                lambda tx: tx.jobs.events(job_id_, after=after, limit=limit, kinds=(rules.EventKind.LOG,))
            )
        return [event for event in recent if event.kind is rules.EventKind.LOG][:limit]

    async def events(
        self, principal: Principal, job_id_: str, after: int = 0
    ) -> AsyncIterator[JobEvent | JobView | None]:
        """The job's story as it unfolds.

        Yields:
            A `JobView` at the start, at every change of status and at the end, after which it stops; a `JobEvent` for each
            with ``seq`` above ``after``; None after `PING` seconds without anything.
        """
        with self._notifier.subscribe(job_id_) as changes:
            job = await self._visible(principal, job_id_, Scope.READ)
            told: tuple[JobStatus, int] | None = None
            while True:
                if (job.status, job.attempt) != told and not job.is_final:
                    told = (job.status, job.attempt)
                    yield self._view(principal, job)
                page = await self._events_after(job_id_, after)
                for event in page:
                    after = event.seq
                    yield event
                if page:
                    job = await self._load(job_id_)
                    continue
                if job.is_final:
                    yield self._view(principal, job)
                    return
                try:
                    woken = await changes.wait(PING)
                except Unavailable:  # the platform is shutting down: a reader may resume after its next start
                    return
                if not woken:
                    yield None
                job = await self._load(job_id_)

    async def _events_after(self, job_id_: str, after: int) -> list[JobEvent]:
        recent = self._dispatcher.recent_events(job_id_, after)
        if recent is not None:
            return recent
        return await self._store.read(lambda tx: tx.jobs.events(job_id_, after=after, limit=_PAGE_OF_EVENTS))

    async def explain(self, principal: Principal, job_id_: str) -> Explanation:
        """Why the job is where it is, and what to do about it."""
        job = await self._visible(principal, job_id_, Scope.READ)
        return explain(
            job,
            Situation(
                endpoint=self._endpoints.by_id(job.endpoint_id),
                version=self._endpoints.version(job.version_id),
                position=self._dispatcher.position(job) if job.status is JobStatus.QUEUED else None,
                seats=sum(seat.taking for seat in self._dispatcher.seats(job.version_id)),
                starting=self._workers.starting(job.version_id),
                history=self._workers.history(job.version_id),
                capabilities=self._workers.capabilities,
                now=self._clock(),
                manages=self._manages(principal, job.endpoint_id),
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
        counts = await self._store.read(lambda tx: tx.jobs.counts(endpoint.id))
        versions = [v.id for v in self._endpoints.versions_of(endpoint.id)]
        queued = sum(self._dispatcher.queued(v) for v in versions)
        running = sum(self._dispatcher.running(v) for v in versions)
        oldest = max((self._dispatcher.oldest_wait(v) for v in versions), default=0.0)
        return Health(
            endpoint.full_name,
            {**dict.fromkeys(JobStatus, 0), **counts, JobStatus.QUEUED: queued, JobStatus.RUNNING: running},
            self._workers.counts(endpoint.id),
            oldest * 1000 if queued else None,
        )

    def counts(self, endpoint_id: str) -> dict[JobStatus, int]:
        """Open jobs of an endpoint, from memory."""
        versions = [v.id for v in self._endpoints.versions_of(endpoint_id)]
        return {
            JobStatus.QUEUED: sum(self._dispatcher.queued(v) for v in versions),
            JobStatus.RUNNING: sum(self._dispatcher.running(v) for v in versions),
        }

    # -- stopping -----------------------------------------------------------------------------------------------------

    async def cancel(self, principal: Principal, job_id_: str) -> CancelOutcome:
        """Asks a job to stop, and says whether it took; waits a few seconds for a running one."""
        with self._notifier.subscribe(job_id_) as changes:
            job = await self._visible(principal, job_id_, Scope.CALL)
            was_final = job.is_final
            if not was_final:
                self._dispatcher.cancel(job_id_)
                await self._until_final(job_id_, changes, CANCEL_WAIT)
                job = await self._load(job_id_)
        took = job.status is JobStatus.CANCELLED and not was_final
        if took:
            detail = "The job was cancelled."
        elif was_final:
            detail = f"The job had ended already: {job.status.value}. Nothing changed."
        elif job.is_final:
            detail = f"The job ended before the cancel could take: {job.status.value}."
        else:
            detail = "The worker has been asked to stop and has not confirmed yet; the job shows when it has."
        return CancelOutcome(self._view(principal, job), took, detail)

    async def purge(self, principal: Principal, reference: EndpointReference) -> int:
        """Cancels all jobs that wait in an endpoint's queue; returns how many. For those who manage it."""
        endpoint = self._endpoints.find(principal, reference, Scope.DEPLOY)
        return self._dispatcher.purge([v.id for v in self._endpoints.versions_of(endpoint.id)])

    # -- life of the platform -----------------------------------------------------------------------------------------

    async def recover(self) -> int:
        """Takes up every open job that is on disk after a start; returns how many."""
        now = self._clock()
        found, last = await self._store.read(_open_jobs)
        recovered = [rules.recover(job, now) for job in found]
        after: list[Job] = []
        for job in recovered:
            known = self._endpoints.version(job.version_id) is not None
            after.append(job if known else rules.discard(job, _GONE, now) or job)
        changed = [job for job, before in zip(after, found, strict=True) if job is not before]
        if changed:

            def save(tx: Transaction) -> None:
                for job in changed:
                    tx.jobs.put(job)

            await self._store.write(save)
        waiting = [job for job in after if not job.is_final]
        for job in waiting:
            self._dispatcher.admit(replace(job, queued_at=job.queued_at or now), recorded=True, seq=last[job.id])
        return len(waiting)

    def abandon(self, version_id: str) -> None:
        """The version was deleted: what waits for it ends, what runs is stopped."""
        self._checks.pop(version_id, None)
        self._dispatcher.discard(version_id, _GONE)

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _until_final(self, job_id_: str, changes: Subscription, wait: float) -> Job:
        until = self._clock() + wait
        while True:
            job = self._dispatcher.job(job_id_)
            if job is None or job.is_final:
                return job or await self._load(job_id_)
            left = until - self._clock()
            try:
                over = left <= 0 or not await changes.wait(left)
            except Unavailable:  # the platform is shutting down: the job goes on after its next start
                over = True
            if over:
                return await self._load(job_id_)

    async def _on_disk(self, job_id_: str) -> None:
        topic = f"recorded:{job_id_}"
        with self._notifier.subscribe(topic) as recorded:
            if self._dispatcher.persist(job_id_, lambda: self._notifier.notify(topic)):
                await recorded.wait(None)

    async def _load(self, job_id_: str) -> Job:
        job = self._dispatcher.job(job_id_)
        if job is None:
            job = await self._store.read(lambda tx: tx.jobs.get(job_id_))
        if job is None:
            raise NotFound.of("job", job_id_)
        return job

    async def _visible(self, principal: Principal, job_id_: str, scope: Scope) -> Job:
        job = await self._load(job_id_)
        own = job.account_id == principal.account_id
        if not (own or principal.administers() or self._manages(principal, job.endpoint_id)):
            raise NotFound.of("job", job_id_)
        # whoever may call may follow what became of the call
        if not principal.has(scope) and not (own and principal.has(Scope.CALL)):
            raise Forbidden(f"This key lacks the scope {scope.value!r}.")
        return job

    def _manages(self, principal: Principal, endpoint_id: str) -> bool:
        endpoint = self._endpoints.by_id(endpoint_id)
        return endpoint is not None and self._endpoints.manages(principal, endpoint)

    def _trimmed(self, principal: Principal, job: Job) -> Job:
        """The job as the principal may see it: a worker's own lines are for those who manage the endpoint."""
        error = job.error
        if error is None or not error.worker_log or self._manages(principal, job.endpoint_id):
            return job
        return replace(job, error=replace(error, worker_log=()))

    def _view(self, principal: Principal, job: Job) -> JobView:
        endpoint = self._endpoints.by_id(job.endpoint_id)
        version = self._endpoints.version(job.version_id)
        return JobView(
            self._trimmed(principal, job),
            endpoint.full_name if endpoint is not None else job.endpoint_id,
            version.number if version is not None else "",
        )


_GONE = JobError("endpoint_deleted", "The endpoint or its version was deleted before the job could run.")


def _open_jobs(tx: Transaction) -> tuple[list[Job], dict[str, int]]:
    """Every open job, and the number of its last event: those of its next attempt are counted on from there."""
    found = tx.jobs.open()
    return found, {job.id: _last_event(tx, job.id) for job in found}


def _last_event(tx: Transaction, job_id_: str) -> int:
    last = 0
    while page := tx.jobs.events(job_id_, after=last, limit=_PAGE_OF_EVENTS):
        last = page[-1].seq
    return last


def _seconds(name: str, value: float, limit: float) -> float:
    if not (math.isfinite(value) and 0 < value <= limit):
        raise BadRequest(f"{name}={value:g}: must be a number of seconds above 0 and up to {limit:g}.")
    return value


EMPTY_INPUT = Payload.inline(NULL)
"""The input of a call without one."""
