"""Server-sent events of jobs and logs, and the one encoder of this dialect."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncGenerator, Iterable

import msgspec
from starlette.types import Receive, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import EventKind, JobEvent
from trivet.platform.core.payloads import JSON
from trivet.platform.core.views import JobView
from trivet.platform.dialects.native.context import NativeServices
from trivet.platform.dialects.native.schemas import jobs as schemas
from trivet.platform.dialects.native.translate import jobs as translate
from trivet.platform.dialects.native.translate.endpoints import log_line
from trivet.platform.wire import sse
from trivet.platform.wire.answers import EVENTS_TYPE, NO_STORING, Header

encode = msgspec.json.Encoder().encode

logger = logging.getLogger(__name__)

HEAD: tuple[Header, ...] = (EVENTS_TYPE, NO_STORING, (b"x-accel-buffering", b"no"))
"""The headers of a stream: nothing on the way may keep it or hold it back."""


async def serve(chunks: AsyncGenerator[bytes, None], headers: Iterable[Header], receive: Receive, send: Send) -> None:
    """Answers with a stream of events, until it or its reader ends.

    An error cannot be an answer any more once the stream has begun. One of the core's ends it, so that the reader, who saw no
    `end`, comes back and is answered properly; any other breaks it off, and goes to the log.
    """
    await send({"type": "http.response.start", "status": 200, "headers": [*HEAD, *headers]})
    try:
        await sse.pump(chunks, receive, send)
    except CoreError:
        await send({"type": "http.response.body", "body": b""})
    except Exception:  # the answer has begun: a second one can't be sent
        logger.exception("a stream of events broke off")


async def of_job(
    services: NativeServices, principal: Principal, view: JobView, after: int = 0
) -> AsyncGenerator[bytes, None]:
    """A job's events: the job as it stands, what comes behind the event ``after``, every change, and the end."""
    yield sse.event("job", encode(translate.job(view)))
    told = (view.job.status, view.job.attempt)
    async for item in services.jobs.events(principal, view.job.id, after):
        if item is None:
            yield sse.PING
        elif isinstance(item, list):
            yield b"".join(_event(event) for event in item if event.kind is not EventKind.INSIGHT)
        else:
            document = encode(translate.job(item))
            now = (item.job.status, item.job.attempt)
            changed, told = now != told, now
            if changed:
                yield sse.event("job", document)
            if item.job.is_final:
                yield sse.event("end", document)


async def of_log(
    services: NativeServices, principal: Principal, reference: EndpointReference
) -> AsyncGenerator[bytes, None]:
    """The lines of an endpoint's log, those that are there and those that come, for as long as somebody reads."""
    async for line in services.workers.logs.follow(principal, reference):
        yield sse.PING if line is None else sse.event("log", encode(log_line(line)), line.seq)


def _event(event: JobEvent) -> bytes:
    if event.kind is EventKind.PIECE:
        if event.label in ("", JSON):
            return sse.event("piece", event.data, event.seq)
        packed = {"base64": base64.b64encode(event.data).decode(), "type": event.label}
        return sse.event("piece", encode(packed), event.seq)
    if event.kind is EventKind.PROGRESS:
        document = schemas.Progress(fraction=float(event.label) if event.label else None, message=_text(event))
        return sse.event("progress", encode(document), event.seq)
    return sse.event("log", encode({"stream": event.label or "stdout", "text": _text(event)}), event.seq)


def _text(event: JobEvent) -> str:
    return event.data.decode("utf-8", "replace")
