"""Values inside a column: how what SQLite has no type for is written and read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from trivet.platform.core.endpoints import VersionSettings
from trivet.platform.core.jobs import JobError, JobPolicy, Priority, Progress
from trivet.platform.core.limits import NO_LIMITS, CallLimits, RateLimit
from trivet.platform.core.scaling import ScalingPolicy, ScalingRule


def encode(value: object) -> str:
    """JSON in ASCII: whatever text people and programs came up with, SQLite can take it."""
    return json.dumps(value, separators=(",", ":"))


def encode_optional(value: object) -> str | None:
    """JSON, or nothing for None."""
    return None if value is None else encode(value)


def decode_optional(text: str | None) -> Any:
    """What `encode_optional` wrote."""
    return None if text is None else json.loads(text)


def plain(text: str) -> str:
    """Text that UTF-8 can carry: half a surrogate pair, which a program may well print, becomes ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def words(values: Iterable[str]) -> str:
    """A set of words in one column."""
    return " ".join(sorted(values))


def encode_policy(policy: JobPolicy) -> str:
    """A policy as JSON."""
    # Nearly all jobs of an endpoint have the same policy, but for the URL of a webhook.
    return _encode_policy(policy) if policy.webhook is None else _encode_policy.__wrapped__(policy)


@lru_cache(maxsize=1024)
def _encode_policy(policy: JobPolicy) -> str:
    return encode(
        [
            policy.timeout,
            policy.ttl,
            policy.max_attempts,
            policy.retry_on,
            policy.backoff,
            policy.priority,
            policy.retention,
            policy.dead_letter_retention,
            policy.webhook,
            policy.webhook_format,
        ]
    )


@lru_cache(maxsize=1024)
def decode_policy(text: str) -> JobPolicy:
    """What `encode_policy` wrote."""
    timeout, ttl, max_attempts, *later = json.loads(text)
    if not later:  # written before jobs had more of a policy
        return JobPolicy(timeout, ttl, max_attempts)
    retry_on, backoff, priority, retention, dead_letter_retention, webhook, *named = later
    return JobPolicy(
        timeout,
        ttl,
        max_attempts,
        tuple(retry_on),
        backoff,
        Priority(priority),
        retention,
        dead_letter_retention,
        webhook,
        *named,
    )


def decode_settings(text: str) -> VersionSettings:
    """What `encode` made of a version's settings as a dictionary."""
    fields = json.loads(text)
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return VersionSettings(**{**fields, **lists})


def decode_scaling(text: str) -> ScalingPolicy:
    """What `encode` made of a scaling policy as a dictionary."""
    fields = json.loads(text)
    return ScalingPolicy(**{**fields, "rule": ScalingRule(fields["rule"])})


def encode_limits(limits: CallLimits) -> tuple[str | None, int | None]:
    """Limits of calls as two columns."""
    return None if limits.rate is None else str(limits.rate), limits.concurrent


def decode_limits(rate: str | None, concurrent: int | None) -> CallLimits:
    """What `encode_limits` wrote."""
    if rate is None and concurrent is None:
        return NO_LIMITS
    return CallLimits(None if rate is None else RateLimit.parse(rate), concurrent)


def encode_progress(progress: Progress | None) -> str | None:
    """A progress as JSON."""
    if progress is None:
        return None
    detail = progress.detail
    return encode([progress.fraction, progress.message, *([] if detail is None else [detail.decode()])])


def decode_progress(text: str | None) -> Progress | None:
    """What `encode_progress` wrote."""
    if text is None:
        return None
    fraction, message, *detail = json.loads(text)
    return Progress(fraction, message, *(part.encode() for part in detail))


def encode_job_error(error: JobError | None) -> str | None:
    """A job's error as JSON."""
    if error is None:
        return None
    return encode([error.code, error.message, error.type, error.traceback, error.worker_log, error.hint])


def decode_job_error(text: str | None) -> JobError | None:
    """What `encode_job_error` wrote."""
    if text is None:
        return None
    code, message, type_, traceback, worker_log, hint = json.loads(text)
    return JobError(code, message, type_, traceback, tuple(worker_log), hint)
