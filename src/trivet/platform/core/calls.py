"""Calls: what a caller may say about a job beside its input, and the policy that comes of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from trivet.platform.core.bounds import (
    MAX_ATTEMPTS,
    MAX_BACKOFF,
    MAX_RETENTION,
    MAX_TIMEOUT,
    MAX_TTL,
    MOST_KINDS_OF_ERRORS,
    is_kind_of_error,
)
from trivet.platform.core.endpoints import VersionSettings
from trivet.platform.core.errors import BadRequest
from trivet.platform.core.jobs import NATIVE, JobPolicy, Priority

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What a caller says about one call; None: what the author of the endpoint set. Times in seconds.

    ``idempotency_key``: a name of the caller's own for this call; another one with the same name gets the same job.
    ``webhook_format``: how the message to ``webhook`` is written. ``aside``: a JSON text that the worker gets beside the input.
    ``usual_retention``: how long the job is kept where its author does not say, instead of as long as the platform says.
    ``number``: an integer that the job can be found by as well.
    ``is_checked``: the input was checked by rules that are no looser than the endpoint's schema.
    ``affinity``: a text; calls with the same one go to the same version while an endpoint is split between versions.
    """

    timeout: float | None = None
    ttl: float | None = None
    max_attempts: int | None = None
    retry_on: tuple[str, ...] | None = None
    backoff: float | None = None
    priority: Priority = Priority.NORMAL
    retention: float | None = None
    webhook: str | None = None
    webhook_format: str = NATIVE
    aside: bytes | None = field(default=None, repr=False)
    idempotency_key: str | None = None
    affinity: str | None = None
    usual_retention: float | None = None
    number: int | None = None
    is_checked: bool = False


USUAL = CallOptions()
"""Nothing was said."""


def policy(options: CallOptions, settings: VersionSettings, retention: float, dead_letters: float) -> JobPolicy:
    """The policy of a job. What the author said may be said again, even where a caller may not say so much of its own accord.

    Args:
        options: what the caller said.
        settings: what the author said.
        retention: seconds that a job is kept where neither says so.
        dead_letters: seconds that a dead letter is kept at least.

    Raises:
        BadRequest: an option is out of its range.
    """
    usual = retention if options.usual_retention is None else options.usual_retention
    kept = settings.retention if settings.retention is not None else usual
    return JobPolicy(
        timeout=_seconds("timeout", options.timeout, settings.timeout, MAX_TIMEOUT),
        ttl=_seconds("ttl", options.ttl, settings.ttl, MAX_TTL),
        max_attempts=_attempts(options.max_attempts, settings.max_attempts),
        retry_on=_kinds_of_errors(options.retry_on, settings.retry_on),
        backoff=_seconds("backoff", options.backoff, settings.backoff, MAX_BACKOFF, may_be_zero=True),
        priority=options.priority,
        retention=_seconds("retention", options.retention, kept, MAX_RETENTION),
        dead_letter_retention=dead_letters,
        webhook=options.webhook,
        webhook_format=options.webhook_format,
    )


def check_idempotency_key(key: str) -> str:
    """The key itself.

    Raises:
        BadRequest: it is too long, empty, or has characters that no header can carry.
    """
    if _KEY.fullmatch(key) is None:
        raise BadRequest(
            "This idempotency key can't be used.", hint="Give 1 to 255 visible ASCII characters, a UUID for example."
        )
    return key


def _seconds(name: str, value: float | None, otherwise: float, most: float, *, may_be_zero: bool = False) -> float:
    if value is None or value == otherwise:
        return otherwise
    if not (math.isfinite(value) and 0 <= value <= most) or (value == 0 and not may_be_zero):
        least = "from 0" if may_be_zero else "above 0 and"
        raise BadRequest(f"{name}={value:g}: must be a number of seconds {least} up to {most:.0f}.")
    return value


def _attempts(value: int | None, otherwise: int) -> int:
    if value is None or value == otherwise:
        return otherwise
    if not 1 <= value <= MAX_ATTEMPTS:
        raise BadRequest(f"max_attempts={value}: must be a whole number from 1 to {MAX_ATTEMPTS}.")
    return value


def _kinds_of_errors(kinds: tuple[str, ...] | None, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    if kinds is None or kinds == otherwise:
        return otherwise
    wrong = next((kind for kind in kinds if not is_kind_of_error(kind)), None)
    if wrong is not None or len(kinds) > MOST_KINDS_OF_ERRORS:
        raise BadRequest(
            f"retry_on={(wrong or ','.join(kinds))[:80]!r} names no kind of error.",
            hint=f"Name up to {MOST_KINDS_OF_ERRORS}: worker_lost, handler_error, execution_timeout, or types of exceptions.",
        )
    return kinds
