"""Documents of jobs."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from trivet.platform.dialects.native.schemas.document import Document

Status = Literal["queued", "running", "succeeded", "failed", "cancelled", "timed_out"]
Priority = Literal["high", "normal", "low"]


class Progress(Document):
    """How far the handler says it is: `fraction` from 0 to 1, or null, and its own words."""

    fraction: float | None
    message: str


class JobError(Document):
    """Why a job did not succeed. `worker_log` is told to those who manage the endpoint."""

    code: str
    message: str
    type: str | None = None
    traceback: str | None = None
    worker_log: list[str] = msgspec.field(default_factory=list)
    hint: str = ""


class Job(Document):
    """One call, from submit to result.

    `output` is there where the job has succeeded with JSON of up to 64 KiB. `retry_at` is when a queued job may be tried
    again. A `dead_letter` has failed though its policy would have tried it again. `kept_until` is when it will be forgotten.
    `retry_of` is the first job, where this one tries it again by hand.
    """

    id: str
    status: Status
    endpoint: str
    endpoint_id: str
    version: str
    attempts: int
    max_attempts: int
    priority: Priority
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    queued_ms: float | None = None
    duration_ms: float | None = None
    progress: Progress | None = None
    pieces: int = 0
    error: JobError | None = None
    output: msgspec.Raw | UnsetType = UNSET
    output_type: str | None = None
    output_size: int | None = None
    retry_at: str | None = None
    dead_letter: bool = False
    kept_until: str | None = None
    idempotency_key: str | None = None
    retry_of: str | None = None


class Cancellation(Document):
    """Whether a cancel took, and the job as it stands now."""

    job: Job
    cancelled: bool
    detail: str


class JobLogLine(Document):
    """What a handler printed."""

    seq: int
    time: str
    stream: str
    text: str
    attempt: int


class JobLog(Document):
    """Lines of a job's log; send `next` back as `after` to go on."""

    items: list[JobLogLine]
    next: int | None = None


class JobInsight(Document):
    """A metric that a job has reported: a number, a text, true, false or null."""

    key: str
    value: float | int | str | bool | None
    time: str


class JobInsights(Document):
    """What a job has reported about its own work."""

    items: list[JobInsight]


class Explanation(Document):
    """Why a job is where it is, and what to do next."""

    job_id: str
    status: Status
    summary: str
    position: int | None = None
    waiting_for: str | None = None
    reasons: list[str] = msgspec.field(default_factory=list)
    next_steps: list[str] = msgspec.field(default_factory=list)
    worker_log: list[str] = msgspec.field(default_factory=list)
