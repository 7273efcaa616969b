"""The other verbs of RunPod's job API, and the message that tells of a job's end."""

from __future__ import annotations

import msgspec

from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import BadRequest, Forbidden
from trivet.platform.core.takes import own_name
from trivet.platform.core.views import JobView
from trivet.platform.core.workers import WorkerState
from trivet.platform.dialects.runpod import schemas, translate
from trivet.platform.dialects.runpod.context import RunPodServices
from trivet.platform.dialects.runpod.hot import HotPaths, document
from trivet.platform.dialects.runpod.streams import Page, Streams
from trivet.platform.services.webhooks import MessageFormat
from trivet.platform.wire.hot import Answer

STREAM_HOLD = 5.0
"""Seconds that a read of a stream waits for the next piece: RunPod's client gives up after ten."""
STOP_WAIT = 2.0
"""Seconds that a cancel or a purge waits until it shows: RunPod's client gives up after three."""
MOST_REQUESTS = 100
MOST_RETRIES = 100
"""How often one job can be tried again by hand."""


class JobVerbs:
    """Answers what need not be so quick.

    Args:
        services: the services.
        paths: finds jobs by the ids that callers know.
    """

    def __init__(self, services: RunPodServices, paths: HotPaths) -> None:
        self._jobs = services.jobs
        self._workers = services.workers
        self._clock = services.clock
        self._paths = paths
        self._streams = Streams(services.jobs)

    # -- one job ------------------------------------------------------------------------------------------------------

    async def stream(self, principal: Principal, reference: EndpointReference, job_id: str, hold: float) -> Page:
        """The pieces that nobody has read yet; waits for one, ``hold`` seconds at most."""
        view = await self._paths.look(principal, reference, job_id)
        return await self._streams.read(principal, view, min(hold, STREAM_HOLD))

    def unread(self, page: Page) -> None:
        """The reader has left before it got a page: the next one gets it."""
        self._streams.put_back(page)

    async def cancel(self, principal: Principal, reference: EndpointReference, job_id: str) -> Answer:
        """Stops a job. One that has ended keeps its status."""
        view = await self._paths.look(principal, reference, job_id)
        outcome = await self._jobs.cancel(principal, view.job.id, wait=STOP_WAIT)
        return document(translate.cancellation(outcome))

    async def retry(self, principal: Principal, reference: EndpointReference, job_id: str) -> Answer:
        """Tries a job again that failed or timed out: a new job with the same input, which callers know by the old id.

        Raises:
            BadRequest: it did neither, or was tried again too often.
            Forbidden: somebody else has called it, and would not be told of the new job.
        """
        view = await self._paths.look(principal, reference, job_id)
        if view.job.account_id != principal.account_id:
            raise Forbidden("Only who has called a job can try it again.", hint="Submit its input with `run`.")
        known_as, number = translate.retried(view.job)
        if view.job.status not in translate.RETRYABLE:
            raise BadRequest(
                f"The job {known_as} is {translate.STATUSES[view.job.status]}: only one that is FAILED or TIMED_OUT can be "
                "tried again.",
                hint="Submit its input anew with `run`.",
            )
        if number >= MOST_RETRIES:
            raise BadRequest(
                f"The job {known_as} was tried again {number} times, which is the limit.",
                hint="Submit its input anew with `run`.",
            )
        key = translate.retry_key(known_as, number + 1)
        await self._jobs.replay(principal, view.job.id, idempotency_key=key)
        return document(schemas.Accepted(known_as, "IN_QUEUE"))

    # -- one endpoint -------------------------------------------------------------------------------------------------

    async def purge(self, principal: Principal, reference: EndpointReference) -> Answer:
        """Cancels what waits in the queue."""
        return document(schemas.Purged(await self._jobs.purge(principal, reference, STOP_WAIT)))

    async def health(self, principal: Principal, reference: EndpointReference) -> Answer:
        """Counts of jobs and workers."""
        return document(translate.health(await self._jobs.health(principal, reference)))

    async def metrics(self, principal: Principal, reference: EndpointReference) -> Answer:
        """Counts of workers, and the ids of those that wait for a job: only for those who manage the endpoint."""
        health = await self._jobs.health(principal, reference)
        ready = [
            own_name(view.worker.id)
            for view in self._workers.views(principal, reference)
            if view.worker.state is WorkerState.IDLE
        ]
        return document(schemas.Metrics(translate.worker_counts(health.workers), ready))

    async def requests(self, principal: Principal, reference: EndpointReference) -> Answer:
        """The newest jobs that the principal may see; one that was tried again stands there once."""
        now = self._clock()
        found: dict[tuple[str, str], schemas.JobDocument] = {}
        for view in await self._jobs.page(principal, endpoint=reference, limit=MOST_REQUESTS):
            if not translate.has_vanished(view.job):
                shown = translate.document(view, now)
                shown.output = msgspec.UNSET
                found.setdefault((view.job.account_id, shown.id), shown)  # nobody hides another's job behind its id
        return document(schemas.Requests(list(found.values())))


def message(view: JobView) -> bytes:
    """The body of the message that tells of a job's end: the job's document."""
    output = view.job.output
    found = translate.document(view, 0.0, None if output is None else output.data)
    return msgspec.json.encode(found)


RUNPOD_FORMAT = MessageFormat(message, whole=True)
"""The job's document, as `status` gives it."""
