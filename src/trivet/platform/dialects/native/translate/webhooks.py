"""Webhooks as documents."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from trivet.platform.core import webhooks
from trivet.platform.dialects.native.schemas import webhooks as schemas
from trivet.platform.services.signing import SecretView
from trivet.platform.wire.times import rfc3339


def webhook_delivery(
    value: webhooks.Delivery, attempts: Sequence[webhooks.DeliveryAttempt] | None = None
) -> schemas.WebhookDelivery:
    """A delivery's document; ``attempts`` is None in a listing."""
    return schemas.WebhookDelivery(
        id=value.id,
        job_id=value.job_id,
        url=value.url,
        status=value.status.value,
        attempt_count=value.attempts,
        created_at=rfc3339(value.created_at),
        next_attempt_at=rfc3339(value.next_at),
        finished_at=rfc3339(value.finished_at),
        attempts=UNSET if attempts is None else [_webhook_attempt(attempt) for attempt in attempts],
    )


def _webhook_attempt(value: webhooks.DeliveryAttempt) -> schemas.WebhookAttempt:
    return schemas.WebhookAttempt(
        number=value.number,
        at=rfc3339(value.at),
        duration_ms=round(value.duration_ms, 3),
        status_code=value.status,
        error=value.error,
        response=value.response.decode("utf-8", "replace"),
        next_attempt_at=rfc3339(value.next_at),
    )


def webhook_secret(value: SecretView) -> schemas.WebhookSecret:
    """A signing secret, in clear."""
    return schemas.WebhookSecret(
        secret=value.secret, created_at=rfc3339(value.created_at), previous_until=rfc3339(value.previous_until)
    )
