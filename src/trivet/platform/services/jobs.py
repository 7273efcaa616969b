"""Jobs: submit, wait, stream, cancel, explain. What a caller does with an endpoint."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from trivet.platform.core import calls
from trivet.platform.core import jobs as rules
from trivet.platform.core.accounts import Principal, Scope, Within
from trivet.platform.core.calls import USUAL, CallOptions
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Version
from trivet.platform.core.errors import (
    BadRequest,
    Conflict,
    CoreError,
    Forbidden,
    IdempotencyKeyReused,
    NotFound,
    Unavailable,
)
from trivet.platform.core.jobs import Job, JobError, JobEvent, JobPolicy, JobStatus
from trivet.platform.core.payloads import NULL, Payload
from trivet.platform.core.views import CancelOutcome, Explanation, Health, JobView
from trivet.platform.ports.background import Background
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.notifier import Notifier, Subscription, Watch
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.ports.validator import InputCheck, SchemaCompiler
from trivet.platform.ports.vault import Vault
from trivet.platform.services.access import require
from trivet.platform.services.dispatch import INLINE_LIMIT, Dispatcher, job_id
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.explain import Situation, explain
from trivet.platform.services.limits import Limits
from trivet.platform.services.recorder import put_job
from trivet.platform.services.workers import PING, Workers

CANCEL_WAIT = 5.0
"""Seconds that a cancel waits for the worker's confirmation."""
_PAGE_OF_EVENTS = 500
_SIZE_OF_PAGE = 4 * 1024 * 1024
MOST_DEPTH = 32
"""Calls that may lie between a job and the one at the top of its tree."""
_KEYS_IN_MEMORY = 10_000
_SEARCH_STEP = 500
_PATIENCE = 10.0
"""Seconds that the disk has to take what somebody will come back for."""


class HeldCall(NamedTuple):
    """A call that somebody waits for; see `Jobs.hold`."""

    job_id: str
    watch: Watch


@dataclass(slots=True)
class _Usual:
    """What the calls of a version have in common: the check of their inputs, and the policy under the options that came last.

    Nearly all calls come with one and the same object of options.
    """

    check: InputCheck
    options: CallOptions
    policy: JobPolicy


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
        limits: Limits,
        workers: Workers,
        compile_schema: SchemaCompiler,
        notifier: Notifier,
        vault: Vault,
        background: Background,
        clock: Clock,
        entropy: Entropy,
        retention: float,
        dead_letter_retention: float,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._endpoints = endpoints
        self._dispatcher = dispatcher
        self._limits = limits
        self._workers = workers
        self._compile = compile_schema
        self._notifier = notifier
        self._vault = vault
        self._background = background
        self._clock = clock
        self._entropy = entropy
        self._retention = retention
        self._dead_letter_retention = dead_letter_retention
        self._usuals: dict[str, _Usual] = {}
        self.check_webhook: Callable[[str], None] = _no_webhooks
        """Raises `BadRequest` where a call names a URL that can't or may not be told of its end."""
        self._keys: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        """The ids of jobs that were submitted lately, by endpoint, account and idempotency key."""
        self._children: dict[str, set[str]] = {}
        """What open jobs have called that is open itself."""

    # -- calling ------------------------------------------------------------------------------------------------------

    async def run(
        self,
        principal: Principal,
        reference: EndpointReference,
        payload: Payload,
        options: CallOptions = USUAL,
        *,
        wait: float = 50.0,
        durable: bool = False,
    ) -> JobView:
        """Calls and waits, at most ``wait`` seconds. A job that is not final by then is on disk and goes on.

        With an idempotency key the job is on disk before it begins, as with `submit`.

        Args:
            principal: who calls; needs the scope ``call``.
            reference: the endpoint, perhaps pinned to a version.
            payload: the input as it came.
            options: what the caller says about the call.
            wait: seconds to wait.
            durable: whether the end is on disk as well when this returns: the caller will come back for it.

        Raises:
            InvalidInput: the input misses the schema; nothing was queued.
            BadRequest: an option is out of its range.
            RateLimited, TooManyOpenJobs: over a limit of the key or its account; nothing was queued.
            IdempotencyKeyReused: another input was called with that key.
            Unavailable: the end is to be durable, and the disk does not take it.
        """
        if options.idempotency_key is not None:
            view = await self.submit(principal, reference, payload, options)
            if view.job.is_final:
                return view
            current = await self.get(principal, view.job.id, wait)
            return replace(current, replayed=view.replayed)
        endpoint, version = self._endpoints.pick(principal, reference, affinity=options.affinity)
        job = await self._make(principal, version, payload, options)
        with self._notifier.subscribe(job.id) as changes:
            self._admit(job, recorded=False)
            last = await self._until_final(job.id, changes, wait)
        if durable:
            await self._soon_on_disk(job.id)
            last = await self._load(job.id)
        elif not last.is_final:
            await self._on_disk(job.id)
            last = await self._load(job.id)
        return self._shown(principal, last, endpoint, version)

    def hold(
        self,
        principal: Principal,
        reference: EndpointReference,
        payload: Payload,
        options: CallOptions,
        then: Callable[[JobView | None], None],
    ) -> HeldCall:
        """Begins a call like `run`, for a caller who is told instead of waiting.

        Args:
            principal: who calls; needs the scope ``call``.
            reference: the endpoint, perhaps pinned to a version.
            payload: the input as it came, at most `INLINE_LIMIT` bytes.
            options: what the caller says about the call; no idempotency key.
            then: called with the job when it is final, or with None where the platform shuts down before. Then, and when
                the caller will not wait any longer, `leave` gives the job that goes on.

        Raises:
            InvalidInput: the input misses the schema; nothing was queued.
            BadRequest: an option is out of its range.
        """
        endpoint, version = self._endpoints.pick(principal, reference, affinity=options.affinity)
        job = self._new(principal, version, payload, options)

        def woken(is_up: bool) -> None:
            current = self._dispatcher.job(job.id)
            if current is not None and current.is_final:
                watch.end()
                then(self._shown(principal, current, endpoint, version))
            elif not is_up or current is None:
                watch.end()
                then(None)

        watch = self._notifier.watch(job.id, woken)
        self._admit(job, recorded=False)
        return HeldCall(job.id, watch)

    async def leave(self, principal: Principal, held: HeldCall) -> JobView:
        """Ends the wait for a held call; gives its job, which is on disk and goes on."""
        held.watch.end()
        await self._on_disk(held.job_id)
        return await self.get(principal, held.job_id)

    async def submit(
        self,
        principal: Principal,
        reference: EndpointReference,
        payload: Payload,
        options: CallOptions = USUAL,
    ) -> JobView:
        """Queues a job; returns when it is on disk. The same idempotency key gives the job that it gave before.

        Raises:
            InvalidInput: the input misses the schema; nothing was queued.
            BadRequest: an option is out of its range.
            RateLimited, TooManyOpenJobs: over a limit of the key or its account; nothing was queued.
            IdempotencyKeyReused: another input was submitted with that key.
            StorageFull: nothing was queued.
        """
        endpoint, version = self._endpoints.pick(principal, reference, affinity=options.affinity)
        if options.idempotency_key is not None:
            return await self._submit_once(principal, endpoint, version, payload, options)
        job = await self._make(principal, version, payload, options)
        await self._put_new(job)
        self._admit(job, recorded=True)
        return JobView(job, endpoint.full_name, version.number)

    async def start_stream(
        self,
        principal: Principal,
        reference: EndpointReference,
        payload: Payload,
        options: CallOptions = USUAL,
    ) -> JobView:
        """Begins a call whose caller goes on to read `events`; a held call like `run`."""
        if options.idempotency_key is not None:
            return await self.submit(principal, reference, payload, options)
        endpoint, version = self._endpoints.pick(principal, reference, affinity=options.affinity)
        job = await self._make(principal, version, payload, options)
        self._admit(job, recorded=False)
        return JobView(self._dispatcher.job(job.id) or job, endpoint.full_name, version.number)

    async def replay(
        self,
        principal: Principal,
        job_id_: str,
        *,
        payload: Payload | None = None,
        version: str | None = None,
        idempotency_key: str | None = None,
    ) -> JobView:
        """A new job like an earlier one, under the same policy.

        Args:
            principal: who asks; needs the scope ``call``.
            job_id_: the earlier job.
            payload: its input; None: the earlier one's.
            version: which version it goes to; None: the one that a call gets now.
            idempotency_key: a name for this call.
        """
        job = await self._visible(principal, job_id_, Scope.CALL)
        if payload is None:
            # a blob belongs to one job: each may be forgotten in its own time
            payload = Payload.inline(await self.read(job.input), job.input.content_type)
        if self._endpoints.by_id(job.endpoint_id) is None:
            raise _endpoint_gone(job)
        reference = EndpointReference(job.endpoint_id, id=job.endpoint_id, version=version)
        policy = job.policy
        own = job.account_id == principal.account_id  # what a caller said about itself is for that caller alone
        options = CallOptions(
            timeout=policy.timeout,
            ttl=policy.ttl,
            max_attempts=policy.max_attempts,
            retry_on=policy.retry_on,
            backoff=policy.backoff,
            priority=policy.priority,
            retention=policy.retention,
            webhook=policy.webhook if own else None,
            webhook_format=policy.webhook_format,
            aside=self._vault.unseal(job.aside).encode() if job.aside is not None and own else None,
            idempotency_key=idempotency_key,
        )
        return await self.submit(principal, reference, payload, options)

    async def retry(self, principal: Principal, job_id_: str) -> JobView:
        """Tries a job again that failed or timed out: a new job like it, for the same caller, which `newest` finds by the first
        one's id. Two requests at the same moment make one.

        Args:
            principal: who asks, the caller itself or who manages the endpoint; needs the scope ``call``.
            job_id_: the first job, forgotten or not, or one of its retries. The newest of them is tried again.

        Raises:
            Conflict: the newest neither failed nor timed out, or there are as many retries as there may be.
            RateLimited, TooManyOpenJobs: over a limit of the principal's key or its account; nothing was queued.
        """
        last = await self._newest(principal, job_id_, Scope.CALL)
        rules.check_retry(last)
        if self._endpoints.by_id(last.endpoint_id) is None:
            raise _endpoint_gone(last)
        reference = EndpointReference(last.endpoint_id, id=last.endpoint_id)
        endpoint, version = self._endpoints.pick(principal, reference)
        payload = Payload.inline(await self.read(last.input), last.input.content_type)
        self._usual(version).check(payload)
        if last.policy.webhook is not None:
            self.check_webhook(last.policy.webhook)
        now = self._clock()
        fresh = job_id(now, self._entropy)
        root = None if last.root_id is None else self._dispatcher.job(last.root_id)
        in_tree = root is not None and not root.is_final
        self._limits.take(principal, fresh)
        job = await self._stored(rules.retry(last, fresh, version.id, payload, now, in_tree=in_tree))
        try:
            await self._put_new(job)
        except Conflict:
            self._limits.give_back(principal)  # beside another request
            return self._view(principal, await self._newest(principal, job_id_, Scope.CALL))
        self._admit(job, recorded=True)
        return self._shown(principal, job, endpoint, version)

    async def _make(self, principal: Principal, version: Version, payload: Payload, options: CallOptions) -> Job:
        return await self._stored(self._new(principal, version, payload, options))

    async def _stored(self, job: Job) -> Job:
        """The job with its input where it is to lie."""
        payload = job.input
        if payload.size <= INLINE_LIMIT or payload.data is None:
            return job
        try:
            blob = await self._blobs.put(payload.data)
        except BaseException:
            self._limits.release(job.id)
            raise
        return replace(job, input=Payload.stored(blob, payload.size, payload.content_type))

    def _new(self, principal: Principal, version: Version, payload: Payload, options: CallOptions) -> Job:
        now = self._clock()
        fresh = job_id(now, self._entropy)
        self._limits.take(principal, fresh)
        try:
            return self._job(fresh, now, principal, version, payload, options)
        except BaseException:  # no job comes of it
            self._limits.release(fresh)
            raise

    def _job(  # noqa: PLR0917 - the parts of a job, put together in one place
        self, fresh: str, now: float, principal: Principal, version: Version, payload: Payload, options: CallOptions
    ) -> Job:
        usual = self._usual(version)
        if not options.is_checked:
            usual.check(payload)
        if options is not usual.options:
            usual.policy, usual.options = self._policy(version, options), options
        policy = usual.policy
        if policy.webhook is not None:
            self.check_webhook(policy.webhook)
        key = options.idempotency_key
        digest = None if key is None else _digest(payload)
        return Job(
            fresh,
            version.endpoint_id,
            version.id,
            principal.account_id,
            payload,
            policy,
            created_at=now,
            queued_at=now,
            key_id=principal.key_id,
            idempotency_key=key,
            input_digest=digest,
            parent_id=None if principal.within is None else principal.within.job_id,
            root_id=None if principal.within is None else principal.within.root_id,
            depth=0 if principal.within is None else _deeper(principal.within),
            aside=None if options.aside is None else self._vault.seal(options.aside.decode()),
            number=options.number,
        )

    async def _put_new(self, job: Job) -> None:
        try:
            await self._store.write(lambda tx: tx.jobs.put(job))
        except BaseException as error:
            self._limits.release(job.id)
            if isinstance(error, CoreError) and job.input.blob is not None:  # nobody else knows of it
                await self._blobs.delete(job.input.blob)
            raise

    # -- submitting once ----------------------------------------------------------------------------------------------

    async def _submit_once(
        self, principal: Principal, endpoint: Endpoint, version: Version, payload: Payload, options: CallOptions
    ) -> JobView:
        name = (endpoint.id, principal.account_id, calls.check_idempotency_key(options.idempotency_key or ""))
        while True:
            known = self._keys.get(name)
            earlier = await self._known(known) if known is not None else None
            if earlier is None and principal.limits:  # a repetition costs nothing, whenever it comes
                earlier = await self._store.read(lambda tx: tx.jobs.keyed(*name))
            if earlier is None:
                job = await self._make(principal, version, payload, options)
                try:
                    await self._put_new(job)
                except Conflict:
                    self._limits.give_back(principal)  # beside another under the same key
                    earlier = await self._store.read(lambda tx: tx.jobs.keyed(*name))
                    if earlier is None:  # it was forgotten between the two looks: the key is free
                        continue
                else:
                    self._remember(name, job.id)
                    self._admit(job, recorded=True)
                    return JobView(job, endpoint.full_name, version.number)
            if earlier.input_digest != _digest(payload):
                raise IdempotencyKeyReused(
                    f"The idempotency key {name[2]!r} belongs to job {earlier.id}, which has another input.",
                    hint="Use a new key for a new input.",
                )
            self._remember(name, earlier.id)
            current = self._dispatcher.job(earlier.id) or earlier
            return replace(self._view(principal, current), replayed=True)

    async def _known(self, job_id_: str) -> Job | None:
        live = self._dispatcher.job(job_id_)
        return live if live is not None else await self._store.read(lambda tx: tx.jobs.get(job_id_))

    def _remember(self, name: tuple[str, str, str], job_id_: str) -> None:
        """Most repetitions come soon: they need not try to write first."""
        self._keys[name] = job_id_
        if len(self._keys) > _KEYS_IN_MEMORY:
            self._keys.popitem(last=False)

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
        for job_id_ in list(job_ids):
            self._dispatcher.cancel(job_id_)

    def _admit(self, job: Job, *, recorded: bool) -> None:
        if job.parent_id is not None:
            self._children.setdefault(job.parent_id, set()).add(job.id)
        self._dispatcher.admit(job, recorded=recorded)
        if self._endpoints.version(job.version_id) is None:  # deleted while the input was on its way to the disk
            self._dispatcher.discard(job.version_id, _GONE)

    def _usual(self, version: Version) -> _Usual:
        usual = self._usuals.get(version.id)
        if usual is None:
            if len(self._usuals) > 10_000:
                self._usuals.clear()
            usual = _Usual(self._compile(version.input_schema), USUAL, self._policy(version, USUAL))
            self._usuals[version.id] = usual
        return usual

    def _policy(self, version: Version, options: CallOptions) -> JobPolicy:
        return calls.policy(options, version.settings, self._retention, self._dead_letter_retention)

    # -- looking ------------------------------------------------------------------------------------------------------

    async def get(self, principal: Principal, job_id_: str, wait: float = 0.0) -> JobView:
        """The job; with ``wait``, when it is final or after so many seconds."""
        with self._notifier.subscribe(job_id_) as changes:
            job = await self._visible(principal, job_id_, Scope.READ)
            if wait > 0 and not job.is_final:
                job = await self._until_final(job_id_, changes, wait)
        return self._view(principal, job)

    def views(self, principal: Principal, found: Iterable[Job]) -> list[JobView]:
        """Those of some jobs that the principal may see, as they stand now: memory is ahead of the disk.

        Args:
            principal: who asks; has the scope ``read``.
            found: jobs that were read just now.
        """
        views = []
        for job in found:
            with suppress(NotFound):
                self._check_sight(principal, job, Scope.READ, job.id)
                views.append(self._view(principal, self._dispatcher.job(job.id) or job))
        return views

    async def newest(self, principal: Principal, job_id_: str) -> JobView:
        """The newest try of a job, which is the job itself unless it was tried again (`retry`).

        Args:
            principal: who asks.
            job_id_: the first job, forgotten or not, or one of its retries.
        """
        return self._view(principal, await self._newest(principal, job_id_, Scope.READ))

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

    async def logs(self, principal: Principal, job_id_: str, after: int = 0, limit: int = 1000) -> list[JobEvent]:
        """What the job's handler printed, in order, those with ``seq`` above ``after``."""
        return await self._events_of(principal, job_id_, rules.EventKind.LOG, after, limit)

    async def insights(self, principal: Principal, job_id_: str, limit: int = 1000) -> list[JobEvent]:
        """What the job has reported about its own work, in order."""
        return await self._events_of(principal, job_id_, rules.EventKind.INSIGHT, 0, limit)

    async def _events_of(
        self, principal: Principal, job_id_: str, kind: rules.EventKind, after: int, limit: int
    ) -> list[JobEvent]:
        await self._visible(principal, job_id_, Scope.READ)
        recent = self._dispatcher.recent_events(job_id_, after)
        if recent is None:
            recent = await self._store.read(lambda tx: tx.jobs.events(job_id_, after=after, limit=limit, kinds=(kind,)))
        return [event for event in recent if event.kind is kind][:limit]

    async def events(
        self, principal: Principal, job_id_: str, after: int = 0
    ) -> AsyncGenerator[list[JobEvent] | JobView | None, None]:
        """The job's story as it unfolds.

        Yields:
            A `JobView` at the start, at every change of status and at the end, after which it stops; the events with ``seq``
            above ``after``, as many at a time as are there; None after `PING` seconds without anything.
        """
        with self._notifier.subscribe(job_id_) as changes:
            job = await self._visible(principal, job_id_, Scope.READ)
            told: tuple[JobStatus, int] | None = None
            while True:
                if (job.status, job.attempt) != told and not job.is_final:
                    told = (job.status, job.attempt)
                    yield self._view(principal, job)
                page = await self._events_after(job_id_, after)
                if page:
                    after = page[-1].seq
                    yield page
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
        return await self._store.read(
            lambda tx: tx.jobs.events(job_id_, after=after, limit=_PAGE_OF_EVENTS, size=_SIZE_OF_PAGE)
        )

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
        counts, retried = await self._store.read(lambda tx: (tx.jobs.counts(endpoint.id), tx.jobs.retried(endpoint.id)))
        versions = [v.id for v in self._endpoints.versions_of(endpoint.id)]
        queued = sum(self._dispatcher.queued(v) for v in versions)
        running = sum(self._dispatcher.running(v) for v in versions)
        oldest = max((self._dispatcher.oldest_wait(v) for v in versions), default=0.0)
        return Health(
            endpoint.full_name,
            {**dict.fromkeys(JobStatus, 0), **counts, JobStatus.QUEUED: queued, JobStatus.RUNNING: running},
            self._workers.counts(endpoint.id),
            oldest * 1000 if queued else None,
            retried,
        )

    def counts(self, endpoint_id: str) -> dict[JobStatus, int]:
        """Open jobs of an endpoint, from memory."""
        versions = [v.id for v in self._endpoints.versions_of(endpoint_id)]
        return {
            JobStatus.QUEUED: sum(self._dispatcher.queued(v) for v in versions),
            JobStatus.RUNNING: sum(self._dispatcher.running(v) for v in versions),
        }

    # -- stopping -----------------------------------------------------------------------------------------------------

    async def cancel(self, principal: Principal, job_id_: str, wait: float = CANCEL_WAIT) -> CancelOutcome:
        """Asks a job to stop, and says whether it took; waits up to ``wait`` seconds for a running one."""
        with self._notifier.subscribe(job_id_) as changes:
            job = await self._visible(principal, job_id_, Scope.CALL)
            was_final = job.is_final
            if not was_final:
                self._dispatcher.cancel(job_id_)
                await self._until_final(job_id_, changes, wait)
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

    async def purge(self, principal: Principal, reference: EndpointReference, wait: float = CANCEL_WAIT) -> int:
        """Cancels all jobs that wait in an endpoint's queue. For those who manage it.

        Returns:
            How many, once everybody sees that they are, or after ``wait`` seconds.
        """
        endpoint = self._endpoints.find(principal, reference, Scope.DEPLOY)
        purged = self._dispatcher.purge([v.id for v in self._endpoints.versions_of(endpoint.id)])
        until = self._clock() + wait
        for job_id_ in purged:
            job = self._dispatcher.job(job_id_)
            if job is not None and not job.is_final:
                with self._notifier.subscribe(job_id_) as changes:
                    await self._until_final(job_id_, changes, max(0.0, until - self._clock()))
        return len(purged)

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
                    put_job(tx, job)

            await self._store.write(save)
        waiting = [job for job in after if not job.is_final]
        for job in waiting:
            if job.parent_id is not None:
                self._children.setdefault(job.parent_id, set()).add(job.id)
            self._dispatcher.admit(replace(job, queued_at=job.queued_at or now), recorded=True, seq=last[job.id])
        return len(waiting)

    def abandon(self, version_id: str) -> None:
        """The version was deleted: what waits for it ends, what runs is stopped."""
        self._usuals.pop(version_id, None)
        self._dispatcher.discard(version_id, _GONE)

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _until_final(self, job_id_: str, changes: Subscription, wait: float) -> Job:
        until = self._clock() + wait
        while True:
            job = self._dispatcher.job(job_id_)
            if job is None or job.is_final:
                return job or await self._load(job_id_)
            left = min(until - self._clock(), wait)  # the time of day may be set back meanwhile
            try:
                over = left <= 0 or not await changes.wait(left)
            except Unavailable:  # the platform is shutting down: the job goes on after its next start
                over = True
            if over:
                return await self._load(job_id_)

    async def _soon_on_disk(self, job_id_: str) -> None:
        if not await self._on_disk(job_id_, _PATIENCE):
            raise Unavailable(
                f"The job {job_id_} can't be written down: the platform's disk is full or does not answer.",
                retry_after=_PATIENCE,
                hint="It goes on all the same, and is listed when it is on disk.",
            )

    async def _on_disk(self, job_id_: str, patience: float | None = None) -> bool:
        """Whether the job is on disk, as soon as it is, or after some seconds."""
        topic = f"recorded:{job_id_}"
        with self._notifier.subscribe(topic) as recorded:
            if self._dispatcher.persist(job_id_, lambda: self._notifier.notify(topic)):
                try:
                    return await recorded.wait(patience)
                except Unavailable:  # the platform is shutting down, and brings what it has to disk first
                    return await recorded.wait(None)
        return True

    async def _load(self, job_id_: str) -> Job:
        job = self._dispatcher.job(job_id_)
        if job is None:
            job = await self._store.read(lambda tx: tx.jobs.get(job_id_))
        if job is None:
            raise NotFound.of("job", job_id_)
        return job

    async def _newest(self, principal: Principal, job_id_: str, scope: Scope) -> Job:
        job = self._dispatcher.job(job_id_)
        if job is None or job.status in rules.RETRYABLE:
            found = await self._store.read(lambda tx: _newest_try(tx, job_id_))
            if found is not None:  # memory is ahead of the disk
                job = self._dispatcher.job(found.id) or found
        if job is None:
            raise NotFound.of("job", job_id_)
        self._check_sight(principal, job, scope, job_id_)
        return job

    async def _visible(self, principal: Principal, job_id_: str, scope: Scope) -> Job:
        job = await self._load(job_id_)
        self._check_sight(principal, job, scope, job_id_)
        return job

    def _check_sight(self, principal: Principal, job: Job, scope: Scope, job_id_: str) -> None:
        own = job.account_id == principal.account_id
        if principal.within is not None and job.tree_id != principal.within.root_id:
            raise NotFound.of("job", job_id_)  # a job follows what it has called, and nothing else of its caller's
        if not (own or principal.administers() or self._manages(principal, job.endpoint_id)):
            raise NotFound.of("job", job_id_)
        # whoever may call may follow what became of the call
        if not principal.has(scope) and not (own and principal.has(Scope.CALL)):
            raise Forbidden.without(scope.value)

    def _manages(self, principal: Principal, endpoint_id: str) -> bool:
        endpoint = self._endpoints.by_id(endpoint_id)
        return endpoint is not None and self._endpoints.manages(principal, endpoint)

    def _view(self, principal: Principal, job: Job) -> JobView:
        endpoint, version = self._endpoints.by_id(job.endpoint_id), self._endpoints.version(job.version_id)
        return self._shown(principal, job, endpoint, version)

    def _shown(self, principal: Principal, job: Job, endpoint: Endpoint | None, version: Version | None) -> JobView:
        """The job as the principal may see it. Only of one that failed does it matter who asks."""
        manages = job.error is None or self._manages(principal, job.endpoint_id)
        return JobView.of(job, endpoint, version, manages=manages)


def _endpoint_gone(job: Job) -> NotFound:
    return NotFound(
        f"The endpoint of job {job.id} was deleted.", hint="Deploy it again, and call it with this job's input."
    )


_GONE = JobError("endpoint_deleted", "The endpoint or its version was deleted before the job could run.")


def _deeper(within: Within) -> int:
    """How deep a job is that another calls.

    Raises:
        BadRequest: too deep: it calls itself, most likely.
    """
    if within.depth >= MOST_DEPTH:
        raise BadRequest(
            f"The calls of job {within.root_id} are nested more than {MOST_DEPTH} deep.",
            hint="A handler that calls itself, directly or by way of others, has to come to an end.",
        )
    return within.depth + 1


def _no_webhooks(url: str) -> None:  # noqa: ARG001 — stands where a check is wanted
    raise BadRequest("This platform sends no webhooks.", hint="Call without `webhook`.")


def _open_jobs(tx: Transaction) -> tuple[list[Job], dict[str, int]]:
    """Every open job, and the number of its last event: those of its next attempt are counted on from there."""
    found = tx.jobs.open()
    return found, {job.id: tx.jobs.last_event(job.id) for job in found}


def _newest_try(tx: Transaction, job_id_: str) -> Job | None:
    """The newest try of the job that somebody knows by an id, be that one forgotten."""
    job = tx.jobs.get(job_id_)
    if job is not None and job.status not in rules.RETRYABLE:
        return job
    return tx.jobs.newest_retry(job_id_ if job is None else job.first_id) or job


def _digest(payload: Payload) -> bytes:
    """What tells one input from another."""
    return hashlib.sha256(payload.content_type.encode() + b"\0" + (payload.data or b"")).digest()


EMPTY_INPUT = Payload.inline(NULL)
"""The input of a call without one."""
