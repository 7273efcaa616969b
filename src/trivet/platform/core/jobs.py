"""The life of a job, as values and pure functions.

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

A job that failed or timed out can be tried again by hand: `retry` makes a new job like it, which remembers the first one's id, so
that who knows that id finds the newest. The first stays what it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import IntEnum, StrEnum
from operator import attrgetter

from trivet.platform.core.bounds import MAX_BACKOFF
from trivet.platform.core.errors import Conflict
from trivet.platform.core.payloads import Payload
from trivet.platform.core.values import value


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
RETRYABLE = frozenset({JobStatus.FAILED, JobStatus.TIMED_OUT})
"""What a job must have come to, to be tried again by hand."""
MOST_RETRIES = 100
"""How often one job can be tried again by hand."""


class Priority(IntEnum):
    """Who goes first in the queue of a version. A job of low priority never makes it scale up."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


WORKER_LOST = "worker_lost"
OUT_OF_MEMORY = "out_of_memory"
"""The worker was lost for its use of memory: a case of `WORKER_LOST`."""
HANDLER_ERROR = "handler_error"
EXECUTION_TIMEOUT = "execution_timeout"
NATIVE = "native"
"""The name of the message format of the platform's own API."""


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """How one job is to be treated, fixed when it is submitted.

    ``timeout``: seconds that one attempt may run. ``ttl``: seconds from submit until the job must be final.
    ``max_attempts``: how often it is tried at most. ``retry_on``: what is tried again: codes of errors (``worker_lost``,
    ``handler_error``, ``execution_timeout``) and types of exceptions, with their module or without. ``backoff``: seconds
    before the second attempt; each further one waits twice as long. ``retention``: seconds that the job can be looked up
    after its end, ``dead_letter_retention`` the same for a dead letter. ``webhook``: the URL that is told of its end,
    ``webhook_format`` how that message is written.
    """

    timeout: float = 600.0
    ttl: float = 86_400.0
    max_attempts: int = 3
    retry_on: tuple[str, ...] = (WORKER_LOST,)
    backoff: float = 0.0
    priority: Priority = Priority.NORMAL
    retention: float = 7 * 86_400.0
    dead_letter_retention: float = 30 * 86_400.0
    webhook: str | None = field(default=None, repr=False)
    webhook_format: str = NATIVE

    def retries(self, error: JobError) -> bool:
        """Whether an attempt that ended with this error is one to try again."""
        named = {error.code}
        if error.code == OUT_OF_MEMORY:
            named.add(WORKER_LOST)
        if error.type is not None:
            module, _, name = error.type.rpartition(".")
            named.update((error.type, name))
            if not module:  # workers leave it out where it is Python's or ours
                named.update((f"builtins.{name}", f"trivet.{name}"))
        return not named.isdisjoint(self.retry_on)

    def delay(self, attempt: int, chance: float) -> float:
        """Seconds to wait after attempt number ``attempt``; ``chance`` in [0, 1) makes it up to a quarter longer, so that
        jobs which failed together do not come back together.
        """
        return min(self.backoff * 2.0 ** min(attempt - 1, 40), MAX_BACKOFF) * (1.0 + chance / 4)


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
    """How far the handler says it is: ``fraction`` from 0 to 1, or None, and its own words. ``detail`` is what it reported as it
    came, a JSON text, where that is more than the two.
    """

    fraction: float | None
    message: str = ""
    detail: bytes | None = None


@value
class Job:
    """One call, from submit to result. Times are seconds since the epoch.

    ``attempt`` counts the claims so far; ``token`` is the running attempt's, ``worker_id`` its worker's. ``pieces`` counts
    what was streamed. ``stop_reason`` is the status that a running job will have once its worker has stopped, set by a
    cancel or a timeout. ``retry_at``: when a queued job may be tried again. ``key_id`` is the API key it was submitted with,
    ``idempotency_key`` what the caller named the call, ``input_digest`` the input's, kept where there is such a key.
    ``aside`` is what its worker gets beside the input, sealed: it may hold credentials.
    ``parent_id``: the job that called it, ``root_id`` the one at the top of that tree of calls; None where nobody's job did.
    ``depth``: how many calls lie between it and that one.
    ``retry_of``: the id of the first job, where this one tries it again, and ``retry_number``, from 1, for which time.
    ``is_dead_letter``: it failed though its policy would have tried it again. ``forget_at``: when a final job is removed.
    ``number`` is an integer of its own, for callers who can keep nothing else; None where none was asked for.
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
    token: str | None = field(default=None, repr=False)
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
    key_id: str | None = None
    idempotency_key: str | None = None
    input_digest: bytes | None = None
    aside: bytes | None = None
    parent_id: str | None = None
    root_id: str | None = None
    depth: int = 0
    retry_of: str | None = None
    retry_number: int = 0
    retry_at: float | None = None
    is_dead_letter: bool = False
    forget_at: float | None = None
    number: int | None = None

    @property
    def webhook(self) -> str | None:
        """The URL that is told of the job's end."""
        return self.policy.webhook

    @property
    def tree_id(self) -> str:
        """The id of the job at the top of the tree of calls that it belongs to; its own where nobody's job called it."""
        return self.root_id or self.id

    @property
    def first_id(self) -> str:
        """The id of the job that this one tries again; its own where it is the first."""
        return self.retry_of or self.id

    @property
    def is_final(self) -> bool:
        """Whether the job has ended: nothing about it changes any more."""
        status = self.status
        return status is not JobStatus.QUEUED and status is not JobStatus.RUNNING

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


def retry(job: Job, fresh: str, version_id: str, payload: Payload, now: float, *, in_tree: bool) -> Job:
    """A new job that tries an ended one again: for the same caller, with the same input, under the same policy.

    It is kept at least as long as a dead letter that it tries again: else that would be all that is known of both in the end.

    Args:
        job: the newest try so far.
        fresh: the new job's id.
        version_id: the version that it goes to.
        payload: the input, which each job has for itself.
        now: seconds since the epoch.
        in_tree: whether it belongs to the tree of calls that ``job`` belongs to, which has not ended.

    Raises:
        Conflict: ``job`` neither failed nor timed out, or it was tried again too often.
    """
    check_retry(job)
    return Job(
        fresh,
        job.endpoint_id,
        version_id,
        job.account_id,
        payload,
        replace(job.policy, retention=_kept(job.policy, is_dead_letter=job.is_dead_letter)),
        created_at=now,
        queued_at=now,
        key_id=job.key_id,
        aside=job.aside,
        parent_id=job.parent_id if in_tree else None,
        root_id=job.root_id if in_tree else None,
        retry_of=job.first_id,
        retry_number=job.retry_number + 1,
    )


def check_retry(job: Job) -> None:
    """Whether a job can be tried again by hand.

    Raises:
        Conflict: it neither failed nor timed out, or it was tried again too often.
    """
    if job.status not in RETRYABLE:
        raise Conflict(
            f"The job {job.first_id} {_STANDS[job.status]}: only one that failed or timed out can be tried again.",
            hint="Call anew with its input.",
        )
    if job.retry_number >= MOST_RETRIES:
        raise Conflict(
            f"The job {job.first_id} was tried again {job.retry_number} times, which is the limit.",
            hint="Call anew with its input.",
        )


_STANDS = {
    JobStatus.QUEUED: "still waits",
    JobStatus.RUNNING: "still runs",
    JobStatus.SUCCEEDED: "has succeeded",
    JobStatus.CANCELLED: "was cancelled",
}


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
        forget_at=now + _kept(job.policy, is_dead_letter=is_dead_letter),
        is_dead_letter=is_dead_letter,
        retry_at=None,
        token=None,
        output=output,
        error=error,
        pieces=job.pieces if pieces is None else pieces,
    )


def _kept(policy: JobPolicy, *, is_dead_letter: bool) -> float:
    """Seconds that a job is kept after its end."""
    return max(policy.retention, policy.dead_letter_retention) if is_dead_letter else policy.retention


class EventKind(StrEnum):
    """What an event of a job carries."""

    PIECE = "piece"
    PROGRESS = "progress"
    LOG = "log"
    INSIGHT = "insight"


@value
class JobEvent:
    """One entry of a job's log. ``seq`` counts from 1 within the job and never repeats; ``data`` is the piece or text as it came.

    ``label`` is the piece's content type, the log's stream (``stdout``, ``stderr``), the insight's name, or empty. ``data`` of an
    insight is its value, a JSON text.
    """

    job_id: str
    seq: int
    attempt: int
    kind: EventKind
    at: float
    data: bytes
    label: str = ""
