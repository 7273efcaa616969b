"""Intake: how calls become jobs, and how jobs come to the dispatcher, new ones and those of an earlier start."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from trivet.platform.core import calls, ids, retries
from trivet.platform.core import transitions as rules
from trivet.platform.core.accounts import Principal, Within
from trivet.platform.core.calls import USUAL, CallOptions
from trivet.platform.core.endpoints import Version
from trivet.platform.core.errors import BadRequest, CoreError
from trivet.platform.core.jobs import Job, JobError, JobPolicy
from trivet.platform.core.payloads import INLINE_LIMIT, Payload
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.ports.validator import InputCheck, LargeCheck, SchemaCompiler
from trivet.platform.ports.vault import Vault
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.limits import Limits
from trivet.platform.services.recorder import put_job
from trivet.platform.services.trees import Trees

MOST_DEPTH = 32
"""Calls that may lie between a job and the one at the top of its tree."""
LARGE = 64 * 1024
"""Bytes from which on the check of an input, up to six milliseconds here, is left to `LargeCheck`."""
_VERSIONS_IN_MEMORY = 10_000


@dataclass(slots=True)
class _Usual:
    """What the calls of a version have in common: the check of their inputs, and the policy under the options that came last.

    Nearly all calls come with one and the same object of options.
    """

    check: InputCheck
    options: CallOptions
    policy: JobPolicy


class Intake:
    """Makes jobs and admits them. Who may call has been decided before.

    Args:
        store: where jobs are recorded.
        blobs: where large inputs lie.
        endpoints: which versions there are.
        dispatcher: queues what is admitted.
        limits: counts what callers have open.
        trees: follows which job has called which.
        compile_schema: makes the check of a version's inputs.
        vault: seals what a caller says about itself.
        clock: seconds since the epoch.
        entropy: random bytes.
        retention: seconds that a job is kept after its end where nobody says.
        dead_letter_retention: the same of one that used up its attempts.
        check_large: checks large inputs; None: they are checked like all others.
    """

    def __init__(
        self,
        *,
        store: Store,
        blobs: BlobStore,
        endpoints: Endpoints,
        dispatcher: Dispatcher,
        limits: Limits,
        trees: Trees,
        compile_schema: SchemaCompiler,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        retention: float,
        dead_letter_retention: float,
        check_large: LargeCheck | None = None,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._endpoints = endpoints
        self._dispatcher = dispatcher
        self._limits = limits
        self._trees = trees
        self._compile = compile_schema
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._retention = retention
        self._dead_letter_retention = dead_letter_retention
        self._check_large = check_large
        self._usuals: dict[str, _Usual] = {}
        self.check_webhook: Callable[[str], None] = _no_webhooks
        """Raises `BadRequest` where a call names a URL that can't or may not be told of its end."""

    # -- making -------------------------------------------------------------------------------------------------------

    def new(self, principal: Principal, version: Version, payload: Payload, options: CallOptions) -> Job:
        """A job for a call; it counts against the limits of who calls from now on. Its input is held in memory.

        Raises:
            InvalidInput: the input misses the version's schema.
            BadRequest: an option is out of its range.
            RateLimited, TooManyOpenJobs: over a limit of the key or its account.
        """
        now = self._clock()
        fresh = self._fresh_id(now)
        self._limits.take(principal, fresh)
        try:
            if not options.is_checked:
                self._usual(version).check(payload)
            return self._job(fresh, now, principal, version, payload, options)
        except BaseException:  # no job comes of it
            self._limits.release(fresh)
            raise

    async def make(self, principal: Principal, version: Version, payload: Payload, options: CallOptions) -> Job:
        """The same, with its input where it is to lie; a large one is checked while others go on. Raises as `new`, and as
        `LargeCheck` and the blob store.
        """
        if payload.size <= LARGE or self._check_large is None:
            return await self._stored(self.new(principal, version, payload, options))
        now = self._clock()
        fresh = self._fresh_id(now)
        self._limits.take(principal, fresh)
        try:
            if not options.is_checked:
                await self._check_large(version.input_schema, payload)
            job = self._job(fresh, now, principal, version, payload, options)
        except BaseException:  # no job comes of it
            self._limits.release(fresh)
            raise
        return await self._stored(job)

    async def make_again(self, principal: Principal, last: Job, version: Version, payload: Payload) -> Job:
        """A job that tries one again that has ended, under the same policy. Raises as `make`."""
        if payload.size <= LARGE or self._check_large is None:
            self._usual(version).check(payload)
        else:
            await self._check_large(version.input_schema, payload)
        if last.policy.webhook is not None:
            self.check_webhook(last.policy.webhook)
        now = self._clock()
        fresh = self._fresh_id(now)
        root = None if last.root_id is None else self._dispatcher.open_jobs.job(last.root_id)
        in_tree = root is not None and not root.is_final
        self._limits.take(principal, fresh)
        return await self._stored(retries.retry(last, fresh, version.id, payload, now, in_tree=in_tree))

    def _fresh_id(self, now: float) -> str:
        return ids.make("job", now, self._entropy(8))

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

    def _job(  # noqa: PLR0917 - the parts of a job, put together in one place
        self, fresh: str, now: float, principal: Principal, version: Version, payload: Payload, options: CallOptions
    ) -> Job:
        usual = self._usual(version)
        if options is not usual.options:
            usual.policy, usual.options = self._policy(version, options), options
        policy = usual.policy
        if policy.webhook is not None:
            self.check_webhook(policy.webhook)
        key = options.idempotency_key
        digest = None if key is None else digest_of(payload)
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

    def _usual(self, version: Version) -> _Usual:
        usual = self._usuals.get(version.id)
        if usual is None:
            if len(self._usuals) > _VERSIONS_IN_MEMORY:
                self._usuals.clear()
            usual = _Usual(self._compile(version.input_schema), USUAL, self._policy(version, USUAL))
            self._usuals[version.id] = usual
        return usual

    def _policy(self, version: Version, options: CallOptions) -> JobPolicy:
        return calls.policy(options, version.settings, self._retention, self._dead_letter_retention)

    # -- admitting ----------------------------------------------------------------------------------------------------

    async def record(self, job: Job) -> None:
        """Brings a new job to disk.

        Raises:
            Conflict: there is another under its idempotency key, or another retry of the same job.
            StorageFull: it does not fit. Nothing is left of the job.
        """
        try:
            await self._store.write(lambda tx: tx.jobs.put(job))
        except BaseException as error:
            self._limits.release(job.id)
            if isinstance(error, CoreError) and job.input.blob is not None:  # nobody else knows of it
                await self._blobs.delete(job.input.blob)
            raise

    def admit(self, job: Job, *, recorded: bool) -> None:
        """Queues a job, or hands it to a worker at once. ``recorded``: whether it is on disk."""
        self._trees.begun(job)
        self._dispatcher.admit(job, recorded=recorded)
        if self._endpoints.version(job.version_id) is None:  # deleted while the input was on its way to the disk
            self._dispatcher.stops.discard(job.version_id, _GONE)

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
            self._trees.begun(job)
            self._dispatcher.admit(replace(job, queued_at=job.queued_at or now), recorded=True, seq=last[job.id])
        return len(waiting)

    def abandon(self, version_id: str) -> None:
        """The version was deleted: what waits for it ends, what runs is stopped."""
        self._usuals.pop(version_id, None)
        self._dispatcher.stops.discard(version_id, _GONE)


def digest_of(payload: Payload) -> bytes:
    """What tells one input from another."""
    digest = hashlib.sha256(payload.content_type.encode() + b"\0")
    digest.update(payload.data or b"")
    return digest.digest()


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
