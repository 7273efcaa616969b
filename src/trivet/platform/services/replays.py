"""Replays: new jobs like earlier ones."""

from __future__ import annotations

from trivet.platform.core import retries
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import Conflict, NotFound
from trivet.platform.core.jobs import Job
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.ports.vault import Vault
from trivet.platform.services.calls import Calls
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.intake import Intake
from trivet.platform.services.jobs import Jobs
from trivet.platform.services.limits import Limits
from trivet.platform.services.sight import Sight


class Replays:
    """Submits again what was called before. Every method raises `NotFound` or `Forbidden` by the one rule of access to jobs.

    Args:
        endpoints: where it goes.
        calls: submits a replay, which is a call like any other.
        jobs: reads inputs.
        intake: makes retries.
        sight: finds jobs, and shows them.
        limits: whose counts a retry in vain gives back.
        vault: unseals what a caller said about itself.
    """

    def __init__(
        self,
        *,
        endpoints: Endpoints,
        calls: Calls,
        jobs: Jobs,
        intake: Intake,
        sight: Sight,
        limits: Limits,
        vault: Vault,
    ) -> None:
        self._endpoints = endpoints
        self._calls = calls
        self._jobs = jobs
        self._intake = intake
        self._sight = sight
        self._limits = limits
        self._vault = vault

    async def replay(
        self,
        principal: Principal,
        job_id: str,
        *,
        payload: Payload | None = None,
        version: str | None = None,
        idempotency_key: str | None = None,
    ) -> JobView:
        """A new job like an earlier one, under the same policy.

        Args:
            principal: who asks; needs the scope ``call``.
            job_id: the earlier job.
            payload: its input; None: the earlier one's.
            version: which version it goes to; None: the one that a call gets now.
            idempotency_key: a name for this call.
        """
        job = await self._sight.visible(principal, job_id, Scope.CALL)
        if payload is None:
            # a blob belongs to one job: each may be forgotten in its own time
            payload = Payload.inline(await self._jobs.read(job.input), job.input.content_type)
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
        return await self._calls.submit(principal, reference, payload, options)

    async def retry(self, principal: Principal, job_id: str) -> JobView:
        """Tries a job again that failed or timed out: a new job like it, for the same caller, which `newest` finds by the first
        one's id. Two requests at the same moment make one.

        Args:
            principal: who asks, the caller itself or who manages the endpoint; needs the scope ``call``.
            job_id: the first job, forgotten or not, or one of its retries. The newest of them is tried again.

        Raises:
            Conflict: the newest neither failed nor timed out, or there are as many retries as there may be.
            RateLimited, TooManyOpenJobs: over a limit of the principal's key or its account; nothing was queued.
        """
        last = await self._sight.newest(principal, job_id, Scope.CALL)
        retries.check_retry(last)
        if self._endpoints.by_id(last.endpoint_id) is None:
            raise _endpoint_gone(last)
        reference = EndpointReference(last.endpoint_id, id=last.endpoint_id)
        endpoint, version = self._endpoints.pick(principal, reference)
        payload = Payload.inline(await self._jobs.read(last.input), last.input.content_type)
        job = await self._intake.make_again(principal, last, version, payload)
        try:
            await self._intake.record(job)
        except Conflict:
            self._limits.give_back(principal)  # beside another request
            return self._sight.view(principal, await self._sight.newest(principal, job_id, Scope.CALL))
        self._intake.admit(job, recorded=True)
        return self._sight.shown(principal, job, endpoint, version)


def _endpoint_gone(job: Job) -> NotFound:
    return NotFound(
        f"The endpoint of job {job.id} was deleted.", hint="Deploy it again, and call it with this job's input."
    )
