"""Webhooks in the native API: the message of a job's end, and the handlers around deliveries and secrets."""

from __future__ import annotations

from trivet.platform.core.views import JobView
from trivet.platform.core.webhooks import DeliveryStatus
from trivet.platform.dialects.native import events
from trivet.platform.dialects.native.context import PREFIX, Call
from trivet.platform.dialects.native.schemas import webhooks as schemas
from trivet.platform.dialects.native.schemas.document import Page
from trivet.platform.dialects.native.translate import webhooks as translate
from trivet.platform.dialects.native.translate.jobs import job as job_document
from trivet.platform.services.webhooks import MessageFormat
from trivet.platform.wire.paging import read_cursor, write_cursor
from trivet.platform.wire.times import rfc3339


def message(view: JobView) -> bytes:
    """The body of the message that tells of a job's end."""
    job = view.job
    document = job_document(view)
    return events.encode(
        schemas.WebhookMessage(
            type=f"job.{job.status.value}",
            timestamp=rfc3339(job.finished_at if job.finished_at is not None else job.created_at),
            data=document,
            result=f"{PREFIX}/jobs/{job.id}/result" if job.output is not None else None,
        )
    )


FORMAT = MessageFormat(message)
"""Standard Webhooks, with the job's document as data."""


async def webhooks(call: Call) -> Page[schemas.WebhookDelivery]:
    """A page of deliveries, newest first."""
    limit = call.limit
    found = await call.services.webhooks.page(
        call.principal,
        statuses=call.choices("status", DeliveryStatus),
        before=read_cursor(call.cursor),
        limit=limit + 1,
    )
    page = found[:limit]
    return Page(
        items=[translate.webhook_delivery(delivery) for delivery in page],
        next=write_cursor(page[-1].id) if len(found) > limit else None,
    )


async def webhook(call: Call) -> schemas.WebhookDelivery:
    """What became of a job's webhook."""
    view = await call.services.webhooks.get(call.principal, call.part("job"))
    return translate.webhook_delivery(view.delivery, view.attempts)


async def redeliver(call: Call) -> schemas.WebhookDelivery:
    """Sends a job's message again."""
    view = await call.services.webhooks.redeliver(call.principal, call.part("job"))
    return translate.webhook_delivery(view.delivery, view.attempts)


async def secret(call: Call) -> schemas.WebhookSecret:
    """The secret that one's messages are signed with."""
    return translate.webhook_secret(await call.services.webhooks.secret(call.principal))


async def rotate_secret(call: Call) -> schemas.WebhookSecret:
    """A new signing secret."""
    return translate.webhook_secret(await call.services.webhooks.rotate_secret(call.principal))
