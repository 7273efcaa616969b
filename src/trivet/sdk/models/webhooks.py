"""Webhooks: what became of the messages that tell of jobs' ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from trivet.sdk.models.base import Model


@dataclass(frozen=True, slots=True)
class WebhookAttempt(Model):
    """One try to deliver a message.

    ``status_code`` is None where no answer came; ``error`` is empty where the receiver took it. ``response`` is the beginning
    of what it answered.
    """

    number: int
    at: datetime
    duration_ms: float = 0.0
    status_code: int | None = None
    error: str = ""
    response: str = ""
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WebhookDelivery(Model):
    """What became of the webhook of a job. ``status`` is pending, delivered or failed; ``attempts`` come with `get` only."""

    id: str
    job_id: str
    url: str
    status: str
    attempt_count: int = 0
    created_at: datetime | None = None
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: tuple[WebhookAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class WebhookSecret(Model):
    """The secret that an account's messages are signed with, for `trivet.webhooks.verify`.

    Until ``previous_until`` the one before signs as well.
    """

    secret: str = field(repr=False)
    created_at: datetime | None = None
    previous_until: datetime | None = None
