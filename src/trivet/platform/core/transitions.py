"""The life of a job, as pure functions from one state to the next.

::

    queued ──claim──▶ running ──finish──▶ succeeded | failed
      │  ▲               │
      │  └──retry────────┤ (its policy tries this error again, attempts are left, nothing was streamed yet)
      │                  ├──lose────────▶ failed     (the worker died)
      │                  ├──stop────────▶ cancelled  (a cancel was asked for, and the worker has stopped)
      │                  └──stop────────▶ timed_out  (over the execution timeout)
      ├──cancel──▶ cancelled
      └──expire──▶ timed_out (over the time to live)

A claim is a lease: it carries an attempt number and a token, and whoever wants to report must show both. What comes late
or twice changes nothing: the functions then return None (nothing to do) instead of a job.

A job that failed though its policy would have tried it again, had there been attempts or time left, is a *dead letter*: it is
kept longer than others, listed, and can be replayed.
"""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter

from trivet.platform.core.jobs import EXECUTION_TIMEOUT, OUT_OF_MEMORY, WORKER_LOST, Job, JobError, JobStatus, Progress
from trivet.platform.core.payloads import Payload

_values = attrgetter(*(field.name for field in fields(Job)))
_places = {field.name: place for place, field in enumerate(fields(Job))}


def _but(job: Job, **changes: object) -> Job:
    """The job with some things about it changed. As `dataclasses.replace`, in half the time: each call makes two."""
    made = [*_values(job)]
    for name, value_ in changes.items():
        made[_places[name]] = value_
    return Job(*made)


def claim(job: Job, worker_id: str, token: str, now: float, *, begins: bool = True) -> Job | None:
    """The job taken by a worker, or None where it is not there to be taken.

    Args:
        job: the job.
        worker_id: who takes it.
        token: the attempt's.
        now: seconds since the epoch.
        begins: whether it is worked on at once. Otherwise `begin` says when it is.
    """
    if job.status is not JobStatus.QUEUED:
        return None
    return _but(
        job,
        status=JobStatus.RUNNING,
        attempt=job.attempt + 1,
        token=token,
        worker_id=worker_id,
        started_at=now if begins else None,
        retry_at=None,
        progress=None,
        pieces=0,
    )


def is_last_attempt(job: Job, *, ahead: bool = False) -> bool:
    """Whether a job whose worker is lost now is not tried again; ``ahead``: when it will have been claimed once more."""
    attempts = job.attempt + ahead
    return attempts >= job.policy.max_attempts or WORKER_LOST not in job.policy.retry_on


def begin(job: Job, token: str, now: float) -> Job | None:
    """The job once its worker has begun what it took before; None where it had, or the token is stale."""
    return _but(job, started_at=now) if holds(job, token) and job.started_at is None else None


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


def fail(job: Job, token: str, error: JobError, now: float, chance: float = 0.0) -> Job | None:
    """What becomes of a job whose handler failed: it is queued again where its policy says so; None where the token is stale.

    A job that was asked to stop is not tried again: it has failed.
    """
    if not holds(job, token):
        return None
    again = None if job.stop_reason is not None else _try_again(job, error, now, chance)
    return again or _give_up(job, JobStatus.FAILED, error, now)


def report_progress(job: Job, token: str, progress: Progress) -> Job | None:
    """The job with its newest progress; None where the token is stale."""
    return _but(job, progress=progress) if holds(job, token) else None


def add_pieces(job: Job, token: str, count: int) -> Job | None:
    """The job after ``count`` more streamed pieces; None where the token is stale."""
    return _but(job, pieces=job.pieces + count) if holds(job, token) else None


def cancel(job: Job, now: float) -> Job | None:
    """Asks a job to stop: a queued one is cancelled at once, a running one once its worker has stopped.

    None where there is nothing to do: the job is final or was asked already.
    """
    if job.status is JobStatus.QUEUED:
        error = JobError("cancelled", "The job was cancelled while it waited in the queue.")
        return _end(job, JobStatus.CANCELLED, now, error=error)
    if job.status is JobStatus.RUNNING and job.stop_reason is None:
        return _but(job, stop_reason=JobStatus.CANCELLED, stop_asked_at=now)
    return None


def overrun(job: Job, now: float) -> Job | None:
    """Asks a running job to stop that is over its timeout or its time to live; None where it is not, or was asked already."""
    if job.status is not JobStatus.RUNNING or job.stop_reason is not None:
        return None
    deadline = job.deadline
    if (deadline is None or now < deadline) and now < job.expires_at:
        return None
    return _but(job, stop_reason=JobStatus.TIMED_OUT, stop_asked_at=now)


def stop(job: Job, token: str, now: float, chance: float = 0.0) -> Job | None:
    """The job after its worker has confirmed the stop, or was killed for it; None where nobody asked or the token is stale.

    One that was over its execution timeout is queued again where its policy says so.
    """
    if not holds(job, token) or job.stop_reason is None:
        return None
    if job.stop_reason is JobStatus.CANCELLED:
        error = JobError("cancelled", "The job was cancelled while it ran.")
        return _end(job, JobStatus.CANCELLED, now, error=error)
    if job.stop_asked_at is not None and job.stop_asked_at >= job.expires_at:
        return _end(job, JobStatus.TIMED_OUT, now, error=_expired(job))
    error = JobError(
        EXECUTION_TIMEOUT,
        f"The handler ran longer than its timeout of {job.policy.timeout:g} s and was stopped.",
        hint="Raise `timeout=` of the endpoint or of the call, or make the handler faster.",
    )
    return _try_again(job, error, now, chance) or _give_up(job, JobStatus.TIMED_OUT, error, now)


def expire(job: Job, now: float) -> Job | None:
    """A queued job over its time to live has timed out; None where it is not."""
    if job.status is not JobStatus.QUEUED or now < job.expires_at:
        return None
    return _end(job, JobStatus.TIMED_OUT, now, error=_expired(job))


def lose(
    job: Job,
    token: str,
    reason: str,
    worker_log: tuple[str, ...],
    now: float,
    *,
    chance: float = 0.0,
    memory: bool = False,
) -> Job | None:
    """What becomes of a job whose worker is gone; None where the token is stale.

    It is queued again while attempts are left. It is not where somebody asked it to stop (it has stopped), nor where it has
    streamed pieces: a second attempt would double what readers already have.

    Args:
        job: the job as it stands.
        token: the lost attempt's.
        reason: a clause for people, such as "was killed by signal 9 (SIGKILL)".
        worker_log: the worker's last lines.
        now: seconds since the epoch.
        chance: a number in [0, 1) that spreads retries.
        memory: whether the worker was lost because it ran out of memory.
    """
    if not holds(job, token):
        return None
    if job.stop_reason is not None:
        return stop(job, token, now, chance)
    code = OUT_OF_MEMORY if memory else WORKER_LOST
    if job.pieces:
        message = f"The worker {reason} after {job.pieces} pieces had been streamed; a new attempt would repeat them."
        hint = "Call again to start the stream anew."
    else:
        times = "once" if job.attempt == 1 else f"{job.attempt} times"
        message = f"The worker {reason}. The job was tried {times}, which is its limit."
        hint = "Read the worker's last lines; a handler that exits, crashes or uses too much memory takes its worker along."
    if memory:
        hint = "Raise `memory=` of the endpoint, or let the handler hold less at a time."
    error = JobError(code, message, worker_log=worker_log, hint=hint)
    return _try_again(job, error, now, chance) or _give_up(job, JobStatus.FAILED, error, now)


def _try_again(job: Job, error: JobError, now: float, chance: float) -> Job | None:
    """The job queued for its next attempt, where its policy wants one and there may be one."""
    if job.pieces or job.attempt >= job.policy.max_attempts or not job.policy.retries(error):
        return None
    wait = job.policy.delay(job.attempt, chance)
    if now + wait >= job.expires_at:  # it could only expire, and what was wrong with it would be forgotten
        return None
    return _queue_again(job, job.attempt, now, retry_at=now + wait if wait > 0 else None)


def _give_up(job: Job, status: JobStatus, error: JobError, now: float) -> Job:
    dead = job.stop_reason is not JobStatus.CANCELLED and job.policy.retries(error)
    return _end(job, status, now, error=error, is_dead_letter=dead)


def hand_back(job: Job, token: str, now: float, *, pause: float = 0.0) -> Job | None:
    """The job queued again by a worker that had not begun it, so that the attempt does not count; None where the token is stale.

    ``pause``: seconds before it may be tried again.
    """
    if not holds(job, token):
        return None
    if job.stop_reason is not None:
        return stop(job, token, now)
    return _queue_again(job, job.attempt - 1, now, retry_at=now + pause if pause > 0 else None)


def _queue_again(job: Job, attempt: int, now: float, retry_at: float | None = None) -> Job:
    return _but(
        job,
        status=JobStatus.QUEUED,
        attempt=attempt,
        token=None,
        worker_id=None,
        started_at=None,
        queued_at=now,
        stop_reason=None,
        stop_asked_at=None,
        retry_at=retry_at,
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
    is_dead_letter: bool = False,
) -> Job:
    return _but(
        job,
        status=status,
        finished_at=now,
        forget_at=now + job.policy.kept(is_dead_letter=is_dead_letter),
        is_dead_letter=is_dead_letter,
        retry_at=None,
        token=None,
        output=output,
        error=error,
        pieces=job.pieces if pieces is None else pieces,
    )
