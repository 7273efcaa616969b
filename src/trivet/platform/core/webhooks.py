"""Webhooks: telling a URL that a job has ended, as values and pure functions.

::

    plan ──▶ pending ──answered 2xx──────────▶ delivered
               │  ▲                                │
               │  └─────────── redeliver ──────────┤
               └──answered 410, or tries used up──▶ failed

A job has at most one delivery, planned in the transaction that records the job's end. A try that is not answered with a
status from 200 to 299 is repeated by `SCHEDULE`. Messages are signed as Standard Webhooks describes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from trivet.platform.core.jobs import NATIVE, Job

SCHEDULE = (5.0, 30.0, 120.0, 600.0, 3600.0, 3 * 3600.0, 6 * 3600.0, 12 * 3600.0)
"""Seconds between a try that failed and the next; after as many tries as these and one more the delivery has failed."""
JITTER = 0.2
"""By how much of itself a pause may be longer, so that deliveries which failed together do not come back together."""
LONGEST_PAUSE = SCHEDULE[-1]
"""Seconds that a receiver may put off the next try by ``Retry-After``."""
MAX_URL = 2048
"""Characters of a webhook's URL, at most."""
KEPT_RESPONSE = 1024
"""Bytes of a receiver's answer that are kept for people."""
KEPT_ATTEMPTS = 100
"""Attempts of one delivery that are kept; only redelivery on request makes so many."""
OVERLAP = 24 * 3600.0
"""Seconds that messages carry a second signature, by the secret before, after a rotation."""
SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
_GONE = 410
_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


class DeliveryStatus(StrEnum):
    """Where a delivery is in its life."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The message of one job's end, and what became of it. Times are seconds since the epoch.

    ``attempts`` counts all tries, ``tries`` those since it was planned or asked for again. ``next_at`` is when the next try
    is due, None where there is none. ``host`` groups deliveries that go the same way. ``format`` names how the message is
    written. The URL may hold a secret of its receiver's, so that it is hidden in reprs.
    """

    id: str
    job_id: str
    account_id: str
    url: str = field(repr=False)
    host: str
    created_at: float
    next_at: float | None
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    tries: int = 0
    finished_at: float | None = None
    format: str = NATIVE


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try of a delivery.

    ``status`` is the HTTP status of the answer, None where none came; ``error`` says why a try failed, and is empty where it
    did not. ``response`` is the beginning of the answer's body. ``next_at`` is when the next try was planned to be.
    """

    delivery_id: str
    number: int
    at: float
    duration_ms: float
    status: int | None
    error: str = ""
    response: bytes = field(default=b"", repr=False)
    next_at: float | None = None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery with its attempts, newest last."""

    delivery: Delivery
    attempts: tuple[DeliveryAttempt, ...]


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What came of sending a message: a status, or the reason why there is none.

    ``error`` is a sentence; ``retry_after`` the seconds that the receiver asked to be left alone.
    """

    status: int | None
    error: str = ""
    body: bytes = field(default=b"", repr=False)
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver took the message."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """The secret that an account's messages are signed with, sealed; while a rotation overlaps, also the one before."""

    account_id: str
    sealed: bytes = field(repr=False)
    created_at: float
    previous: bytes | None = field(default=None, repr=False)
    previous_until: float | None = None

    def counting(self, now: float) -> tuple[bytes, ...]:
        """The sealed secrets to sign with at ``now``, newest first."""
        if self.previous is None or self.previous_until is None or now >= self.previous_until:
            return (self.sealed,)
        return self.sealed, self.previous

    def rotated(self, sealed: bytes, now: float) -> SigningSecret:
        """The secret after a rotation: the old one goes on counting for `OVERLAP`."""
        return SigningSecret(self.account_id, sealed, now, self.sealed, now + OVERLAP)


# -- the life of a delivery ---------------------------------------------------------------------------------------------


def delivery_id(job_id: str) -> str:
    """The id of a job's delivery, which is also the message's: the same however often it is planned or sent."""
    return f"msg_{job_id.removeprefix('job_')}"


def plan(job: Job) -> Delivery | None:
    """The delivery of a job that has just ended; None where it has not, or where nobody wants to be told."""
    url = job.webhook
    if url is None or job.finished_at is None or not job.is_final:
        return None
    return Delivery(
        delivery_id(job.id),
        job.id,
        job.account_id,
        url,
        host_of(url),
        job.finished_at,
        next_at=job.finished_at,
        format=job.policy.webhook_format,
    )


def host_of(url: str) -> str:
    """The host and port of a URL, in lower case and without credentials; ``?`` where it has none."""
    found = _HOST.match(url)
    return (found.group(1).rpartition("@")[2].lower() if found is not None else "") or "?"


def settle(
    delivery: Delivery, answer: WebhookAnswer, *, began: float, ended: float, chance: float
) -> tuple[Delivery, DeliveryAttempt]:
    """The delivery after a try, and the try.

    Args:
        delivery: the delivery as it stands.
        answer: what came of the try.
        began: when the message was sent, seconds since the epoch.
        ended: when the answer was there.
        chance: a number in [0, 1) that spreads the next tries.
    """
    number, tries = delivery.attempts + 1, delivery.tries + 1
    next_at: float | None = None
    if answer.accepted:
        status = DeliveryStatus.DELIVERED
    elif answer.status == _GONE or tries > len(SCHEDULE):
        status = DeliveryStatus.FAILED
    else:
        status = DeliveryStatus.PENDING
        next_at = ended + pause(tries, answer.retry_after, chance)
    after = replace(
        delivery,
        status=status,
        attempts=number,
        tries=tries,
        next_at=next_at,
        finished_at=None if status is DeliveryStatus.PENDING else ended,
    )
    error = "" if answer.accepted else answer.error or f"The receiver answered {answer.status}."
    response = answer.body[:KEPT_RESPONSE]
    took = max(0.0, (ended - began) * 1000)
    return after, DeliveryAttempt(delivery.id, number, began, took, answer.status, error, response, next_at)


def pause(tries: int, retry_after: float | None, chance: float) -> float:
    """Seconds to the next try after so many that failed: what the schedule says, or more where the receiver asks for it."""
    planned = SCHEDULE[min(tries, len(SCHEDULE)) - 1]
    asked = min(max(retry_after or 0.0, 0.0), LONGEST_PAUSE)
    return max(planned, asked) * (1.0 + JITTER * chance)


def redeliver(delivery: Delivery, now: float) -> Delivery:
    """The delivery, to be tried now and with a whole schedule before it, whatever became of it before."""
    return replace(delivery, status=DeliveryStatus.PENDING, tries=0, next_at=now, finished_at=None)


# -- signatures ---------------------------------------------------------------------------------------------------------


def new_secret(entropy: bytes) -> str:
    """A signing secret as receivers are given it: ``whsec_`` and the random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(entropy).decode()


def sign(secret: str, message_id: str, timestamp: int, payload: bytes) -> str:
    """The signature of a message, ``v1,…``: HMAC-SHA256 over id, timestamp and payload with dots between them.

    Args:
        secret: ``whsec_…``.
        message_id: the message's id.
        timestamp: when it is sent, whole seconds since the epoch.
        payload: the body as it is sent.

    Raises:
        ValueError: that is no secret.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a signing secret is base64 behind whsec_") from None
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, payload)
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"
