"""The RunPod dialect as one ASGI application: jobs for callers, polls for workers, GraphQL, each error in their shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import TooLarge, Unauthenticated
from trivet.platform.dialects.runpod import errors, paths, translate
from trivet.platform.dialects.runpod.context import GRAPHQL, PREFIX, RunPodServices, RunPodSettings
from trivet.platform.dialects.runpod.front import RunPodFront
from trivet.platform.dialects.runpod.graph.app import GraphApi
from trivet.platform.dialects.runpod.hot import HotPaths, document, read_wait
from trivet.platform.dialects.runpod.jobs import STREAM_HOLD, JobVerbs
from trivet.platform.dialects.runpod.openai import OpenAiApi
from trivet.platform.dialects.runpod.worker import VERBS, WorkerApi, verb_in
from trivet.platform.wire.answers import answer, marked, without_body
from trivet.platform.wire.bodies import ClientGone, read_body
from trivet.platform.wire.heads import Heads, read_heads
from trivet.platform.wire.hot import Answer, send_answer
from trivet.platform.wire.presence import Caller

__all__ = ["RunPodServices", "RunPodSettings", "create_app"]

_GRAPHQL = GRAPHQL.removeprefix(PREFIX).strip("/")


def create_app(services: RunPodServices, settings: RunPodSettings) -> RunPodApp:
    """What answers below ``/runpod``. It is handed whole paths.

    Args:
        services: what it speaks for.
        settings: what an operator has set.
    """
    return RunPodApp(services, settings)


class _Request(NamedTuple):
    """One request about an endpoint or one of its jobs."""

    principal: Principal
    reference: EndpointReference
    target: paths.Target
    heads: Heads
    query: bytes
    receive: Receive
    send: Send


_Handler = Callable[[_Request], Awaitable[Answer]]


class RunPodApp:
    """The application; see `create_app`. Every verb takes a key; the scope that it needs stands with it, where it is answered."""

    def __init__(self, services: RunPodServices, settings: RunPodSettings) -> None:
        self._accounts = services.accounts
        self._settings = settings
        self._hot = HotPaths(services, settings)
        self._verbs = JobVerbs(services, self._hot)
        self.hot_routes = RunPodFront(services, settings, self._hot)
        """Its hot paths past ASGI."""
        self._graphql: ASGIApp = GraphApi(services)
        self._openai: ASGIApp = OpenAiApi(services, settings, self._hot)
        self._workers: dict[str, ASGIApp] = dict.fromkeys(VERBS, WorkerApi(services, settings))
        """What answers the verbs of workers."""
        self._handlers: dict[str, _Handler] = {
            "run": self._run,
            "runsync": self._runsync,
            "status": lambda r: self._hot.status(r.principal, r.reference, r.target.job_id),
            "status-sync": self._status_sync,
            "cancel": lambda r: self._verbs.cancel(r.principal, r.reference, r.target.job_id),
            "retry": lambda r: self._verbs.retry(r.principal, r.reference, r.target.job_id),
            "purge-queue": lambda r: self._verbs.purge(r.principal, r.reference),
            "health": lambda r: self._verbs.health(r.principal, r.reference),
            "requests": lambda r: self._verbs.requests(r.principal, r.reference),
            "metrics": lambda r: self._verbs.metrics(r.principal, r.reference),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        send = marked(send)
        method: str = scope["method"]
        parts = paths.parts_of(scope["path"], scope.get("raw_path") or b"", scope.get("root_path", ""))
        app = self._app(parts)
        if app is not None:
            await app(scope, receive, send)
            return
        if method == "HEAD":
            send = without_body(send)
        try:
            await self._answer(method, paths.endpoint_parts(parts), scope, receive, send)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 — the outermost border: no traceback may reach a caller
            await send_answer(send, errors.answer_to(error, method, scope["path"]))

    def _app(self, parts: list[str]) -> ASGIApp | None:
        """Who answers a path that is none of a caller's."""
        if parts == [_GRAPHQL]:
            return self._graphql
        below = paths.endpoint_parts(parts)
        if below is None or len(below) < 2:
            return None
        return self._openai if below[1] == paths.OPENAI else self._workers.get(verb_in(below[1]))

    async def _answer(self, method: str, parts: list[str] | None, scope: Scope, receive: Receive, send: Send) -> None:
        target = None if parts is None else paths.target_of(parts)
        if target is None:
            verb = parts[1] if parts is not None and len(parts) > 1 else ""
            await send_answer(send, errors.no_such_path(scope["path"], verb))
            return
        if method not in target.methods:
            allowed = {*target.methods, "OPTIONS"}
            if method == "OPTIONS":
                await answer(send, 204, [(b"allow", ", ".join(sorted(allowed)).encode())])
            else:
                await send_answer(send, errors.method_not_allowed(method, allowed))
            return
        heads = read_heads(scope["headers"], bare=True)
        if heads.token is None:
            raise Unauthenticated
        principal = self._accounts.authenticate(heads.token) or await self._accounts.resolve(heads.token)
        reference = paths.reference_to(target.endpoint)
        request = _Request(principal, reference, target, heads, scope["query_string"], receive, send)
        if target.verb == "stream" and method != "HEAD":
            await self._stream(request)
            return
        # a stream is read once: who only asks for the head must not take its pieces away
        verb = "status" if target.verb == "stream" else target.verb
        await send_answer(send, await self._handlers[verb](request))

    # -- verbs that read more than the path ---------------------------------------------------------------------------

    async def _run(self, request: _Request) -> Answer:
        body = await self._body(request, self._settings.max_run)
        return await self._hot.run(request.principal, request.reference, body)

    async def _runsync(self, request: _Request) -> Answer:
        wait = read_wait(request.query, self._settings.hold)
        body = await self._body(request, self._settings.max_runsync)
        return await self._hot.runsync(request.principal, request.reference, body, wait)

    async def _status_sync(self, request: _Request) -> Answer:
        wait = read_wait(request.query, self._settings.hold)
        return await self._hot.status(request.principal, request.reference, request.target.job_id, wait)

    async def _stream(self, request: _Request) -> None:
        hold = read_wait(request.query, STREAM_HOLD)
        caller = Caller(request.receive)
        reading = self._verbs.stream(request.principal, request.reference, request.target.job_id, hold)
        async with AsyncExitStack() as turn:
            page = await caller.wait_for(turn.enter_async_context(reading))
            if caller.has_left:  # both in the same moment
                raise ClientGone
            try:
                await send_answer(request.send, document(translate.stream_page(page.status, page.pieces)))
            except OSError:
                raise ClientGone from None

    async def _body(self, request: _Request, limit: int) -> bytes:
        self._hot.expect(request.principal, request.reference)
        try:
            return await read_body(request.receive, limit, request.heads.content_length)
        except TooLarge as error:
            settings = self._settings
            other = f" `runsync` takes up to {settings.max_runsync:,}." if limit < settings.max_runsync else ""
            raise TooLarge(
                f"{error.detail} That is the limit of `{request.target.verb}`.{other}",
                limit=limit,
                hint="Put what is large where the worker can fetch it, and send its URL.",
            ) from None
