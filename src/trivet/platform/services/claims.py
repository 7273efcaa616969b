"""Claims: which worker gets which job, and when its attempt begins."""

from __future__ import annotations

from collections.abc import Callable

from trivet.platform.core import transitions as rules
from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import JobError
from trivet.platform.ports.background import Background
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.runtime import AttemptOrder, WorkerLink
from trivet.platform.services.alarms import Alarms
from trivet.platform.services.board import Board
from trivet.platform.services.chronicle import Chronicle
from trivet.platform.services.live import LiveJob, Seat
from trivet.platform.services.open_jobs import OpenJobs
from trivet.platform.services.queue import JobQueue

RECALL_AFTER = 0.1
"""Seconds that a worker may be at one attempt before it is asked to give back what it was sent ahead."""


class Claims:
    """Matches jobs that wait with workers that are free.

    A job with a claim is held by a seat under a number and a token, and its worker was sent it. Some are sent to a busy worker
    *ahead* of their turn: those have a number and a token, and no claim before one in front of them has ended.

    Args:
        board: what waits, and for whom.
        open_jobs: ends what can't be sent any more.
        chronicle: brings the claim to disk of an attempt that is the last one allowed.
        alarms: calls for jobs when they are over their time.
        blobs: where large inputs lie.
        clock: seconds that go on evenly.
        entropy: random bytes.
        notifier: wakes those who follow a job.
        background: fetches large inputs.
    """

    def __init__(
        self,
        *,
        board: Board,
        open_jobs: OpenJobs,
        chronicle: Chronicle,
        alarms: Alarms,
        blobs: BlobStore,
        clock: Clock,
        entropy: Entropy,
        notifier: Notifier,
        background: Background,
    ) -> None:
        self._board = board
        self._open_jobs = open_jobs
        self._chronicle = chronicle
        self._alarms = alarms
        self._blobs = blobs
        self._clock = clock
        self._entropy = entropy
        self._notifier = notifier
        self._background = background
        self._number = 0
        self.on_demand: Callable[[str], None] = _nobody
        """Told a version's id when a job waits and nobody is free."""

    # -- what waits ---------------------------------------------------------------------------------------------------

    def enqueue(self, live: LiveJob, *, front: bool = False) -> None:
        """A job waits from now on, or from the time of its next attempt; a worker that is free gets it at once.

        Args:
            live: a queued job that waits nowhere.
            front: whether before those of its priority, as it has waited before.
        """
        job = live.job
        version_id = job.version_id
        if job.retry_at is not None and job.retry_at > live.now(self._clock):
            self._board.rest(live)
            self._alarms.set(live, job.retry_at)
            return
        queue = self._board.add(live, front=front)
        self.pump(version_id)
        if queue:
            self.on_demand(version_id)

    def put_back(self, live: LiveJob) -> None:
        """What was sent ahead and not begun waits again, at the front."""
        live.ahead_at = None
        if live.is_open:
            self.enqueue(live, front=True)

    def pump(self, version_id: str) -> None:
        """Gives what waits for a version to whoever is free."""
        queue = self._board.queue(version_id)
        if not queue:
            return
        places = self._board.seats(version_id)
        if len(places) > 1 and places[0].tells:
            # A place in the next batch of a busy worker is none to begin in now.
            places.sort(key=lambda seat: seat.is_busy)
        for seat in places:
            while queue and seat.free > 0:
                self._claim(queue.pop(), seat)
        if queue:
            for seat in self._board.seats(version_id):
                self._fill_ahead(queue, seat)

    # -- claims -------------------------------------------------------------------------------------------------------

    def _claim(self, live: LiveJob, seat: Seat) -> None:
        now = live.now(self._clock)
        if now >= live.job.expires_at:
            self._open_jobs.settle(live, rules.expire(live.job, now))
            return
        self._name_attempt(live)
        if not self.begin(live, seat):
            return
        if live.recorded is not None and rules.is_last_attempt(live.job):
            number = live.number
            seat.loading += 1
            self._chronicle.save(live, lambda: self._send_recorded(live, seat, number))
        else:
            self._hand_over(live, seat, live.number)

    def _name_attempt(self, live: LiveJob) -> None:
        """The attempt that comes next is known by another number and another token than all before it."""
        self._number += 1
        live.number = self._number
        live.token = self._entropy(8).hex()

    def begin(self, live: LiveJob, seat: Seat) -> bool:
        """The worker holds the attempt from now on. False where the job is not there to be claimed."""
        claimed = rules.claim(live.job, seat.worker_id, live.token, live.now(self._clock), begins=not seat.tells)
        if claimed is None:
            return False
        live.job = claimed
        live.ahead_at = None
        seat.held[live.number] = live
        seat.asked -= seat.asks
        if claimed.account_id != seat.account_id:
            seat.account_id = claimed.account_id
            seat.callers += 1
        seat.idle_since = None
        if live.watched:
            self._alarms.set_limit(live)
        if live.recorded is not None or claimed.attempt > 1:
            self._notifier.notify(claimed.id)
        return True

    def presume_begun(self, live: LiveJob) -> None:
        """A job that was sent ahead may be at work this very moment, and only its worker can tell: it counts as begun."""
        seat = live.ahead_at
        if seat is not None:
            seat.ahead.pop(live.number, None)
            self.begin(live, seat)

    def release(self, seat: Seat, number: int) -> None:
        """The worker does not hold the attempt any more, and begins the next of those that it was sent ahead."""
        del seat.held[number]
        while seat.ahead and len(seat.held) < seat.slots:
            following = next(iter(seat.ahead))
            self.begin(seat.ahead.pop(following), seat)
        if not seat.ahead:
            seat.recalled = False
        if not seat.held:
            seat.idle_since = self._clock()
        if seat.suspect:
            seat.suspect = any(other.job.stop_reason is not None for other in seat.held.values())

    # -- on the way to the worker -------------------------------------------------------------------------------------

    def _send_recorded(self, live: LiveJob, seat: Seat, number: int) -> None:
        """The claim of an attempt that must not be made twice is on disk."""
        seat.loading -= 1
        if seat.held.get(number) is live:
            self._hand_over(live, seat, number)

    def _hand_over(self, live: LiveJob, seat: Seat, number: int) -> None:
        body = live.job.input.data
        if body is not None:
            self._send(live, seat, number, body)
        else:
            seat.loading += 1
            self._background(self._load_and_send(live, seat, number))

    async def _load_and_send(self, live: LiveJob, seat: Seat, number: int) -> None:
        job = live.job
        try:
            body = await self._blobs.get(job.input.blob or "")
        except CoreError as error:
            seat.loading -= 1
            if seat.held.get(number) is live and job.token is not None:
                failure = JobError("input_lost", f"The input of this job can't be read any more: {error.detail}")
                self.release(seat, number)
                self._open_jobs.settle(live, rules.fail(live.job, job.token, failure, live.now(self._clock)))
                self.pump(seat.version_id)
            return
        seat.loading -= 1
        if seat.held.get(number) is live:
            self._send(live, seat, number, body)

    def _send(self, live: LiveJob, seat: Seat, number: int, body: bytes) -> None:
        job = live.job
        attempt = job.attempt if live.ahead_at is None else job.attempt + 1
        seat.link.send(
            AttemptOrder(
                number,
                job.id,
                live.token,
                attempt,
                job.policy.timeout,
                job.input.content_type,
                body,
                job.aside,
                job.account_id,
            )
        )
        if job.stop_reason is not None:
            seat.link.cancel(number, job.stop_reason.value)

    # -- ahead of their turn ------------------------------------------------------------------------------------------

    def _fill_ahead(self, queue: JobQueue, seat: Seat) -> None:
        """Sends a worker what it will come to in a moment. What must be fetched or recorded first can't be sent in its turn."""
        for _ in range(seat.room_ahead):
            if not queue:
                return
            live = queue.first()
            body = live.job.input.data
            last = live.recorded is not None and rules.is_last_attempt(live.job, ahead=True)
            if body is None or last or live.now(self._clock) >= live.job.expires_at:
                return
            queue.pop()
            self._name_attempt(live)
            live.ahead_at = seat
            seat.ahead[live.number] = live
            self._send(live, seat, live.number, body)

    def recall(self, seat: Seat) -> None:
        """What waits behind an attempt that takes longer than expected may have a better place elsewhere: asks for it back."""
        if seat.ahead and not seat.recalled:
            oldest = next(iter(seat.held.values()), None)
            if oldest is None or self._is_slow(oldest):
                seat.recalled = True
                seat.link.recall()

    def _is_slow(self, live: LiveJob) -> bool:
        started_at = live.job.started_at
        return started_at is not None and live.now(self._clock) - started_at >= RECALL_AFTER

    # -- seats --------------------------------------------------------------------------------------------------------

    def seat(
        self, worker_id: str, version_id: str, link: WorkerLink, slots: int, *, tells: bool = False, asks: bool = False
    ) -> None:
        """A worker is ready to take jobs.

        Args:
            worker_id: the worker.
            version_id: whose jobs.
            link: the way to it.
            slots: how many it takes at a time.
            tells: whether it says itself when it begins one (`Attempts.begun`).
            asks: whether it gets nothing until it asks (`ask`).
        """
        seat = Seat(worker_id, version_id, link, slots, tells, asks, idle_since=self._clock())
        self._board.seat(seat)
        self.pump(version_id)

    def ask(self, worker_id: str, count: int) -> None:
        """A worker asks for up to ``count`` jobs, instead of what it asked for before; with 0 it gets none any more.

        They go to its link as always, those that are there before this returns.
        """
        seat = self._board.seat_of(worker_id)
        if seat is not None and seat.asks:
            seat.asked = count
            self.pump(seat.version_id)

    def stop_taking(self, worker_id: str) -> None:
        """The worker gets no more jobs; what it holds it may finish."""
        seat = self._board.seat_of(worker_id)
        if seat is not None and seat.taking:
            seat.taking = False
            if self._board.queue(seat.version_id):
                self.on_demand(seat.version_id)


def _nobody(_: str) -> None:
    """Listens until somebody else does."""
