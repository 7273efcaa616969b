"""Tallies: how the jobs of each version ended, so that a new version can be judged beside the one before it."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from trivet.platform.core.jobs import Job, JobStatus
from trivet.platform.core.views import Tally
from trivet.platform.ports.clock import Clock
from trivet.platform.services.endpoints import Endpoints

LATEST = 500
"""Jobs of a version whose durations are remembered."""


@dataclass(slots=True, eq=False)
class _Count:
    since: float
    ended: Counter[JobStatus] = field(default_factory=Counter)
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=LATEST))


class Tallies:
    """Counts ends of jobs by version, in memory: since the platform started, or since the version's first job after that.

    The jobs themselves stand in the store; this is the answer to "how does it do now" that costs a call next to nothing.
    """

    def __init__(self, endpoints: Endpoints, clock: Clock) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._counts: dict[str, _Count] = {}
        endpoints.on_change(self._forget_removed)

    def ended(self, job: Job) -> None:
        """Counts a job that has ended; to be called once for each."""
        count = self._counts.get(job.version_id)
        if count is None:
            if self._endpoints.version(job.version_id) is None:  # deleted: nobody will ask
                return
            count = self._counts[job.version_id] = _Count(self._clock())
        count.ended[job.status] += 1
        if job.status is JobStatus.SUCCEEDED and job.duration_ms is not None:
            count.durations.append(job.duration_ms)

    def of(self, version_id: str) -> Tally:
        """How the jobs of a version have ended."""
        count = self._counts.get(version_id)
        if count is None:
            return Tally()
        return Tally(count.since, dict(count.ended), tuple(sorted(count.durations)))

    def _forget_removed(self, endpoint_id: str) -> None:
        if self._endpoints.by_id(endpoint_id) is None:
            for version_id in [v for v in self._counts if self._endpoints.version(v) is None]:
                del self._counts[version_id]
