"""The board: what waits for each version, and the places of the workers that may take it."""

from __future__ import annotations

from collections.abc import Collection

from trivet.platform.core.jobs import Job
from trivet.platform.ports.clock import Clock
from trivet.platform.services.live import LiveJob, Seat
from trivet.platform.services.queue import JobQueue


class Board:
    """Queues and seats, as the dispatcher arranges them and everybody else may look at them.

    Args:
        clock: seconds that go on evenly.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queues: dict[str, JobQueue] = {}
        self._resting: dict[str, dict[str, LiveJob]] = {}
        """By version: what waits for the time of its next attempt."""
        self._seats: dict[str, Seat] = {}
        self._seats_of: dict[str, dict[str, Seat]] = {}

    # -- what waits ---------------------------------------------------------------------------------------------------

    def queue(self, version_id: str) -> JobQueue | None:
        """The queue of a version; None where it has none."""
        return self._queues.get(version_id)

    def add(self, live: LiveJob, *, front: bool = False) -> JobQueue:
        """Puts a job behind those of its priority in its version's queue, or before them; gives the queue."""
        version_id = live.job.version_id
        queue = self._queues.get(version_id)
        if queue is None:
            queue = self._queues[version_id] = JobQueue()
        queue.add(live, front=front)
        return queue

    def rest(self, live: LiveJob) -> None:
        """Puts a job aside until the time of its next attempt."""
        self._resting.setdefault(live.job.version_id, {})[live.job.id] = live

    def rests(self, job: Job) -> bool:
        """Whether a job was put aside."""
        return job.id in self._resting.get(job.version_id, ())

    def discard(self, live: LiveJob) -> None:
        """Takes a job out, wherever it waits."""
        version_id = live.job.version_id
        queue = self._queues.get(version_id)
        if queue is not None:
            queue.discard(live)
            if not queue:
                del self._queues[version_id]
        resting = self._resting.get(version_id)
        if resting is not None:
            resting.pop(live.job.id, None)
            if not resting:
                del self._resting[version_id]

    def waiting(self, version_id: str) -> list[LiveJob]:
        """What callers see as queued, but for the few that are with a worker already."""
        return [*self._queues.get(version_id, ()), *self._resting.get(version_id, {}).values()]

    def waiting_versions(self) -> list[str]:
        """The versions that jobs wait for."""
        return [version_id for version_id, queue in self._queues.items() if queue]

    def position(self, job: Job) -> int | None:
        """The job's place in its queue, from 1."""
        queue = self._queues.get(job.version_id)
        return None if queue is None else queue.position(job.id)

    # -- the places of workers ----------------------------------------------------------------------------------------

    def seat(self, seat: Seat) -> None:
        """A worker takes its place."""
        self._seats[seat.worker_id] = seat
        self._seats_of.setdefault(seat.version_id, {})[seat.worker_id] = seat

    def vacate(self, worker_id: str) -> Seat | None:
        """A worker leaves its place, which is given; None where it has none."""
        seat = self._seats.pop(worker_id, None)
        if seat is None:
            return None
        siblings = self._seats_of.get(seat.version_id, {})
        siblings.pop(worker_id, None)
        if not siblings:
            self._seats_of.pop(seat.version_id, None)
        return seat

    def __getitem__(self, worker_id: str) -> Seat:
        """A worker's place, which it must have."""
        return self._seats[worker_id]

    def seat_of(self, worker_id: str) -> Seat | None:
        """A worker's place."""
        return self._seats.get(worker_id)

    def seats(self, version_id: str) -> list[Seat]:
        """The places of the version's workers that are ready, or draining."""
        return list(self._seats_of.get(version_id, {}).values())

    def all_seats(self) -> Collection[Seat]:
        """Those of all versions."""
        return self._seats.values()

    def is_served(self, version_id: str) -> bool:
        """Whether a worker takes the version's jobs."""
        return any(seat.taking for seat in self._seats_of.get(version_id, {}).values())

    # -- counts -------------------------------------------------------------------------------------------------------

    def queued(self, version_id: str) -> int:
        """How many jobs wait for the version, also those that rest before a retry, and those sent ahead."""
        waiting = len(self._queues.get(version_id, ())) + len(self._resting.get(version_id, ()))
        return waiting + self.ahead(version_id)

    def ahead(self, version_id: str) -> int:
        """How many jobs its workers were sent ahead of their turn."""
        return sum(len(seat.ahead) for seat in self._seats_of.get(version_id, {}).values())

    def pressing(self, version_id: str) -> int:
        """How many of those that wait for a worker may make the version scale up."""
        queue = self._queues.get(version_id)
        return 0 if queue is None else queue.pressing

    def running(self, version_id: str) -> int:
        """How many jobs its workers work on."""
        return sum(len(seat.held) for seat in self._seats_of.get(version_id, {}).values())

    def oldest_wait(self, version_id: str) -> float:
        """Seconds that the longest waiting has waited for a worker, those of low priority aside; 0 where nobody waits."""
        queue = self._queues.get(version_id)
        candidates = [next(iter(s.ahead.values())) for s in self._seats_of.get(version_id, {}).values() if s.ahead]
        if queue is not None and (first := queue.oldest_pressing) is not None:
            candidates.append(first)
        if not candidates:
            return 0.0
        oldest = min(candidates, key=lambda live: live.job.queued_at)
        return max(
            0.0, self._clock() + oldest.offset - (oldest.job.retry_at or oldest.job.queued_at or oldest.job.created_at)
        )
