"""Documents of webhooks."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from trivet.platform.dialects.native.schemas.document import Document
from trivet.platform.dialects.native.schemas.jobs import Job


class WebhookMessage(Document, omit_defaults=True):
    """What a webhook is sent: `type` is `job.` and the status, `data` the job as it ended.

    `result` is the path of its output on this server, for one that is too large for `data`, or no JSON.
    """

    type: str
    timestamp: str
    data: Job
    result: str | None = None


class WebhookAttempt(Document):
    """One try to deliver a message. `status_code` is null where no answer came; `error` is empty where it was taken.

    `response` is the beginning of what the receiver answered.
    """

    number: int
    at: str
    duration_ms: float
    status_code: int | None
    error: str
    response: str
    next_attempt_at: str | None = None


class WebhookDelivery(Document):
    """What became of the webhook of a job. `id` is the message's; `attempts` come with a single delivery."""

    id: str
    job_id: str
    url: str
    status: Literal["pending", "delivered", "failed"]
    attempt_count: int
    created_at: str
    next_attempt_at: str | None = None
    finished_at: str | None = None
    attempts: list[WebhookAttempt] | UnsetType = UNSET


class WebhookSecret(Document):
    """The secret that an account's messages are signed with. Until `previous_until` the one before signs as well."""

    secret: str
    created_at: str
    previous_until: str | None = None
