"""Scaling: brings the number of each version's workers to what the policy says."""

from __future__ import annotations

from dataclasses import replace

from trivet.platform.core.endpoints import Version, VersionState
from trivet.platform.core.scaling import ScalingDecision, ScalingPolicy, ScalingRule, ScalingSample, decide
from trivet.platform.ports.clock import Clock
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.live import Seat
from trivet.platform.services.workers import Workers

_SUPERSEDED_IDLE = 1.0
"""Seconds that an idle worker of a version lives that no call gets without naming it."""


class Scaling:
    """One tick looks at every version that has jobs, workers or a minimum; a waiting job is looked at at once."""

    def __init__(self, *, dispatcher: Dispatcher, workers: Workers, endpoints: Endpoints, clock: Clock) -> None:
        self._board = dispatcher.board
        self._workers = workers
        self._endpoints = endpoints
        self._clock = clock
        self._closed = False
        dispatcher.claims.on_demand = self._demand
        workers.on_change = self.adjust

    def close(self) -> None:
        """Starts nothing from now on."""
        self._closed = True

    def tick(self) -> None:
        """Adjusts every version that may need it."""
        versions = set(self._board.waiting_versions())
        versions.update(self._workers.register.version_ids())
        versions.update(self._endpoints.warm_versions())
        for version_id in versions:
            self.adjust(version_id)

    def _demand(self, version_id: str) -> None:
        """A job waits. By queue delay one behind others, at a worker, changes nothing before its time, which the tick sees."""
        if self._board.pressing(version_id) > 1 and self._board.is_served(version_id):
            version = self._endpoints.version(version_id)
            endpoint = self._endpoints.by_id(version.endpoint_id) if version is not None else None
            if endpoint is not None and endpoint.scaling.rule is ScalingRule.QUEUE_DELAY:
                return
        self.adjust(version_id)

    def adjust(self, version_id: str) -> None:
        """Brings one version's workers to what its policy says."""
        version = self._endpoints.version(version_id)
        if version is None or version.state is not VersionState.READY:
            for worker_id in self._workers.register.ids_of(version_id):
                self._workers.stop(worker_id)
            return
        if self._closed:
            return
        decision = decide(self._policy(version), self.sample(version))
        self._apply(version, decision)

    def sample(self, version: Version) -> ScalingSample:
        """What the version's queue and its workers on this platform look like now. Those elsewhere are others' to count."""
        now = self._clock()
        here = self._here(version.id)
        seats = [seat for seat in here if seat.taking]
        idle = tuple(now - seat.idle_since for seat in seats if seat.idle_since is not None)
        return ScalingSample(
            queued=self._board.pressing(version.id),
            running=sum(len(seat.held) + len(seat.ahead) for seat in here),
            oldest_wait=self._board.oldest_wait(version.id),
            starting=self._workers.register.starting(version.id),
            ready=len(seats),
            idle_for=idle,
            slots=version.settings.slots,
            blocked=self._workers.starts.is_paused(version.id),
        )

    def _here(self, version_id: str) -> list[Seat]:
        return [seat for seat in self._board.seats(version_id) if not self._workers.register.is_remote(seat.worker_id)]

    def _policy(self, version: Version) -> ScalingPolicy:
        endpoint = self._endpoints.by_id(version.endpoint_id)
        if endpoint is None:
            return ScalingPolicy(minimum=0, maximum=1)
        if endpoint.serves(version.id):
            return endpoint.scaling
        return replace(endpoint.scaling, minimum=0, idle_timeout=min(endpoint.scaling.idle_timeout, _SUPERSEDED_IDLE))

    def _apply(self, version: Version, decision: ScalingDecision) -> None:
        for _ in range(decision.start):
            self._workers.start(version)
        if decision.stop:
            seats = [s for s in self._here(version.id) if s.taking and s.idle_since is not None]
            seats.sort(key=lambda seat: seat.idle_since or 0.0)
            for seat in seats[: decision.stop]:
                self._workers.stop(seat.worker_id)
