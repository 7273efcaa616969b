"""Jobs, their policies and their events, as values. What becomes of them stands in `transitions`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from trivet.platform.core.bounds import MAX_BACKOFF
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

    def kept(self, *, is_dead_letter: bool) -> float:
        """Seconds that a job is kept after its end."""
        return max(self.retention, self.dead_letter_retention) if is_dead_letter else self.retention


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

    @property
    def said(self) -> str:
        """Kind and sentence, as Python says them; an exception without a sentence of its own has its kind for one."""
        return self.message if self.type in {None, self.message} else f"{self.type}: {self.message}"


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
