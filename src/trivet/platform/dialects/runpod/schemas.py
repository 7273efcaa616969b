"""RunPod's documents, in its own spelling."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

JobStatus = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]


class Submission(msgspec.Struct, frozen=True, rename="camel"):
    """The body of ``run`` and ``runsync``. Whatever else stands in it is dropped; nothing in ``input`` is looked at."""

    input: Raw | UnsetType = UNSET
    webhook: Raw | UnsetType = UNSET
    policy: Raw | UnsetType = UNSET
    s3_config: Raw | UnsetType = UNSET


class JobDocument(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A job. Times in milliseconds; ``explain`` is ours: why it waits or why it failed, and what to do."""

    id: str
    status: JobStatus
    delay_time: int | UnsetType = UNSET
    execution_time: int | UnsetType = UNSET
    worker_id: str | UnsetType = UNSET
    output: Raw | UnsetType = UNSET
    error: str | UnsetType = UNSET
    retries: int = 0
    explain: str | UnsetType = UNSET


class Accepted(msgspec.Struct, frozen=True):
    """A job that has just been queued."""

    id: str
    status: JobStatus


class Cancellation(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What became of a cancel: the job as it stands. ``explain`` where it is not cancelled."""

    id: str
    status: JobStatus
    delay_time: int
    execution_time: int
    explain: str = ""


class Chunk(msgspec.Struct, frozen=True):
    """One piece of a stream."""

    output: Raw


class StreamPage(msgspec.Struct, frozen=True):
    """The pieces that have not been read before. A final status says that there are no more."""

    status: JobStatus
    stream: list[Chunk]


class Purged(msgspec.Struct, frozen=True):
    """How many jobs were taken out of the queue."""

    removed: int
    status: Literal["completed"] = "completed"


class JobCounts(msgspec.Struct, frozen=True, rename="camel"):
    """Jobs by what became of them."""

    completed: int
    failed: int
    in_progress: int
    in_queue: int
    retried: int


class WorkerCounts(msgspec.Struct, frozen=True):
    """Workers by what they do. Those that are ready are the idle ones."""

    idle: int
    initializing: int
    ready: int
    running: int
    throttled: int
    unhealthy: int


class Health(msgspec.Struct, frozen=True):
    """How an endpoint does."""

    jobs: JobCounts
    workers: WorkerCounts


class Metrics(msgspec.Struct, frozen=True, rename="camel"):
    """The workers of an endpoint, and the ids of those that wait for a job."""

    workers: WorkerCounts
    ready_workers: list[str]


class Requests(msgspec.Struct, frozen=True):
    """The newest jobs, without their outputs."""

    requests: list[JobDocument]


class Fault(msgspec.Struct, frozen=True):
    """Every error."""

    error: str
