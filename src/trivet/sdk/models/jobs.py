"""Jobs, and what is told of them while they run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from trivet.sdk.models.base import Model


class JobStatus(StrEnum):
    """Where a job stands. A string, so that ``job.status == "queued"`` reads as it should."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def final(self) -> bool:
        """Whether nothing will change any more."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Progress(Model):
    """How far a job is: ``fraction`` from 0 to 1 (None where the handler gave none), and what it says."""

    fraction: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class InputFault(Model):
    """One fault of an input: a JSON pointer (empty for the input itself) and a sentence."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class JobFailure(Model):
    """Why a job failed: the handler's exception, its traceback, and the worker's last lines."""

    code: str | None = None
    message: str | None = None
    type: str | None = None
    traceback: str | None = None
    worker_log: Any = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class JobView(Model):
    """A job as it stood when the server was asked.

    ``output`` is there only where it is final, JSON and small; `Job.result` always fetches it.
    """

    id: str
    status: JobStatus
    endpoint: str | None = None
    endpoint_id: str | None = None
    version: str | None = None
    attempts: int = 0
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    queued_ms: float | None = None
    duration_ms: float | None = None
    progress: Progress | None = None
    pieces: int | None = None
    error: JobFailure | None = None
    output: Any = None
    output_type: str | None = None
    output_size: int | None = None
    max_attempts: int | None = None
    priority: str | None = None
    retry_at: datetime | None = None
    dead_letter: bool = False
    kept_until: datetime | None = None
    idempotency_key: str | None = None
    retry_of: str | None = None


@dataclass(frozen=True, slots=True)
class LogLine(Model):
    """Lines that a handler or a worker wrote; ``stream`` is stdout or stderr."""

    text: str
    stream: str = "stdout"
    time: datetime | None = None
    seq: int | None = None
    attempt: int | None = None
    worker_id: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Piece(Model):
    """One piece of a streamed output; ``sequence`` counts from the start of the stream."""

    value: Any
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class StatusChange(Model):
    """The job changed; ``job`` is how it stands now. ``last`` where nothing follows."""

    job: JobView
    last: bool = False


JobEvent = StatusChange | Piece | Progress | LogLine
"""What `Job.events` yields."""


@dataclass(frozen=True, slots=True)
class CancelOutcome(Model):
    """What became of a cancel. True in a condition where the job is cancelled; ``detail`` says what happened."""

    cancelled: bool
    detail: str = ""
    job: JobView | None = None

    def __bool__(self) -> bool:
        return self.cancelled


@dataclass(frozen=True, slots=True)
class Explanation(Model):
    """Why a job stands where it stands, and what to do. ``str()`` is the text for people."""

    job_id: str
    status: JobStatus
    summary: str
    position: int | None = None
    waiting_for: str | None = None
    reasons: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    worker_log: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.job_id}: {self.summary}"]
        lines += [f"  because {reason}" for reason in self.reasons]
        if self.worker_log:
            lines += ["  the worker's last lines:", *(f"    {line}" for line in self.worker_log)]
        lines += [f"  → {step}" for step in self.next_steps]
        return "\n".join(lines)

    def __rich__(self) -> str:
        from rich.markup import escape

        return escape(str(self))

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"
