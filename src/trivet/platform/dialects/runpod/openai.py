"""``/openai/…`` below an endpoint: OpenAI's paths for its clients, each call an ordinary job, each error in OpenAI's shape."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing

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
)
from trivet.platform.wire.bodies import ClientGone, read_body
from trivet.platform.wire.heads import read_heads
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
_STREAM: tuple[Header, ...] = (EVENTS_TYPE, NO_STORING, NO_SNIFFING, (b"x-accel-buffering", b"no"))


class OpenAiApi:
    """Answers below ``/runpod/v2/{endpoint}/openai``. Who may do what, the services say.

    A call is held for as long as its job lives, and its job lives no longer than its caller waits.

    Args:
        services: the services.
        settings: the limit of a body.
        jobs: has the options of a call that says nothing.
    """

    def __init__(self, services: RunPodServices, settings: RunPodSettings, jobs: HotPaths) -> None:
        self._accounts = services.accounts
        self._limits = services.limits
        self._jobs = services.jobs
        self._limit = settings.max_runsync
        self._usual = jobs.usual

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        reply = _Reply(send)
        try:
            await self._answer(scope, receive, reply)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 — the outermost border: no traceback may reach a caller
            refused = refusal(error, scope["method"], scope["path"])
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
        body = await self._body(receive, heads.content_length)
        asked = shapes.read_call("/" + "/".join(rest), body)
        view = await self._jobs.start_stream(principal, paths.reference_to(endpoint), asked.payload, self._usual)
        reply.common = ((b"x-request-id", view.job.id.encode()), *rate_limit_headers(self._limits.state(principal)))
        tell = self._stream if asked.streams else self._wait
        await while_there(receive, self._for_as_long_as_somebody_waits(tell(principal, view, reply), principal, view))
