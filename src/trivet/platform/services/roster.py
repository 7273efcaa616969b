"""The roster: workers as people see them."""

from __future__ import annotations

from dataclasses import dataclass

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.workers import Worker, WorkerState
from trivet.platform.ports.runtime import Runtime
from trivet.platform.services.board import Board
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.logs import Logs
from trivet.platform.services.register import Entry, Register
from trivet.platform.services.starts import Starts

_COUNTED = (
    WorkerState.INITIALIZING,
    WorkerState.IDLE,
    WorkerState.RUNNING,
    WorkerState.THROTTLED,
    WorkerState.UNHEALTHY,
)


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker with the names that people know, what it is doing, and its last lines."""

    worker: Worker
    endpoint_name: str
    version_number: str
    state: WorkerState
    jobs_done: int
    last_lines: tuple[str, ...]


class Roster:
    """Shows and counts workers.

    Args:
        register: the workers.
        board: what they hold.
        starts: whose starts have to wait.
        endpoints: the catalogue.
        runtime: where they live.
        logs: reads what they wrote.
    """

    def __init__(  # noqa: PLR0917 - what is known about a worker lies in so many places
        self, register: Register, board: Board, starts: Starts, endpoints: Endpoints, runtime: Runtime, logs: Logs
    ) -> None:
        self._register = register
        self._board = board
        self._starts = starts
        self._endpoints = endpoints
        self._runtime = runtime
        self._logs = logs

    def views(self, principal: Principal, reference: EndpointReference | None = None) -> list[WorkerView]:
        """The workers of one endpoint, or of all that the principal manages.

        Raises:
            NotFound, Forbidden: by the one rule of access.
        """
        if reference is not None:
            seen = [self._endpoints.find(principal, reference, Scope.READ)]
        else:
            seen = self._endpoints.visible(principal)
        managed = {endpoint.id for endpoint in seen if self._endpoints.manages(principal, endpoint)}
        return [self._view(entry) for entry in self._register if entry.worker.endpoint_id in managed]

    def counts(self, endpoint_id: str) -> dict[WorkerState, int]:
        """How many workers of an endpoint are in which state."""
        counts = dict.fromkeys(_COUNTED, 0)
        for version in self._endpoints.versions_of(endpoint_id):
            for entry in self._register.entries_of(version.id):
                state = self._state(entry)
                if state in counts:
                    counts[state] += 1
            waits = self._board.queued(version.id) and not self._register.starting(version.id)
            if waits and self._starts.is_paused(version.id):
                counts[WorkerState.THROTTLED] += 1
        return counts

    def _view(self, entry: Entry) -> WorkerView:
        worker = entry.worker
        seat = self._board.seat_of(worker.id)
        jobs_done = seat.jobs_done if seat is not None else 0
        lines = self._logs.readable(entry.version, self._runtime.last_lines(worker.id))
        return WorkerView(worker, entry.endpoint_name, entry.version.number, self._state(entry), jobs_done, lines)

    def _state(self, entry: Entry) -> WorkerState:
        if entry.unhealthy:
            return WorkerState.UNHEALTHY
        if entry.is_ending or entry.link_ended_at is not None:
            return WorkerState.DRAINING
        if entry.worker.ready_at is None:
            return WorkerState.INITIALIZING
        seat = self._board.seat_of(entry.worker.id)
        return WorkerState.RUNNING if seat is not None and seat.held else WorkerState.IDLE
