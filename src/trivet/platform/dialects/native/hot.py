"""The hot paths: call, submit, stream, a job, its result. As bare ASGI in front of the router, and all but the stream also past
ASGI (see `wire.hot`). A payload passes as bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from starlette.types import Receive, Send

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.calls import USUAL, CallOptions
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import BadRequest
from trivet.platform.core.jobs import JobStatus, Priority
from trivet.platform.core.payloads import EMPTY_INPUT, JSON, NULL, Payload
from trivet.platform.core.views import JobView
from trivet.platform.dialects.native import errors, events
from trivet.platform.dialects.native.context import (
    NativeServices,
    NativeSettings,
    read_number,
    read_query,
    reference_to,
)
from trivet.platform.dialects.native.jobs import accepted
from trivet.platform.dialects.native.translate import jobs as translate
from trivet.platform.wire.answers import CONTENT_TYPE, JSON_TYPE, NO_SCRIPTS, NO_SNIFFING, Header
from trivet.platform.wire.bodies import read_body
from trivet.platform.wire.heads import Heads
from trivet.platform.wire.hot import Answer, lines, send_answer
from trivet.platform.wire.media import input_type, output_type
from trivet.platform.wire.rate_limits import rate_limit_headers

RUN_WAIT = 50.0
"""Seconds that a call is held where the caller says nothing."""
MAX_RUN_WAIT = 300.0
MAX_JOB_WAIT = 60.0
CALL_QUERIES = (
    "version",
    "timeout",
    "ttl",
    "priority",
    "max_attempts",
    "retry_on",
    "backoff",
    "retention",
    "webhook",
)
RUN_QUERIES = (*CALL_QUERIES, "wait")
JOB_QUERIES = ("wait",)
_FOREVER = 1e12  # the service knows the real limits of timeouts and says them

_ENDPOINTS = "/endpoints/"
_JOBS = "/jobs/"
_CALLS = frozenset({"run", "submit", "stream"})
_LOOKS = {"": "job", "result": "result"}


class HotRequest(NamedTuple):
    """What a hot path needs of a request beside who asks and what for."""

    heads: Heads
    query: bytes
    receive: Receive


Handler = Callable[[Principal, str, HotRequest, Send], Awaitable[None]]


class _Query(NamedTuple):
    version: str | None = None
    wait: float | None = None
    options: CallOptions = USUAL


class HotCall(NamedTuple):
    """A call as the head of its request describes it. ``wait`` in seconds."""

    reference: EndpointReference
    options: CallOptions
    wait: float
    content_type: str

    def payload(self, body: bytes) -> Payload:
        """The input in the body; JSON's null where there is none."""
        if not body and self.content_type == JSON:
            return EMPTY_INPUT
        return Payload(self.content_type, len(body), body)


class HotPaths:
    """Answers what has to be quick.

    Args:
        services: the services.
        settings: limits.
        common: headers that every answer carries.
    """

    def __init__(self, services: NativeServices, settings: NativeSettings, common: tuple[Header, ...]) -> None:
        self._services = services
        self._calls = services.calls
        self._jobs = services.jobs
        self._limits = services.limits
        self._limit = settings.max_input
        self._common = common
        self._json_head = lines([JSON_TYPE, *common])
        self.handlers: dict[str, Handler] = {
            "run": self.run,
            "submit": self.submit,
            "stream": self.stream,
            "job": self.job,
            "result": self.result,
        }
        """What answers each verb by ASGI."""

    def find(self, method: str, path: str) -> tuple[str, str] | None:
        """The verb of a request and the name in it, or None where the router must look.

        Args:
            method: the verb; HEAD counts as GET.
            path: below the API's prefix, without a slash at its end.
        """
        if method == "POST":
            if path.startswith(_ENDPOINTS):
                name, _, verb = path[len(_ENDPOINTS) :].rpartition("/")
                if verb in _CALLS and name and name.count("/") < 2:
                    return verb, name
        elif path.startswith(_JOBS) and method in ("GET", "HEAD"):
            job_id, _, look = path[len(_JOBS) :].partition("/")
            verb = _LOOKS.get(look, "")
            if verb and job_id:
                return verb, job_id
        return None

    # -- calling ------------------------------------------------------------------------------------------------------

    async def run(self, principal: Principal, name: str, request: HotRequest, send: Send) -> None:
        """Calls and waits for the output."""
        call = read_call(name, request.query, RUN_QUERIES, request.heads)
        payload = await self._payload(principal, call, request)
        await send_answer(send, await self.answer_run(principal, call, payload))

    async def answer_run(self, principal: Principal, call: HotCall, payload: Payload) -> Answer:
        """Calls and waits for the output."""
        view = await self._calls.run(principal, call.reference, payload, call.options, wait=call.wait)
        return self.told(principal, await self.outcome(view))

    async def submit(self, principal: Principal, name: str, request: HotRequest, send: Send) -> None:
        """Queues a job; answers once it is on disk."""
        call = read_call(name, request.query, CALL_QUERIES, request.heads)
        payload = await self._payload(principal, call, request)
        await send_answer(send, await self.answer_submit(principal, call, payload))

    async def answer_submit(self, principal: Principal, call: HotCall, payload: Payload) -> Answer:
        """Queues a job; answers once it is on disk."""
        view = await self._calls.submit(principal, call.reference, payload, call.options)
        return self.told(principal, self._accepted(view))

    async def stream(self, principal: Principal, name: str, request: HotRequest, send: Send) -> None:
        """Calls, and tells the job's story as it unfolds."""
        call = read_call(name, request.query, CALL_QUERIES, request.heads)
        payload = await self._payload(principal, call, request)
        view = await self._calls.start_stream(principal, call.reference, payload, call.options)
        chunks = events.of_job(self._services, principal, view)
        limits = rate_limit_headers(self._limits.state(principal))
        await events.serve(chunks, (*self._common, *_marks(view), *limits), request.receive, send)

    async def _payload(self, principal: Principal, call: HotCall, request: HotRequest) -> Payload:
        # before a large body is taken in for nothing
        self._services.endpoints.find(principal, call.reference, Scope.CALL)
        return call.payload(await read_body(request.receive, self._limit, request.heads.content_length))

    # -- looking ------------------------------------------------------------------------------------------------------

    async def job(self, principal: Principal, name: str, request: HotRequest, send: Send) -> None:
        """A job's document."""
        await send_answer(send, await self.answer_job(principal, name, read_wait(request.query)))

    async def answer_job(self, principal: Principal, job_id: str, wait: float) -> Answer:
        """A job's document, once it is final or after ``wait`` seconds."""
        view = await self._jobs.get(principal, job_id, wait)
        return Answer(200, self._json_head, events.encode(translate.job(view)))

    async def result(self, principal: Principal, name: str, request: HotRequest, send: Send) -> None:
        """A job's output, as `run` would have given it."""
        await send_answer(send, await self.answer_result(principal, name, read_wait(request.query)))

    async def answer_result(self, principal: Principal, job_id: str, wait: float) -> Answer:
        """A job's output, once it is final; the job where it is not after ``wait`` seconds."""
        return await self.outcome(await self._jobs.get(principal, job_id, wait))

    # -- answering ----------------------------------------------------------------------------------------------------

    async def outcome(self, view: JobView) -> Answer:
        """What came of a call: its output, its error, or the job that goes on."""
        output = view.job.output
        if output is not None and output.data is None:
            return self.outcome_with(view, await self._jobs.read(output))
        return self.outcome_with(view, b"" if output is None or output.data is None else output.data)

    def outcome_with(self, view: JobView, body: bytes) -> Answer:
        """The same; ``body`` is the output, where there is one."""
        job = view.job
        output = job.output
        if output is None or job.status is not JobStatus.SUCCEEDED:
            if not job.is_final:
                return self._accepted(view)
            return errors.answer_to(errors.of_job(view), [*self._common, *_marks(view)])
        if output.is_json:
            body = body or NULL  # a stream whose pieces were too many to be kept has an empty output
            head = self._json_head
        else:
            kind = (CONTENT_TYPE, output_type(output.content_type))
            head = lines([kind, NO_SCRIPTS, NO_SNIFFING, *self._common])
        if view.replayed:
            head += lines(_marks(view)[1:])
        said = b"%btrivet-job-id: %b\r\ntrivet-duration: %.3f\r\ntrivet-queued: %.3f\r\ntrivet-attempts: %d\r\n" % (
            head,
            job.id.encode(),
            job.duration_ms or 0.0,
            job.queued_ms or 0.0,
            job.attempt,
        )
        return Answer(200, said, body)

    def told(self, principal: Principal, answer: Answer) -> Answer:
        """The answer to a call; who has limits is told what is left of them."""
        if not principal.limits:
            return answer
        return answer._replace(headers=answer.headers + lines(rate_limit_headers(self._limits.state(principal))))

    def _accepted(self, view: JobView) -> Answer:
        reply = accepted(view)
        return Answer(reply.status, lines([*reply.headers, *self._common, _marks(view)[0]]), reply.body)


def read_call(name: str, query: bytes, known: tuple[str, ...], heads: Heads) -> HotCall:
    """What the head of a request says about a call.

    Raises:
        BadRequest, NotFound, UnsupportedMediaType: it can't be read.
    """
    found = _query(query, known)
    options, key, affinity = found.options, heads.idempotency_key, heads.affinity
    if key is not None or affinity is not None:
        options = replace(options, idempotency_key=key, affinity=affinity)
    return HotCall(
        reference_to(name, found.version),
        options,
        RUN_WAIT if found.wait is None else found.wait,
        input_type(heads.content_type),
    )


def read_wait(query: bytes) -> float:
    """The seconds that who asks for a job is willing to wait.

    Raises:
        BadRequest: the query can't be read.
    """
    return _query(query, JOB_QUERIES).wait or 0.0


def _marks(view: JobView) -> tuple[Header, ...]:
    """What every answer about a call says of its job."""
    job_id = (b"trivet-job-id", view.job.id.encode())
    return (job_id, (b"idempotent-replayed", b"true")) if view.replayed else (job_id,)


@lru_cache(maxsize=1024)
def _query(query: bytes, known: tuple[str, ...]) -> _Query:
    if not query:
        return _Query()
    found = read_query(query, known)
    wait = read_number(found, "wait", MAX_RUN_WAIT if "version" in known else MAX_JOB_WAIT)
    return _Query(found.get("version") or None, wait, read_options(found))


def read_options(found: Mapping[str, str]) -> CallOptions:
    """What a query says about a call.

    Raises:
        BadRequest: something in it can't be read. The ranges are for the service to say.
    """
    attempts = read_number(found, "max_attempts", _FOREVER)
    if attempts is not None and not attempts.is_integer():
        raise BadRequest(f"max_attempts={attempts:g} is not a whole number.")
    retry_on = found.get("retry_on")
    options = CallOptions(
        timeout=read_number(found, "timeout", _FOREVER),
        ttl=read_number(found, "ttl", _FOREVER),
        priority=_priority(found.get("priority")),
        max_attempts=None if attempts is None else int(attempts),
        retry_on=None if retry_on is None else tuple(part.strip() for part in retry_on.split(",") if part.strip()),
        backoff=read_number(found, "backoff", _FOREVER),
        retention=read_number(found, "retention", _FOREVER),
        webhook=found.get("webhook") or None,
    )
    return USUAL if options == USUAL else options


def _priority(text: str | None) -> Priority:
    if text is None:
        return Priority.NORMAL
    try:
        return Priority[text.upper()]
    except KeyError:
        raise BadRequest(f"priority={text[:40]!r} is unknown.", hint="Choose high, normal or low.") from None
