"""Jobs as documents."""

from __future__ import annotations

import json

import msgspec
from msgspec import UNSET, UnsetType

from trivet.platform.core import jobs, views
from trivet.platform.core.jobs import JobEvent
from trivet.platform.core.payloads import Payload
from trivet.platform.dialects.native.schemas import jobs as schemas
from trivet.platform.wire.times import milliseconds, rfc3339

INLINE_OUTPUT = 64 * 1024
"""An output of JSON up to so many bytes stands in the job's document."""


PRIORITIES: dict[jobs.Priority, schemas.Priority] = {
    jobs.Priority.HIGH: "high",
    jobs.Priority.NORMAL: "normal",
    jobs.Priority.LOW: "low",
}


def job(view: views.JobView) -> schemas.Job:
    """A job's document."""
    value = view.job
    output = value.output
    return schemas.Job(
        id=value.id,
        status=value.status.value,
        endpoint=view.endpoint_name,
        endpoint_id=value.endpoint_id,
        version=view.version_number,
        attempts=value.attempt,
        max_attempts=value.policy.max_attempts,
        priority=PRIORITIES[value.policy.priority],
        created_at=rfc3339(value.created_at),
        started_at=rfc3339(value.started_at),
        finished_at=rfc3339(value.finished_at),
        queued_ms=milliseconds(value.queued_ms),
        duration_ms=milliseconds(value.duration_ms),
        progress=None if value.progress is None else progress(value.progress),
        pieces=value.pieces,
        error=None if value.error is None else job_error(value.error),
        output=_inline(output),
        output_type=None if output is None else output.content_type,
        output_size=None if output is None else output.size,
        retry_at=rfc3339(value.retry_at),
        dead_letter=value.is_dead_letter,
        kept_until=rfc3339(value.forget_at),
        idempotency_key=value.idempotency_key,
        retry_of=value.retry_of,
    )


def _inline(output: Payload | None) -> msgspec.Raw | UnsetType:
    if output is None or output.data is None or not output.is_json or output.size > INLINE_OUTPUT:
        return UNSET
    return msgspec.Raw(output.data or b"null")


def job_error(error: jobs.JobError) -> schemas.JobError:
    """Why a job did not succeed."""
    return schemas.JobError(
        code=error.code,
        message=error.message,
        type=error.type,
        traceback=error.traceback,
        worker_log=list(error.worker_log),
        hint=error.hint,
    )


def progress(value: jobs.Progress) -> schemas.Progress:
    """How far a job is."""
    return schemas.Progress(fraction=value.fraction, message=value.message)


def cancellation(outcome: views.CancelOutcome) -> schemas.Cancellation:
    """What became of a cancel."""
    return schemas.Cancellation(job=job(outcome.view), cancelled=outcome.cancelled, detail=outcome.detail)


def job_insight(event: JobEvent) -> schemas.JobInsight:
    """A metric that a job has reported."""
    return schemas.JobInsight(key=event.label, value=json.loads(event.data), time=rfc3339(event.at))


def job_log_line(event: JobEvent) -> schemas.JobLogLine:
    """An entry of a job's log."""
    return schemas.JobLogLine(
        seq=event.seq,
        time=rfc3339(event.at),
        stream=event.label or "stdout",
        text=event.data.decode("utf-8", "replace"),
        attempt=event.attempt,
    )


def explanation(value: views.Explanation) -> schemas.Explanation:
    """Why a job is where it is."""
    return schemas.Explanation(
        job_id=value.job_id,
        status=value.status.value,
        summary=value.summary,
        position=value.position,
        waiting_for=value.waiting_for,
        reasons=list(value.reasons),
        next_steps=list(value.next_steps),
        worker_log=list(value.worker_log),
    )
