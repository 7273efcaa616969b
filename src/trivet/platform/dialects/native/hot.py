"""The hot paths as bare ASGI: call, submit, stream, a job, its result. In front of the router; a payload passes as bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import NamedTuple

from starlette.types import Receive, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.payloads import JSON, NULL, Payload
from trivet.platform.core.views import JobView
from trivet.platform.dialects.native import errors, events, translate
from trivet.platform.dialects.native.context import (
    NativeServices,
    NativeSettings,
    read_number,
    read_query,
    reference_to,
)
from trivet.platform.dialects.native.jobs import accepted
from trivet.platform.services.jobs import EMPTY_INPUT
from trivet.platform.wire.answers import (
    CONTENT_LENGTH,
    CONTENT_TYPE,
    JSON_TYPE,
    NO_SCRIPTS,
    NO_SNIFFING,
    Header,
    answer,
)
from trivet.platform.wire.bodies import read_body
from trivet.platform.wire.heads import Heads
from trivet.platform.wire.media import input_type, output_type

RUN_WAIT = 50.0
"""Seconds that a call is held where the caller says nothing."""
MAX_RUN_WAIT = 300.0
MAX_JOB_WAIT = 60.0
CALL_QUERIES = ("version", "timeout", "ttl")
RUN_QUERIES = (*CALL_QUERIES, "wait")
JOB_QUERIES = ("wait",)
_FOREVER = 1e12  # the service knows the real limits of timeouts and says them

_ENDPOINTS = "/endpoints/"
_JOBS = "/jobs/"


class HotRequest(NamedTuple):
    """What a hot path needs of a request beside who asks and what for."""

    heads: Heads
    query: bytes
    receive: Receive


HotPath = Callable[[Principal, str, HotRequest, Send], Awaitable[None]]


class _Options(NamedTuple):
    version: str | None = None
    timeout: float | None = None
    ttl: float | None = None
    wait: float | None = None


class HotPaths:
    """Answers what has to be quick.

    Args:
        services: the services.
        settings: limits.
        common: headers that every answer carries.
    """

    def __init__(self, services: NativeServices, settings: NativeSettings, common: tuple[Header, ...]) -> None:
        self._services = services
        self._jobs = services.jobs
        self._limit = settings.max_input
        self._common = common
        self._json_head = [JSON_TYPE, *common]
        self._calls: dict[str, HotPath] = {"run": self.run, "submit": self.submit, "stream": self.stream}
        self._looks: dict[str, HotPath] = {"": self.job, "result": self.result}

    def find(self, method: str, path: str) -> tuple[HotPath, str] | None:
        """The hot path for a request and the name in it, or None where the router must look.

        Args:
            method: the verb; HEAD counts as GET.
            path: below the API's prefix, without a slash at its end.
        """
        if method == "POST":
            if path.startswith(_ENDPOINTS):
                name, _, verb = path[len(_ENDPOINTS) :].rpartition("/")
                hot = self._calls.get(verb)
                if hot is not None and name and name.count("/") < 2:
                    return hot, name
        elif path.startswith(_JOBS) and method in ("GET", "HEAD"):
            job_id, _, look = path[len(_JOBS) :].partition("/")
            hot = self._looks.get(look)
            if hot is not None and job_id:
                return hot, job_id
        return None

    # -- calling ------------------------------------------------------------------------------------------------------

    async def run(self, principal: Principal, name: str, request: HotRequest, send: Send) -> None:
        """Calls and waits for the output."""
        options = _options(request.query, RUN_QUERIES)
        payload = await self._payload(request)
        view = await self._jobs.run(
            principal,
            reference_to(name, options.version),
            payload,
            timeout=options.timeout,
            ttl=options.ttl,
            wait=RUN_WAIT if options.wait is None else options.wait,
        )
        await self._send_outcome(view, send)

    async def submit(self, principal: Principal, name: str, request: HotRequest, send: Send) -> None:
        """Queues a job; answers once it is on disk."""
        options = _options(request.query, CALL_QUERIES)
        payload = await self._payload(request)
        reference = reference_to(name, options.version)
        view = await self._jobs.submit(principal, reference, payload, timeout=options.timeout, ttl=options.ttl)
        await self._send_accepted(view, send)

    async def stream(self, principal: Principal, name: str, request: HotRequest, send: Send) -> None:
        """Calls, and tells the job's story as it unfolds."""
        options = _options(request.query, CALL_QUERIES)
        payload = await self._payload(request)
        reference = reference_to(name, options.version)
        view = await self._jobs.start_stream(principal, reference, payload, timeout=options.timeout, ttl=options.ttl)
        chunks = events.of_job(self._services, principal, view)
        await events.serve(chunks, (*self._common, _job_id(view)), request.receive, send)

    async def _payload(self, request: HotRequest) -> Payload:
        content_type = input_type(request.heads.content_type)
        body = await read_body(request.receive, self._limit, request.heads.content_length)
        if not body and content_type == JSON:
            return EMPTY_INPUT
        return Payload(content_type, len(body), body)

    # -- looking ------------------------------------------------------------------------------------------------------

    async def job(self, principal: Principal, name: str, request: HotRequest, send: Send) -> None:
        """A job's document."""
        wait = _options(request.query, JOB_QUERIES).wait
        view = await self._jobs.get(principal, name, wait or 0.0)
        await answer(send, 200, self._json_head, events.encode(translate.job(view)))

    async def result(self, principal: Principal, name: str, request: HotRequest, send: Send) -> None:
        """A job's output, as `run` would have given it."""
        wait = _options(request.query, JOB_QUERIES).wait
        await self._send_outcome(await self._jobs.get(principal, name, wait or 0.0), send)

    # -- answering ----------------------------------------------------------------------------------------------------

    async def _send_outcome(self, view: JobView, send: Send) -> None:
        job = view.job
        output = job.output
        if output is None or job.status is not JobStatus.SUCCEEDED:
            if not job.is_final:
                await self._send_accepted(view, send)
                return
            await errors.send_problem(send, errors.of_job(view), [*self._common, _job_id(view)])
            return
        body = output.data if output.data is not None else await self._jobs.read(output)
        if output.is_json:
            body = body or NULL  # a stream whose pieces were too many to be kept has an empty output
            headers = [JSON_TYPE, *self._common]
        else:
            headers = [(CONTENT_TYPE, output_type(output.content_type)), NO_SCRIPTS, NO_SNIFFING, *self._common]
        headers += (
            _job_id(view),
            (b"trivet-duration", b"%.3f" % (job.duration_ms or 0.0)),
            (b"trivet-queued", b"%.3f" % (job.queued_ms or 0.0)),
            (b"trivet-attempts", b"%d" % job.attempt),
            (CONTENT_LENGTH, b"%d" % len(body)),
        )
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _send_accepted(self, view: JobView, send: Send) -> None:
        reply = accepted(view)
        await answer(send, reply.status, [*reply.headers, *self._common, _job_id(view)], reply.body)


def _job_id(view: JobView) -> Header:
    return b"trivet-job-id", view.job.id.encode()


@lru_cache(maxsize=1024)
def _options(query: bytes, known: tuple[str, ...]) -> _Options:
    if not query:
        return _Options()
    found = read_query(query, known)
    return _Options(
        found.get("version") or None,
        read_number(found, "timeout", _FOREVER),
        read_number(found, "ttl", _FOREVER),
        read_number(found, "wait", MAX_RUN_WAIT if "version" in known else MAX_JOB_WAIT),
    )
