"""Views: what services hand to the edges to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.jobs import Job, JobStatus
from trivet.platform.core.workers import WorkerState


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with the names that people know it by."""

    job: Job
    endpoint_name: str
    version_number: str


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint with its current version and what it is doing."""

    endpoint: Endpoint
    current: Version | None
    versions: int
    workers: Mapping[WorkerState, int]
    queued: int
    shared_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """Whether a cancel took, and the job as it stands."""

    view: JobView
    cancelled: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a job is where it is, for people.

    ``waiting_for`` is a stable word: ``worker_starting``, ``free_worker``, ``crash_loop``, ``no_such_gpu``, ``quota``,
    ``handler``, or None where it waits for nothing.
    """

    job_id: str
    status: JobStatus
    summary: str
    position: int | None = None
    waiting_for: str | None = None
    reasons: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    worker_log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Counts of an endpoint's jobs and workers. ``oldest_queued_ms`` is None where nothing waits."""

    endpoint_name: str
    jobs: Mapping[JobStatus, int]
    workers: Mapping[WorkerState, int]
    oldest_queued_ms: float | None = None
