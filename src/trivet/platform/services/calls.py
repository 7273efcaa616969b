"""Calls: from a reference and an input to a job, whose caller waits for it, reads along, or comes back later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from trivet.platform.core.accounts import Principal
from trivet.platform.core.calls import USUAL, CallOptions
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.ports.notifier import Notifier, Watch
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.intake import Intake
from trivet.platform.services.jobs import Jobs
from trivet.platform.services.once import Once
from trivet.platform.services.open_jobs import OpenJobs
from trivet.platform.services.sight import Sight
from trivet.platform.services.waits import Waits


class HeldCall(NamedTuple):
    """A call that somebody waits for; see `Calls.hold`."""

    job_id: str
    watch: Watch


class Calls:
    """The use cases of a caller. Every method raises `NotFound` or `Forbidden` where the endpoint is not the principal's to call.

    Args:
        endpoints: what can be called.
        intake: makes jobs and admits them.
        once: submits under idempotency keys.
        jobs: what became of a job.
        sight: shows them.
        waits: waits for them.
        open_jobs: how they stand now.
        notifier: wakes those who wait.
    """

    def __init__(
        self,
        *,
        endpoints: Endpoints,
        intake: Intake,
        once: Once,
        jobs: Jobs,
        sight: Sight,
        waits: Waits,
        open_jobs: OpenJobs,
        notifier: Notifier,
    ) -> None:
        self._endpoints = endpoints
        self._intake = intake
        self._once = once
        self._jobs = jobs
        self._sight = sight
        self._waits = waits
        self._open_jobs = open_jobs
        self._notifier = notifier

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
            current = await self._jobs.get(principal, view.job.id, wait)
            return replace(current, replayed=view.replayed)
        endpoint, version = self._endpoints.pick(principal, reference, affinity=options.affinity)
        job = await self._intake.make(principal, version, payload, options)
        with self._notifier.subscribe(job.id) as changes:
            self._intake.admit(job, recorded=False)
            last = await self._waits.until_final(job.id, changes, wait)
        if durable:
            await self._waits.ensure_recorded(job.id)
            last = await self._sight.job(job.id)
        elif not last.is_final:
            await self._waits.until_recorded(job.id)
            last = await self._sight.job(job.id)
        return self._sight.shown(principal, last, endpoint, version)

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
        job = self._intake.new(principal, version, payload, options)

        def woken(is_up: bool) -> None:
            current = self._open_jobs.job(job.id)
            if current is not None and current.is_final:
                watch.end()
                then(self._sight.shown(principal, current, endpoint, version))
            elif not is_up or current is None:
                watch.end()
                then(None)

        watch = self._notifier.watch(job.id, woken)
        self._intake.admit(job, recorded=False)
        return HeldCall(job.id, watch)

    async def leave(self, principal: Principal, held: HeldCall) -> JobView:
        """Ends the wait for a held call; gives its job, which is on disk and goes on."""
        held.watch.end()
        await self._waits.until_recorded(held.job_id)
        return await self._jobs.get(principal, held.job_id)

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
            return await self._once.submit(principal, endpoint, version, payload, options)
        job = await self._intake.make(principal, version, payload, options)
        await self._intake.record(job)
        self._intake.admit(job, recorded=True)
        return JobView(job, endpoint.full_name, version.number)

    async def start_stream(
        self,
        principal: Principal,
        reference: EndpointReference,
        payload: Payload,
        options: CallOptions = USUAL,
    ) -> JobView:
        """Begins a call whose caller goes on to read `Jobs.events`; a held call like `run`."""
        if options.idempotency_key is not None:
            return await self.submit(principal, reference, payload, options)
        endpoint, version = self._endpoints.pick(principal, reference, affinity=options.affinity)
        job = await self._intake.make(principal, version, payload, options)
        self._intake.admit(job, recorded=False)
        return JobView(self._open_jobs.job(job.id) or job, endpoint.full_name, version.number)
