"""The other verbs of RunPod's job API, and the message that tells of a job's end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import EndpointReference
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


class JobVerbs:
    """Answers what need not be so quick. All raise `NotFound` or `Forbidden` by the one rule of access.

    Args:
        services: the services.
        hot: finds jobs by the ids that callers know.
    """

    def __init__(self, services: RunPodServices, hot: HotPaths) -> None:
        self._jobs = services.jobs
        self._replays = services.replays
        self._workers = services.workers
        self._clock = services.clock
        self._hot = hot
        self._streams = Streams(services.jobs)

    # -- one job ------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def stream(
        self, principal: Principal, reference: EndpointReference, job_id: str, hold: float
    ) -> AsyncIterator[Page]:
        """The pieces that nobody has read yet; waits for one, ``hold`` seconds at most. Needs ``read``, as `HotPaths.status`.

        They count as read when the context ends without an exception.

        Raises:
            NotFound: there is no such job, or it was cancelled and its stream has been read.
        """
        view = await self._hot.look(principal, reference, job_id)
        async with self._streams.read(principal, view, hold) as page:
            yield page

    async def cancel(self, principal: Principal, reference: EndpointReference, job_id: str) -> Answer:
        """Stops a job. One that has ended keeps its status.

        Needs the scope ``call``, and to be its caller or manage the endpoint.

        Raises:
            NotFound: there is no such job.
        """
        view = await self._hot.look(principal, reference, job_id)
        outcome = await self._jobs.cancel(principal, view.job.id, wait=STOP_WAIT)
        return document(translate.cancellation(outcome))

    async def retry(self, principal: Principal, reference: EndpointReference, job_id: str) -> Answer:
        """Tries a job again that failed or timed out: a new job with the same input, which callers know by the old id.

        Needs the scope ``call``, and to be its caller or manage the endpoint.

        Raises:
            NotFound: there is no such job.
            Conflict: it did neither, or was tried again too often.
        """
        view = await self._hot.look(principal, reference, job_id)
        again = await self._replays.retry(principal, view.job.id)
        return document(schemas.Accepted(again.job.first_id, "IN_QUEUE"))

    # -- one endpoint -------------------------------------------------------------------------------------------------

    async def purge(self, principal: Principal, reference: EndpointReference) -> Answer:
        """Cancels what waits in the queue. Needs the scope ``deploy``, and to manage the endpoint."""
        return document(schemas.Purged(await self._jobs.purge(principal, reference, STOP_WAIT)))

    async def health(self, principal: Principal, reference: EndpointReference) -> Answer:
        """Counts of jobs and workers. Needs the scope ``read``."""
        return document(translate.health(await self._jobs.health(principal, reference)))

    async def metrics(self, principal: Principal, reference: EndpointReference) -> Answer:
        """Counts of workers, and for who manages the endpoint the ids of those that wait for a job. Needs the scope ``read``."""
        health = await self._jobs.health(principal, reference)
        ready = [
            own_name(view.worker.id)
            for view in self._workers.roster.views(principal, reference)
            if view.state is WorkerState.IDLE
        ]
        return document(schemas.Metrics(translate.worker_counts(health.workers), ready))

    async def requests(self, principal: Principal, reference: EndpointReference) -> Answer:
        """The newest jobs that the principal may see; one that was tried again stands there once. Needs the scope ``read``."""
        now = self._clock()
        found: dict[str, schemas.JobDocument] = {}
        for view in await self._jobs.page(principal, endpoint=reference, limit=MOST_REQUESTS):
            if not translate.has_vanished(view.job):
                shown = translate.document(view, now)
                shown.output = msgspec.UNSET
                found.setdefault(shown.id, shown)
        return document(schemas.Requests(list(found.values())))


def message(view: JobView) -> bytes:
    """The body of the message that tells of a job's end: the job's document."""
    output = view.job.output
    found = translate.document(view, 0.0, None if output is None else output.data)
    return msgspec.json.encode(found)


RUNPOD_FORMAT = MessageFormat(message, whole=True)
"""The job's document, as `status` gives it."""
