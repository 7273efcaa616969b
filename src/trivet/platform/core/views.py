"""Views: what services hand to the edges to be shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.jobs import Job, JobStatus
from trivet.platform.core.values import value
from trivet.platform.core.workers import WorkerState


@value
class JobView:
    """A job with the names that people know it by. ``replayed``: it is an earlier job, that of the same idempotency key."""

    job: Job
    endpoint_name: str
    version_number: str
    replayed: bool = False

    @classmethod
    def of(cls, job: Job, endpoint: Endpoint | None, version: Version | None, *, manages: bool) -> JobView:
        """The job for one who may look at it.

        Args:
            job: as it stands.
            endpoint: its endpoint; None where that was deleted, and the id stands in for the name.
            version: its version, likewise.
            manages: whether the one who looks manages the endpoint: a worker's own lines are for those alone.
        """
        error = job.error
        if error is not None and error.worker_log and not manages:
            job = replace(job, error=replace(error, worker_log=()))
        name = endpoint.full_name if endpoint is not None else job.endpoint_id
        return cls(job, name, version.number if version is not None else "")


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint with its current version and what it is doing.

    ``env`` are the names of the variables that the current version's workers find, for who may know; None where nobody can tell.
    """

    endpoint: Endpoint
    current: Version | None
    versions: int
    workers: Mapping[WorkerState, int]
    queued: int
    shared_with: tuple[str, ...] = ()
    canary: ShareView | None = None
    aliases: Sequence[AliasView] = ()
    env: Sequence[str] | None = ()


@dataclass(frozen=True, slots=True)
class ShareView:
    """The number of a version, and how many percent of the calls it gets."""

    version_number: str
    weight: int


@dataclass(frozen=True, slots=True)
class AliasView:
    """A name for versions of an endpoint."""

    name: str
    shares: tuple[ShareView, ...]


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version, how many percent of the unpinned calls it gets, and the aliases that it stands behind."""

    version: Version
    weight: int = 0
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """Whether a cancel took, and the job as it stands."""

    view: JobView
    cancelled: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a job is where it is, for people.

    ``waiting_for`` is a stable word: ``worker_starting``, ``free_worker``, ``crash_loop``, ``no_such_gpu``, ``retry``,
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
    """Counts of an endpoint's jobs and workers. ``oldest_queued_ms`` is None where nothing waits; ``retried`` are the kept jobs
    that were tried more than once.
    """

    endpoint_name: str
    jobs: Mapping[JobStatus, int]
    workers: Mapping[WorkerState, int]
    oldest_queued_ms: float | None = None
    retried: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How jobs of a version ended since the time ``since`` (None: none has).

    ``durations`` are the milliseconds that the latest of those took that succeeded, shortest first.
    """

    since: float | None = None
    ended: Mapping[JobStatus, int] = field(default_factory=dict)
    durations: tuple[float, ...] = field(default=(), repr=False)

    def quantile(self, part: float) -> float | None:
        """The duration that ``part`` (in (0, 1]) of the jobs did not exceed, in milliseconds; None where there is none."""
        count = len(self.durations)
        return self.durations[max(0, math.ceil(part * count) - 1)] if count else None


@dataclass(frozen=True, slots=True)
class VersionHealth:
    """How the jobs of a version do: those that are open, and the tally of those that have ended."""

    endpoint_name: str
    version_number: str
    jobs: Mapping[JobStatus, int]
    tally: Tally
