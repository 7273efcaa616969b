"""``/openai/…`` below an endpoint: OpenAI's paths for its clients, each call an ordinary job, each error in OpenAI's shape."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import aclosing, suppress

from starlette.types import Receive, Scope, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import NotFound, TooLarge, Unauthenticated, Unavailable
from trivet.platform.core.jobs import EventKind, JobStatus
from trivet.platform.core.payloads import JSON
from trivet.platform.core.views import JobView
from trivet.platform.dialects.runpod import openai_shapes as shapes
from trivet.platform.dialects.runpod import paths, translate
from trivet.platform.dialects.runpod.context import RunPodServices, RunPodSettings
from trivet.platform.dialects.runpod.errors import refusal
from trivet.platform.dialects.runpod.hot import HotPaths
from trivet.platform.wire.answers import (
    CONTENT_TYPE,
    EVENTS_TYPE,
    JSON_TYPE,
    NO_SCRIPTS,
    NO_SNIFFING,
    NO_STORING,
    Header,
    answer,
    without_body,
)
from trivet.platform.wire.bodies import ClientGone, read_body
from trivet.platform.wire.heads import read_heads
from trivet.platform.wire.large import aside
from trivet.platform.wire.media import output_type
from trivet.platform.wire.presence import while_there
from trivet.platform.wire.rate_limits import rate_limit_headers

METHODS = frozenset({"GET", "POST"})
"""A worker isn't told the method, so there are no more than the two that it can tell by the path."""
QUIET = 10.0
"""Seconds of a stream without a byte, at most: many proxies cut what is silent for longer."""
_GRACE = 60.0
"""Seconds that the end of a job may come later than its time to live says."""
_NO_RETRY: Header = (b"x-should-retry", b"false")
"""For OpenAI's clients, which would call again up to twice: a job has had the attempts that its endpoint allows."""
_LATER = frozenset({429, 503})
"""Where the worker itself says that another call may go better."""
_NOT_KEPT = (b"", b"[]")
"""Outputs of generators whose pieces are not kept a second time."""
_STREAM: tuple[Header, ...] = (EVENTS_TYPE, NO_STORING, NO_SNIFFING, (b"x-accel-buffering", b"no"))


class OpenAiApi:
    """Answers below ``/runpod/v2/{endpoint}/openai``. A call needs the scope ``call``.

    A call is held for as long as its job lives, and its job lives no longer than its caller waits.

    Args:
        services: the services.
        settings: the limit of a body.
        jobs: knows who may call, and the options of a call that says nothing.
    """

    def __init__(self, services: RunPodServices, settings: RunPodSettings, jobs: HotPaths) -> None:
        self._accounts = services.accounts
        self._limits = services.limits
        self._calls = services.calls
        self._jobs = services.jobs
        self._limit = settings.max_runsync
        self._hot = jobs
        self._usual = jobs.usual

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        reply = _Reply(without_body(send) if scope["method"] == "HEAD" else send)
        try:
            await self._answer(scope, receive, reply)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 — the outermost border: no traceback may reach a caller
            refused = refusal(error, scope["method"], scope["path"])
            with suppress(ClientGone):
                await reply.fail(shapes.refused(refused.status, refused.code, refused.text), refused.headers)

    async def _answer(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        method: str = scope["method"]
        if method not in METHODS:
            allowed = (b"allow", b"GET, OPTIONS, POST")
            if method == "OPTIONS":
                await reply.whole(204, [allowed])
            else:
                await reply.fail(shapes.refused(405, "method_not_allowed", f"{method} is not allowed here."), [allowed])
            return
        heads = read_heads(scope["headers"], bare=True)
        if heads.token is None:
            raise Unauthenticated
        principal = self._accounts.authenticate(heads.token) or await self._accounts.resolve(heads.token)
        parts = paths.parts_of(scope["path"], scope.get("raw_path") or b"", scope.get("root_path", ""))
        endpoint, _, *rest = paths.endpoint_parts(parts) or ("", "")
        if not rest:
            raise NotFound("There is nothing at this path itself.", hint=f"Use it as a base URL: {scope['path']}/v1.")
        reference = paths.reference_to(endpoint)
        self._hot.expect(principal, reference)
        body = await self._body(receive, heads.content_length)
        asked = await aside(len(body), shapes.read_call, "/" + "/".join(rest), body)
        view = await self._calls.start_stream(principal, reference, asked.payload, self._usual)
        reply.common = ((b"x-request-id", view.job.id.encode()), *rate_limit_headers(self._limits.state(principal)))
        tell = self._stream if asked.streams else self._wait
        ended = False
        try:
            await while_there(receive, tell(principal, view, reply))
            ended = True
        finally:
            if not ended:  # nobody waits for it any more
                await self._jobs.cancel(principal, view.job.id, wait=0.0)

    async def _body(self, receive: Receive, announced: int | None) -> bytes:
        try:
            return await read_body(receive, self._limit, announced)
        except TooLarge as error:
            hint = "Put what is large where the worker can fetch it, and send its URL."
            raise TooLarge(error.detail, limit=error.limit, hint=hint) from None

    async def _wait(self, principal: Principal, view: JobView, reply: _Reply) -> None:
        """Answers with what the job gives. Nothing is sent before: the status would have to come first."""
        view = await self._jobs.get(principal, view.job.id, view.job.policy.ttl + _GRACE)
        if not view.job.is_final:
            raise _stopping()
        if view.job.status is not JobStatus.SUCCEEDED:
            await self._fail(principal, view, reply)
            return
        kind, data = await self._output(view)
        if view.job.pieces == 1 and data in _NOT_KEPT:
            kind, data = await self._only_piece(principal, view)
        if kind == JSON:
            await reply.whole(200, [JSON_TYPE, NO_SNIFFING], shapes.answer_in(data))
        else:
            await reply.whole(200, [(CONTENT_TYPE, output_type(kind)), NO_SCRIPTS, NO_SNIFFING], data)

    async def _stream(self, principal: Principal, view: JobView, reply: _Reply) -> None:
        """Passes on each piece as it comes."""
        async with aclosing(self._jobs.events(principal, view.job.id)) as story:
            async for item in story:
                if isinstance(item, list):
                    pieces = (reply.frames.piece(e.label, e.data) for e in item if e.kind is EventKind.PIECE)
                    await reply.part(b"".join(pieces))
                elif item is not None and item.job.is_final:
                    await self._end(principal, item, reply)
                    return
                if item is None or reply.quiet_for() >= QUIET:
                    await reply.part(reply.frames.ping())
        raise _stopping()

    async def _end(self, principal: Principal, view: JobView, reply: _Reply) -> None:
        if view.job.status is not JobStatus.SUCCEEDED:
            await self._fail(principal, view, reply)
            return
        if reply.frames.is_empty:  # its handler is no generator
            kind, data = await self._output(view)
            if data not in _NOT_KEPT:
                await reply.part(reply.frames.piece(kind, data))
        await reply.part(reply.frames.end())
        await reply.end()

    async def _output(self, view: JobView) -> tuple[str, bytes]:
        output = view.job.output
        return (JSON, b"") if output is None else (output.content_type, await self._jobs.read(output))

    async def _only_piece(self, principal: Principal, view: JobView) -> tuple[str, bytes]:
        """What a generator has yielded whose pieces make no output (RunPod's are asked to: ``return_aggregate_stream``)."""
        async with aclosing(self._jobs.events(principal, view.job.id)) as story:
            async for item in story:
                for event in item if isinstance(item, list) else ():
                    if event.kind is EventKind.PIECE:
                        return event.label or JSON, event.data
        raise _stopping()

    async def _fail(self, principal: Principal, view: JobView, reply: _Reply) -> None:
        advice = translate.explanation(await self._jobs.explain(principal, view.job.id))
        fault = shapes.fault_of(view.job, advice)
        await reply.fail(fault, () if fault.status in _LATER else (_NO_RETRY,))


class _Reply:
    """The one answer to a request: whole, or in parts that begin with the first of them.

    ``common``: headers that it has in any case.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._has_begun = False
        self._last = asyncio.get_running_loop().time()
        self.frames = shapes.Frames()
        self.common: tuple[Header, ...] = ()

    def quiet_for(self) -> float:
        """Seconds since the last part."""
        return asyncio.get_running_loop().time() - self._last

    async def whole(self, status: int, headers: Iterable[Header], body: bytes = b"") -> None:
        """Answers at once."""
        await self._guard(answer(self._send, status, [*headers, *self.common], body))

    async def part(self, data: bytes) -> None:
        """Sends the next part of a stream; begins it with the first."""
        if not data:
            return
        if not self._has_begun:
            self._has_begun = True
            await self._guard(
                self._send({"type": "http.response.start", "status": 200, "headers": [*_STREAM, *self.common]})
            )
        await self._guard(self._send({"type": "http.response.body", "body": data, "more_body": True}))
        self._last = asyncio.get_running_loop().time()

    async def end(self) -> None:
        """Ends a stream."""
        await self._guard(self._send({"type": "http.response.body", "body": b""}))

    async def fail(self, fault: shapes.Fault, headers: Iterable[Header] = ()) -> None:
        """Answers with an error; a stream that has begun ends with it."""
        if self._has_begun:
            await self.part(self.frames.error(fault))
            await self.end()
        else:
            await self.whole(fault.status, [JSON_TYPE, NO_SNIFFING, *headers], fault.document())

    async def _guard(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except OSError:
            raise ClientGone from None


def _stopping() -> Unavailable:
    return Unavailable("The platform is being shut down, and the job with it.", hint="Call again in a moment.")
