"""The busy verbs: ``run``, ``runsync``, ``status``. Each gives its answer as a value, whichever way the request has come."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qs

import msgspec

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import BadRequest, NotFound
from trivet.platform.core.jobs import RETRYABLE
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.dialects.runpod import schemas, translate
from trivet.platform.dialects.runpod.context import FORMAT, RunPodServices, RunPodSettings
from trivet.platform.wire.answers import JSON_TYPE, TRIVET
from trivet.platform.wire.hot import Answer, lines
from trivet.platform.wire.large import aside
from trivet.platform.wire.rate_limits import rate_limit_headers

LEAST_WAIT = 1.0
MOST_WAIT = 300.0
PATIENCE = 2.0
"""Seconds that a job may wait in the queue before its document says why."""
_LONGEST_QUERY = 4096
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_encode = msgspec.json.Encoder().encode
_HEAD = lines([JSON_TYPE, TRIVET])


class HotPaths:
    """Answers what has to be quick.

    Args:
        services: the services.
        settings: holds and retention.
    """

    def __init__(self, services: RunPodServices, settings: RunPodSettings) -> None:
        self._calls = services.calls
        self._jobs = services.jobs
        self._endpoints = services.endpoints
        self._limits = services.limits
        self._clock = services.clock
        self.usual = CallOptions(usual_retention=settings.retention, webhook_format=FORMAT)
        """The options of a call that says nothing."""

    def read(self, body: bytes) -> tuple[Payload, CallOptions]:
        """The input in the body of a call, and what the body says about the call.

        Raises:
            BadRequest: it can't be read.
        """
        return translate.read_submission(body, self.usual)

    def expect(self, principal: Principal, reference: EndpointReference) -> None:
        """Makes sure that the principal may call an endpoint, before a large input is taken in for nothing.

        Raises:
            NotFound, Forbidden: it may not.
        """
        self._endpoints.find(principal, reference, Scope.CALL)

    async def run(self, principal: Principal, reference: EndpointReference, body: bytes) -> Answer:
        """Queues a job; answers once it is on disk. Needs the scope ``call``.

        Raises:
            CoreError: as `Calls.submit`, and BadRequest where the body can't be read.
        """
        payload, options = await aside(len(body), self.read, body)
        view = await self._calls.submit(principal, reference, payload, options)
        return self.told(principal, document(schemas.Accepted(view.job.id, "IN_QUEUE")))

    async def runsync(self, principal: Principal, reference: EndpointReference, body: bytes, wait: float) -> Answer:
        """Calls, and answers with the job when it has ended, or after ``wait`` seconds. Needs the scope ``call``.

        Raises:
            CoreError: as `Calls.run`, and BadRequest where the body can't be read.
        """
        payload, options = await aside(len(body), self.read, body)
        view = await self._calls.run(principal, reference, payload, options, wait=wait)
        return self.told(principal, await self.outcome(principal, view))

    async def status(
        self, principal: Principal, reference: EndpointReference, job_id: str, wait: float = 0.0
    ) -> Answer:
        """A job's document, at once or, with ``wait``, when it has ended or after so many seconds.

        Needs the scope ``read``; who has called it needs no more than ``call``.

        Raises:
            CoreError: as `look`.
        """
        return await self.outcome(principal, await self.look(principal, reference, job_id, wait))

    # -- jobs ---------------------------------------------------------------------------------------------------------

    async def look(self, principal: Principal, reference: EndpointReference, job_id: str, wait: float = 0.0) -> JobView:
        """The job that callers know by an id: where it was tried again, its newest try.

        Args:
            principal: who asks.
            reference: the endpoint that the path names.
            job_id: the job that it names.
            wait: seconds to wait for its end.

        Raises:
            NotFound: there is none that the principal may see, it is another endpoint's, or it is gone.
            Forbidden: the principal's key has neither the scope ``read``, nor ``call`` for a job of its own account.
        """
        if _JOB_ID.fullmatch(job_id) is None:
            raise NotFound.of("job", job_id[:128])
        view = await self._jobs.newest(principal, job_id)
        if reference.id != view.job.endpoint_id:
            scope = Scope.READ if principal.has(Scope.READ) else Scope.CALL
            if self._endpoints.find(principal, reference, scope).id != view.job.endpoint_id:
                raise NotFound.of("job", job_id)
        if wait > 0 and not view.job.is_final:
            view = await self._jobs.get(principal, view.job.id, wait)
        if translate.has_vanished(view.job):
            raise NotFound.of("job", job_id)
        return view

    # -- answers ------------------------------------------------------------------------------------------------------

    async def outcome(self, principal: Principal, view: JobView) -> Answer:
        """A job's document, with its output, and with reasons where it waits or has failed."""
        job, now = view.job, self._clock()
        output = None if job.output is None else await self._jobs.read(job.output)
        found = translate.document(view, now, output)
        if translate.wants_explaining(job, now, PATIENCE):
            found.explain = translate.explanation(await self._jobs.explain(principal, job.id))
        return document(found)

    def outcome_now(self, view: JobView) -> Answer | None:
        """The same for a job that has just ended; None where it takes waiting."""
        job = view.job
        output = job.output
        if job.status in RETRYABLE or (output is not None and output.data is None):
            return None
        return document(translate.document(view, 0.0, None if output is None else output.data))

    def told(self, principal: Principal, answer: Answer) -> Answer:
        """The answer to a call; who has limits is told what is left of them."""
        if not principal.limits:
            return answer
        return answer._replace(headers=answer.headers + lines(rate_limit_headers(self._limits.state(principal))))


def document(value: msgspec.Struct) -> Answer:
    """The answer that a document is."""
    return Answer(200, _HEAD, _encode(value))


@lru_cache(maxsize=1024)
def read_wait(query: bytes, otherwise: float) -> float:
    """The seconds that a caller is willing to wait, by ``wait`` in milliseconds, kept within 1 s and 300 s.

    Args:
        query: what follows the question mark. What is not known in it is passed over, ``ttl`` among others.
        otherwise: where it does not say.

    Raises:
        BadRequest: ``wait`` is no number.
    """
    if not query:
        return otherwise
    if len(query) > _LONGEST_QUERY:
        raise BadRequest(f"The query of this URL is longer than {_LONGEST_QUERY} bytes.")
    try:
        found = parse_qs(query.decode("ascii"), max_num_fields=50).get("wait")
    except ValueError:
        raise BadRequest("The query of this URL can't be read.") from None
    if found is None:
        return otherwise
    try:
        seconds = msgspec.convert(found[-1], float, strict=False) / 1000
    except msgspec.ValidationError:
        raise BadRequest(
            f"wait={found[-1][:40]!r} is not a number.", hint="Give milliseconds, from 1000 to 300000."
        ) from None
    if seconds != seconds:  # noqa: PLR0124 - only NaN differs from itself
        raise BadRequest("wait=NaN is not a number.", hint="Give milliseconds, from 1000 to 300000.")
    return min(max(seconds, LEAST_WAIT), MOST_WAIT)
