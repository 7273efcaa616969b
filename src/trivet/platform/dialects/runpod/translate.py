"""Both ways: RunPod's bodies to calls, and jobs to its documents. Nothing is decided here.

Payloads go through byte for byte. One is only looked into where it seems to hold a number that its worker could not read.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from trivet.platform.core.calls import CallOptions
from trivet.platform.core.errors import BadRequest, InvalidJson
from trivet.platform.core.jobs import (
    HANDLER_ERROR,
    RETRYABLE,
    Job,
    JobError,
    JobEvent,
    JobStatus,
    Priority,
    Progress,
)
from trivet.platform.core.payloads import JSON, Payload
from trivet.platform.core.takes import own_name
from trivet.platform.core.views import CancelOutcome, Explanation, Health, JobView
from trivet.platform.core.workers import WorkerState
from trivet.platform.dialects.runpod import schemas
from trivet.platform.wire import documents
from trivet.platform.wire.media import output_type

STATUSES: Mapping[JobStatus, schemas.JobStatus] = {
    JobStatus.QUEUED: "IN_QUEUE",
    JobStatus.RUNNING: "IN_PROGRESS",
    JobStatus.SUCCEEDED: "COMPLETED",
    JobStatus.FAILED: "FAILED",
    JobStatus.CANCELLED: "CANCELLED",
    JobStatus.TIMED_OUT: "TIMED_OUT",
}
LEAST_TIMEOUT, LONGEST_TIME = 5_000, 604_800_000
"""Milliseconds that a job may run: the least and the most that can be set. The most is that of its time to live, too."""
_LEAST_TTL = 10_000
_NULL = b"null"
_encode = msgspec.json.Encoder().encode

# -- what callers send --------------------------------------------------------------------------------------------------


def read_submission(body: bytes, usual: CallOptions) -> tuple[Payload, CallOptions]:
    """The input in the body of a call, byte for byte, and what the body says about the call.

    Args:
        body: as it came.
        usual: the options of a call that says nothing; such a call gets this very object.

    Raises:
        BadRequest: the body is no JSON object with an ``input``, or something beside that can't be read.
    """
    try:
        found = documents.decode_as(body, schemas.Submission)
    except InvalidJson as error:
        hint = _INPUT_HINT if error.hint == documents.SEND_JSON else error.hint
        raise InvalidJson(error.detail, hint=hint) from None
    except BadRequest:
        raise BadRequest("The body is not a JSON object.", hint=_INPUT_HINT) from None
    if isinstance(found.input, UnsetType):
        raise BadRequest("The body has no field `input`.", hint=_INPUT_HINT)
    data = bytes(found.input)
    fault = endless_number(data)
    if fault is not None:
        raise fault
    payload = Payload(JSON, len(data), data)
    webhook, policy, s3_config = _given(found.webhook), _given(found.policy), _given(found.s3_config)
    if webhook is None and policy is None and s3_config is None:
        return payload, usual
    options = usual
    if policy is not None:
        options = _with_policy(options, policy)
    aside: list[bytes] = []
    if webhook is not None:
        url = documents.decode(webhook)
        if not isinstance(url, str):
            raise BadRequest("`webhook` must be a text, the URL that is told of the job's end.")
        if url:
            options = replace(options, webhook=url)
            aside.append(b'"webhook":%b' % webhook)
    if s3_config is not None:
        if not isinstance(documents.decode(s3_config), dict):
            raise BadRequest("`s3Config` must be an object with the bucket that the worker may write to.")
        aside.append(b'"s3Config":%b' % s3_config)
    return payload, replace(options, aside=b"{%b}" % b",".join(aside)) if aside else options


def endless_number(data: bytes) -> BadRequest | None:
    """Why workers could not read an input: it holds an integer of so many digits that Python refuses it. None: they can.

    Args:
        data: sound JSON.
    """
    if _ENDLESS not in data.translate(_AS_DIGITS):  # several times as fast as any expression
        return None
    # not decoded for that: nobody else would have the interpreter meanwhile
    if any(not found[0].startswith(b'"') for found in _STRINGS_AND_ENDLESS.finditer(data)):
        limit = sys.int_info.default_max_str_digits
        return BadRequest(
            f"The input holds a number of more than {limit} digits, which Python does not read.",
            hint="Send it as text.",
        )
    return None


_AS_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_ENDLESS = b"0" * (sys.int_info.default_max_str_digits + 1)
_STRINGS_AND_ENDLESS = re.compile(
    rb'"(?:[^"\\]++|\\.)*+"|(?<![0-9.eE+-])-?[0-9]{%d,}+(?![.eE])' % len(_ENDLESS), re.DOTALL
)
"""Strings, to be passed over, and integers that are too long."""
_INPUT_HINT = 'Send `{"input": …}`: what stands in `input` is what the handler gets.'


def _given(raw: Raw | UnsetType) -> bytes | None:
    """A field's JSON; None where it is not there, or null."""
    if isinstance(raw, UnsetType):
        return None
    data = bytes(raw)
    return None if data == _NULL else data


def _with_policy(options: CallOptions, data: bytes) -> CallOptions:
    policy = documents.decode(data)
    if not isinstance(policy, dict):
        raise BadRequest("`policy` must be an object.", hint="It may have `executionTimeout`, `ttl` and `lowPriority`.")
    low = policy.get("lowPriority")
    if low is not None and not isinstance(low, bool):
        raise BadRequest("`policy.lowPriority` must be true or false.")
    timeout = _milliseconds(policy, "executionTimeout", LEAST_TIMEOUT)
    ttl = _milliseconds(policy, "ttl", _LEAST_TTL)
    return replace(
        options,
        timeout=options.timeout if timeout is None else timeout / 1000,
        ttl=options.ttl if ttl is None else ttl / 1000,
        priority=Priority.LOW if low else options.priority,
    )


def _milliseconds(policy: Mapping[str, Any], name: str, least: int) -> float | None:
    value = policy.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= LONGEST_TIME:
        given = _encode(value)[:40].decode("utf-8", "replace")
        raise BadRequest(
            f"`policy.{name}` must be a number of milliseconds from {least} to {LONGEST_TIME}, not {given}.",
            hint=f"{least} is {least // 1000} seconds, {LONGEST_TIME} is seven days.",
        )
    return float(value)


# -- jobs ---------------------------------------------------------------------------------------------------------------


def document(view: JobView, now: float, output: bytes | None = None) -> schemas.JobDocument:
    """A job's document.

    Args:
        view: the job as its reader may see it.
        now: seconds since the epoch.
        output: the bytes of its output; None: the document goes without.
    """
    job = view.job
    found = schemas.JobDocument(
        id=job.first_id, status=STATUSES[job.status], retries=job.attempt if _waits(job) else max(0, job.attempt - 1)
    )
    if job.is_final:
        # strict clients want all five on a final document, also where there is nothing to tell
        found.delay_time = round(job.queued_ms or 0)
        found.execution_time = round(job.duration_ms or 0)
        found.worker_id = own_name(job.worker_id or "")
        if job.output is not None and output is not None and job.status is JobStatus.SUCCEEDED:
            found.output = result(job.output, output)
        if job.status in RETRYABLE:
            found.error = error_text(job)
        return found
    if job.started_at is not None:
        found.delay_time = round(job.queued_ms or 0)
        found.execution_time = max(0, round((now - job.started_at) * 1000))
    if job.worker_id is not None:
        found.worker_id = own_name(job.worker_id)
    if job.progress is not None:
        found.output = progress(job.progress)
    return found


def _waits(job: Job) -> bool:
    return job.status is JobStatus.QUEUED


def result(output: Payload, data: bytes) -> Raw | UnsetType:
    """An output as JSON: its bytes as they are, or a ``data:`` URL where they are something else.

    An empty text that calls itself JSON is no output at all: a handler that gave none, or pieces too many to be kept.
    """
    if output.is_json:
        return Raw(data) if data else UNSET
    return Raw(data_url(output.content_type, data))


def data_url(content_type: str, data: bytes) -> bytes:
    """Any bytes as a JSON text: ``"data:image/png;base64,…"``."""
    return _encode(f"data:{output_type(content_type).decode()};base64,{base64.b64encode(data).decode()}")


def progress(value: Progress) -> Raw:
    """What a job that runs has reported last."""
    if value.detail is not None:
        return Raw(value.detail)
    return Raw(_encode({"progress": value.fraction, "message": value.message}))


def error_text(job: Job) -> str:
    """Why a job failed, the way RunPod's workers say it.

    An exception is a JSON text, as callers have learnt to parse it. What a handler said itself stays as it said it; what the
    platform has to say comes with what to do next.
    """
    error = job.error or JobError(job.status.value, "The job failed.")
    if error.type is not None or error.traceback is not None:
        kind = error.type or "Exception"
        return _encode(
            {
                "error_type": kind if kind.startswith("<") else f"<class '{kind}'>",
                "error_message": error.message,
                "error_traceback": error.traceback or "",
                "worker_id": own_name(job.worker_id or ""),
            }
        ).decode()
    if error.code == HANDLER_ERROR:
        return error.message
    # some messages end with a line of the worker's log, and none of those with a full stop
    message = error.message if error.message.endswith((".", "!", "?")) else f"{error.message}."
    return f"{message} {error.hint}" if error.hint else error.message


def has_vanished(job: Job) -> bool:
    """Whether a job is gone for RunPod's callers: its time to live ended while it ran."""
    return (
        job.status is JobStatus.TIMED_OUT
        and job.started_at is not None
        and job.error is not None
        and job.error.code == "ttl_expired"
    )


def wants_explaining(job: Job, now: float, patience: float) -> bool:
    """Whether a job's document says more than its status: it has waited for ``patience`` seconds, or did not succeed."""
    return job.status in RETRYABLE or (_waits(job) and now - job.created_at >= patience)


def explanation(value: Explanation) -> str:
    """Why a job is where it is, in a few sentences. Why it failed stands in its error already."""
    said = value.next_steps if value.status in RETRYABLE else (*value.reasons[:2], *value.next_steps[:1])
    return " ".join((value.summary, *said))


def cancellation(outcome: CancelOutcome) -> schemas.Cancellation:
    """What became of a cancel."""
    job = outcome.view.job
    return schemas.Cancellation(
        job.first_id,
        STATUSES[job.status],
        round(job.queued_ms or 0),
        round(job.duration_ms or 0),
        "" if job.status is JobStatus.CANCELLED else outcome.detail,
    )


# -- streams ------------------------------------------------------------------------------------------------------------


def stream_page(status: JobStatus, pieces: Sequence[JobEvent]) -> schemas.StreamPage:
    """Pieces of a stream."""
    return schemas.StreamPage(STATUSES[status], [chunk(piece) for piece in pieces])


def chunk(piece: JobEvent) -> schemas.Chunk:
    """One piece."""
    if piece.label in ("", JSON):
        return schemas.Chunk(Raw(piece.data or _NULL))
    return schemas.Chunk(Raw(data_url(piece.label, piece.data)))


# -- endpoints ----------------------------------------------------------------------------------------------------------


def health(value: Health) -> schemas.Health:
    """How an endpoint does."""
    jobs = value.jobs
    return schemas.Health(
        schemas.JobCounts(
            completed=jobs.get(JobStatus.SUCCEEDED, 0),
            failed=jobs.get(JobStatus.FAILED, 0) + jobs.get(JobStatus.TIMED_OUT, 0),
            in_progress=jobs.get(JobStatus.RUNNING, 0),
            in_queue=jobs.get(JobStatus.QUEUED, 0),
            retried=value.retried,
        ),
        worker_counts(value.workers),
    )


def worker_counts(workers: Mapping[WorkerState, int]) -> schemas.WorkerCounts:
    """The workers of an endpoint. One that drains still works for its endpoint, and counts as running."""
    idle = workers.get(WorkerState.IDLE, 0)
    return schemas.WorkerCounts(
        idle=idle,
        initializing=workers.get(WorkerState.INITIALIZING, 0),
        ready=idle,
        running=workers.get(WorkerState.RUNNING, 0) + workers.get(WorkerState.DRAINING, 0),
        throttled=workers.get(WorkerState.THROTTLED, 0),
        unhealthy=workers.get(WorkerState.UNHEALTHY, 0),
    )
