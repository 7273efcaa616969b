"""The life of a job, as values and pure functions.

::

    queued ──claim──▶ running ──finish──▶ succeeded | failed
      │  ▲               │
      │  └──lose─────────┤ (the worker died, attempts are left, nothing was streamed yet)
      │                  ├──lose────────▶ failed     (no attempts left)
      │                  ├──stop────────▶ cancelled  (a cancel was asked for, and the worker has stopped)
      │                  └──stop────────▶ timed_out  (over the execution timeout)
      ├──cancel──▶ cancelled
      └──expire──▶ timed_out (over the time to live)

A claim is a lease: it carries an attempt number and a token, and whoever wants to report must show both. What comes late
or twice changes nothing: the functions then return None (nothing to do) instead of a job.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from trivet.platform.core.payloads import Payload


class JobStatus(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.TIMED_OUT})
OPEN = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """The limits of one job, fixed when it is submitted.

    ``timeout``: seconds that one attempt may run. ``ttl``: seconds from submit until the job must be final.
    ``max_attempts``: how many workers may be lost to it before it fails.
    """

    timeout: float = 600.0
    ttl: float = 86_400.0
    max_attempts: int = 3


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job did not succeed.

    ``code`` is stable (``handler_error``, ``worker_lost``, ``execution_timeout``, …), ``message`` a sentence, ``hint``
    what to do next; ``type`` and ``traceback`` are the handler's own; ``worker_log`` the worker's last lines.
    """

    code: str
    message: str
    type: str | None = None
    traceback: str | None = None
    worker_log: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the handler says it is: ``fraction`` from 0 to 1, or None, and its own words."""

    fraction: float | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One call, from submit to result. Times are seconds since the epoch.

    ``attempt`` counts the claims so far; ``token`` is the running attempt's, ``worker_id`` its worker's. ``pieces`` counts
    what was streamed. ``stop_reason`` is the status that a running job will have once its worker has stopped, set by a
    cancel or a timeout.
    """

    id: str
    endpoint_id: str
    version_id: str
    account_id: str
    input: Payload
    policy: JobPolicy
    created_at: float
    status: JobStatus = JobStatus.QUEUED
    attempt: int = 0
    token: str | None = None
    worker_id: str | None = None
    queued_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    stop_reason: JobStatus | None = None
    stop_asked_at: float | None = None
    pieces: int = 0
    progress: Progress | None = None
    output: Payload | None = None
    error: JobError | None = None

    @property
    def is_final(self) -> bool:
        """Whether the job has ended: nothing about it changes any more."""
        return self.status in FINAL

    @property
    def queued_ms(self) -> float | None:
        """Milliseconds from submit to the start of the last attempt; None before it started."""
        return None if self.started_at is None else max(0.0, (self.started_at - self.created_at) * 1000)

    @property
    def duration_ms(self) -> float | None:
        """Milliseconds that the last attempt took; None while there is none to tell of."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(0.0, (self.finished_at - self.started_at) * 1000)

    @property
    def deadline(self) -> float | None:
        """When the running attempt is over its timeout; None while the job does not run."""
        return (
            None
            if self.status is not JobStatus.RUNNING or self.started_at is None
            else self.started_at + self.policy.timeout
        )

    @property
    def expires_at(self) -> float:
        """When the job's time to live ends."""
        return self.created_at + self.policy.ttl


def claim(job: Job, worker_id: str, token: str, now: float) -> Job | None:
    """The job taken by a worker, or None where it is not there to be taken."""
    if job.status is not JobStatus.QUEUED:
        return None
    return replace(
        job,
        status=JobStatus.RUNNING,
        attempt=job.attempt + 1,
        token=token,
        worker_id=worker_id,
        started_at=now,
        progress=None,
        pieces=0,
    )


def holds(job: Job, token: str) -> bool:
    """Whether ``token`` is the one of the attempt that runs now: only its holder may report."""
    return job.status is JobStatus.RUNNING and job.token == token


def succeed(job: Job, token: str, output: Payload, now: float, pieces: int | None = None) -> Job | None:
    """The job with its result; None where the token is stale.

    A job that was asked to stop and finished first has succeeded: the cancel did not take.
    """
    if not holds(job, token):
        return None
    return _end(job, JobStatus.SUCCEEDED, now, output=output, pieces=job.pieces if pieces is None else pieces)


def fail(job: Job, token: str, error: JobError, now: float) -> Job | None:
    """The job failed by its handler's own doing; None where the token is stale."""
    return _end(job, JobStatus.FAILED, now, error=error) if holds(job, token) else None


def report_progress(job: Job, token: str, progress: Progress) -> Job | None:
    """The job with its newest progress; None where the token is stale."""
    return replace(job, progress=progress) if holds(job, token) else None


def add_pieces(job: Job, token: str, count: int) -> Job | None:
    """The job after ``count`` more streamed pieces; None where the token is stale."""
    return replace(job, pieces=job.pieces + count) if holds(job, token) else None


def cancel(job: Job, now: float) -> Job | None:
    """Asks a job to stop: a queued one is cancelled at once, a running one once its worker has stopped.

    None where there is nothing to do: the job is final or was asked already.
    """
    if job.status is JobStatus.QUEUED:
        error = JobError("cancelled", "The job was cancelled while it waited in the queue.")
        return _end(job, JobStatus.CANCELLED, now, error=error)
    if job.status is JobStatus.RUNNING and job.stop_reason is None:
        return replace(job, stop_reason=JobStatus.CANCELLED, stop_asked_at=now)
    return None


def overrun(job: Job, now: float) -> Job | None:
    """Asks a running job to stop that is over its timeout or its time to live; None where it is not, or was asked already."""
    if job.status is not JobStatus.RUNNING or job.stop_reason is not None:
        return None
    deadline = job.deadline
    if (deadline is None or now < deadline) and now < job.expires_at:
        return None
    return replace(job, stop_reason=JobStatus.TIMED_OUT, stop_asked_at=now)


def stop(job: Job, token: str, now: float) -> Job | None:
    """The job after its worker has confirmed the stop, or was killed for it; None where nobody asked or the token is stale."""
    if not holds(job, token) or job.stop_reason is None:
        return None
    if job.stop_reason is JobStatus.CANCELLED:
        error = JobError("cancelled", "The job was cancelled while it ran; its worker has stopped working on it.")
    elif job.stop_asked_at is not None and job.stop_asked_at >= job.expires_at:
        error = _expired(job)
    else:
        error = JobError(
            "execution_timeout",
            f"The handler ran longer than its timeout of {job.policy.timeout:g} s and was stopped.",
            hint="Raise `timeout=` of the endpoint or of the call, or make the handler faster.",
        )
    return _end(job, job.stop_reason, now, error=error)


def expire(job: Job, now: float) -> Job | None:
    """A queued job over its time to live has timed out; None where it is not."""
    if job.status is not JobStatus.QUEUED or now < job.expires_at:
        return None
    return _end(job, JobStatus.TIMED_OUT, now, error=_expired(job))


def lose(job: Job, token: str, reason: str, worker_log: tuple[str, ...], now: float) -> Job | None:
    """What becomes of a job whose worker is gone; None where the token is stale.

    It is queued again while attempts are left. It is not where somebody asked it to stop (it has stopped), nor where it has
    streamed pieces: a second attempt would double what readers already have.

    Args:
        job: the job as it stands.
        token: the lost attempt's.
        reason: a clause for people, such as "was killed by signal 9 (SIGKILL)".
        worker_log: the worker's last lines.
        now: seconds since the epoch.
    """
    if not holds(job, token):
        return None
    if job.stop_reason is not None:
        return stop(job, token, now)
    if job.pieces:
        error = JobError(
            "worker_lost",
            f"The worker {reason} after {job.pieces} pieces had been streamed; a new attempt would repeat them.",
            worker_log=worker_log,
            hint="Call again to start the stream anew.",
        )
        return _end(job, JobStatus.FAILED, now, error=error)
    if job.attempt >= job.policy.max_attempts:
        times = "once" if job.attempt == 1 else f"{job.attempt} times"
        error = JobError(
            "worker_lost",
            f"The worker {reason}. The job was tried {times}, which is its limit.",
            worker_log=worker_log,
            hint="Read the worker's last lines; a handler that exits, crashes or uses too much memory takes its worker along.",
        )
        return _end(job, JobStatus.FAILED, now, error=error)
    return _queue_again(job, job.attempt, now)


def hand_back(job: Job, token: str, now: float) -> Job | None:
    """The job queued again by a worker that is leaving and had not begun it, so that the attempt does not count; None where
    the token is stale.
    """
    if not holds(job, token):
        return None
    if job.stop_reason is not None:
        return stop(job, token, now)
    return _queue_again(job, job.attempt - 1, now)


def _queue_again(job: Job, attempt: int, now: float) -> Job:
    return replace(
        job,
        status=JobStatus.QUEUED,
        attempt=attempt,
        token=None,
        worker_id=None,
        started_at=None,
        queued_at=now,
        progress=None,
        pieces=0,
    )


def recover(job: Job, now: float) -> Job:
    """An open job as it was found on disk after the server itself had died: every attempt is stale by definition."""
    if job.status is not JobStatus.RUNNING or job.token is None:
        return job
    return lose(job, job.token, "was lost when the server stopped", (), now) or job


def discard(job: Job, error: JobError, now: float) -> Job | None:
    """A queued job that can never run (its endpoint was deleted, say) has failed; None where it is not queued."""
    return _end(job, JobStatus.FAILED, now, error=error) if job.status is JobStatus.QUEUED else None


def _expired(job: Job) -> JobError:
    return JobError(
        "ttl_expired",
        f"The job was not finished within its time to live of {job.policy.ttl:g} s.",
        hint="Raise `ttl=` of the call, or give the endpoint more workers.",
    )


def _end(
    job: Job,
    status: JobStatus,
    now: float,
    *,
    output: Payload | None = None,
    error: JobError | None = None,
    pieces: int | None = None,
) -> Job:
    return replace(
        job,
        status=status,
        finished_at=now,
        token=None,
        output=output,
        error=error,
        pieces=job.pieces if pieces is None else pieces,
    )


class EventKind(StrEnum):
    """What an event of a job carries."""

    PIECE = "piece"
    PROGRESS = "progress"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One entry of a job's log. ``seq`` counts from 1 within the job and never repeats; ``data`` is the piece or text as it came.

    ``label`` is the piece's content type, the log's stream (``stdout``, ``stderr``), or empty.
    """

    job_id: str
    seq: int
    attempt: int
    kind: EventKind
    at: float
    data: bytes
    label: str = ""
