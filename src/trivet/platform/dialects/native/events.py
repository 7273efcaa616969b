"""Server-sent events of jobs and logs, and the one encoder of this dialect."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncGenerator

import msgspec

from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.jobs import EventKind, JobEvent
from trivet.platform.core.payloads import JSON
from trivet.platform.core.views import JobView
from trivet.platform.dialects.native import schemas, translate
from trivet.platform.dialects.native.context import NativeServices
from trivet.platform.wire import sse

encode = msgspec.json.Encoder().encode

LOG_INTERVAL = 0.25
"""Seconds between two looks at a log that is followed."""
PING_INTERVAL = 10.0
"""Seconds of silence after which a follower gets a sign of life."""


async def of_job(
    services: NativeServices, principal: Principal, view: JobView, after: int = 0
) -> AsyncGenerator[bytes, None]:
    """A job's events: the job as it stands, what comes behind the event ``after``, every change, and the end."""
    manages = services.manages(principal, view.job.endpoint_id)
    yield sse.event("job", encode(translate.job(view, manages=manages)))
    told = (view.job.status, view.job.attempt)
    async for item in services.jobs.events(principal, view.job.id, after):
        if item is None:
            yield sse.PING
        elif isinstance(item, JobEvent):
            yield _event(item)
        else:
            document = encode(translate.job(item, manages=manages))
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
    after, quiet_since = 0, time.monotonic()
    while True:
        lines = services.workers.logs(principal, reference, after)
        for line in lines:
            after = line.seq
            yield sse.event("log", encode(translate.log_line(line)), line.seq)
        if lines:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since >= PING_INTERVAL:
            quiet_since = time.monotonic()
            yield sse.PING
        await asyncio.sleep(LOG_INTERVAL)


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
