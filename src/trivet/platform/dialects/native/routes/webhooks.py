"""Deliveries of webhooks, and the secret that they are signed with."""

from __future__ import annotations

from trivet.platform.dialects.native import webhooks
from trivet.platform.dialects.native.routes.route import PAGING, Access, Query, Route
from trivet.platform.dialects.native.schemas import webhooks as schemas
from trivet.platform.dialects.native.schemas.document import Page

WEBHOOKS: tuple[Route, ...] = (
    Route(
        name="list_webhooks",
        method="GET",
        path="/webhooks",
        tag="Webhooks",
        summary="List deliveries, newest first",
        access=Access.READ,
        handler=webhooks.webhooks,
        response=Page[schemas.WebhookDelivery],
        queries=(Query("status", "Only those in these states, separated by commas."), *PAGING),
        detail="Those of one's own account; everybody's for administrators.",
    ),
    Route(
        name="get_webhook",
        method="GET",
        path="/jobs/{job}/webhook",
        tag="Webhooks",
        summary="Look at a job's webhook and its attempts",
        access=Access.READ,
        handler=webhooks.webhook,
        response=schemas.WebhookDelivery,
        detail="For all who may look at the job; the whole URL is told to its account.",
    ),
    Route(
        name="redeliver_webhook",
        method="POST",
        path="/jobs/{job}/webhook/redeliver",
        tag="Webhooks",
        summary="Send a job's message again",
        access=Access.CALL,
        handler=webhooks.redeliver,
        response=schemas.WebhookDelivery,
        status=202,
        detail="Now, whatever became of it before, and with a whole schedule of retries. The message keeps its id.",
    ),
    Route(
        name="get_webhook_secret",
        method="GET",
        path="/webhooks/secret",
        tag="Webhooks",
        summary="Get the secret that one's messages are signed with",
        access=Access.DEPLOY,
        handler=webhooks.secret,
        response=schemas.WebhookSecret,
        detail="One for an account, made when it is first needed.",
    ),
    Route(
        name="rotate_webhook_secret",
        method="POST",
        path="/webhooks/secret/rotate",
        tag="Webhooks",
        summary="Make a new signing secret",
        access=Access.DEPLOY,
        handler=webhooks.rotate_secret,
        response=schemas.WebhookSecret,
        detail="For 24 hours messages carry a signature by the old one too.",
    ),
)
