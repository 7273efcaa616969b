"""Handlers around jobs, but for those on the hot paths (see `hot`)."""

from __future__ import annotations

from dataclasses import replace

from trivet.platform.core.accounts import Scope
from trivet.platform.core.errors import BadRequest
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.dialects.native import events
from trivet.platform.dialects.native.context import PREFIX, Call, EventStream, Reply, reference_to
from trivet.platform.dialects.native.schemas import jobs as schemas
from trivet.platform.dialects.native.schemas.document import Page
from trivet.platform.dialects.native.translate import jobs as translate
from trivet.platform.services.access import require
from trivet.platform.wire.answers import CONTENT_TYPE, JSON_TYPE, NO_SCRIPTS, TEXT_TYPE
from trivet.platform.wire.bodies import read_body
from trivet.platform.wire.media import input_type, output_type
from trivet.platform.wire.paging import read_cursor, write_cursor
from trivet.platform.wire.rate_limits import rate_limit_headers

LOG_PAGE = 1000


async def jobs(call: Call) -> Page[schemas.Job]:
    """A page of jobs, newest first."""
    limit, endpoint = call.limit, call.query.get("endpoint")
    views = await call.services.jobs.page(
        call.principal,
        endpoint=reference_to(endpoint) if endpoint else None,
        statuses=call.choices("status", JobStatus),
        dead_letters=call.flag("dead_letters"),
        before=read_cursor(call.cursor),
        limit=limit + 1,
    )
    page = views[:limit]
    more = len(views) > limit
    return Page(
        items=[translate.job(view) for view in page],
        next=write_cursor(page[-1].job.id) if more else None,
    )


async def job_input(call: Call) -> Reply:
    """The input of a job, as it came."""
    view = await call.services.jobs.get(call.principal, call.part("job"))
    payload = view.job.input
    data = await call.services.jobs.read(payload)
    return Reply(200, data, ((CONTENT_TYPE, output_type(payload.content_type)), NO_SCRIPTS))


async def job_events(call: Call) -> EventStream:
    """A job's story as it unfolds, from behind ``Last-Event-ID``."""
    view = await call.services.jobs.get(call.principal, call.part("job"))
    return EventStream(events.of_job(call.services, call.principal, view, _last_event(call)))


async def cancel(call: Call) -> schemas.Cancellation:
    """Asks a job to stop."""
    return translate.cancellation(await call.services.jobs.cancel(call.principal, call.part("job")))


async def job_logs(call: Call) -> schemas.JobLog | Reply:
    """What a job's handler printed; as plain text where that is asked for."""
    after = call.whole("after") or 0
    lines = await call.services.jobs.logs(call.principal, call.part("job"), after=after, limit=LOG_PAGE)
    if (call.header(b"accept") or b"").startswith(b"text/plain"):
        return Reply(200, b"".join(b"%s\n" % event.data.removesuffix(b"\n") for event in lines), (TEXT_TYPE,))
    full = len(lines) == LOG_PAGE
    return schemas.JobLog(items=[translate.job_log_line(line) for line in lines], next=lines[-1].seq if full else None)


async def job_insights(call: Call) -> schemas.JobInsights:
    """What a job has reported about its own work."""
    events = await call.services.jobs.insights(call.principal, call.part("job"))
    return schemas.JobInsights(items=[translate.job_insight(event) for event in events])


async def explain(call: Call) -> schemas.Explanation:
    """Why a job is where it is."""
    return translate.explanation(await call.services.jobs.explain(call.principal, call.part("job")))


async def replay(call: Call) -> Reply:
    """A new job like an earlier one; a body takes the place of its input."""
    require(call.principal, Scope.CALL)  # before a large body is taken in for nothing
    body = await read_body(call.receive, call.settings.max_input, call.heads.content_length)
    view = await call.services.replays.replay(
        call.principal,
        call.part("job"),
        payload=Payload(input_type(call.heads.content_type), len(body), body) if body else None,
        version=call.query.get("version") or None,
        idempotency_key=call.heads.idempotency_key,
    )
    reply, limits = accepted(view), rate_limit_headers(call.services.limits.state(call.principal))
    return replace(reply, headers=(*reply.headers, *limits))


def accepted(view: JobView) -> Reply:
    """The answer to who has a job that goes on."""
    document = events.encode(translate.job(view))
    location = (b"location", f"{PREFIX}/jobs/{view.job.id}".encode())
    replayed = ((b"idempotent-replayed", b"true"),) if view.replayed else ()
    return Reply(202, document, (JSON_TYPE, location, *replayed))


def _last_event(call: Call) -> int:
    text = (call.header(b"last-event-id") or b"").strip()
    if not text:
        return 0
    if not text.isdigit() or len(text) > 15:
        raise BadRequest("Last-Event-ID is not the id of an event.", hint="Send back the id of the last event read.")
    return int(text)
