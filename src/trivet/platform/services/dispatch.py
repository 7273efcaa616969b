"""The dispatcher: open jobs in memory, and which worker gets which.

On one node the queue lives here and the store is its log. What is promised about the disk:

- A submitted job is on disk before it is acknowledged, and its final state is before anybody is told of it.
- A held call (`run`) is acknowledged by its answer alone. It is recorded when it ends, behind the caller's back; one that
  lasts longer than `CHECKPOINT` seconds is recorded as open, and is treated like a submitted one from then on.
- Taking a job needs no write: after a restart every open attempt is stale by definition. Only the claim of an attempt that
  is the last one allowed is on disk before its worker hears of it, so that no crash makes one more of it.
- What a handler streams is on disk before a reader sees it, once its job is recorded.

Everything here runs on one thread and never waits, so no two transitions of a job can interleave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from trivet.platform.core import transitions as rules
from trivet.platform.core.chance import RANDOM_BYTES, fraction
from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import EventKind, Job, JobError, JobStatus, Progress
from trivet.platform.core.payloads import BINARY, JSON, Payload
from trivet.platform.core.workers import Departure
from trivet.platform.ports.background import Background
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.runtime import AttemptOrder, AttemptRef, WorkerLink
from trivet.platform.services.alarms import Alarms
from trivet.platform.services.board import Board
from trivet.platform.services.chronicle import Chronicle
from trivet.platform.services.live import LiveJob, Seat, Story
from trivet.platform.services.open_jobs import OpenJobs
from trivet.platform.services.queue import JobQueue
from trivet.platform.services.recorder import Recorder

CHECKPOINT = 0.1
"""Seconds after which a held call that is still open is recorded."""
STOP_GRACE = 1.0
"""Seconds that a handler has to stop by itself before its worker is killed."""
STOP_GRACE_SHARED = 5.0
"""The same where the worker holds other jobs too: they get the chance to finish first."""
INLINE_LIMIT = 256 * 1024
"""Payloads above this many bytes lie in the blob store."""
RECALL_AFTER = 0.1
"""Seconds that a worker may be at one attempt before it is asked to give back what it was sent ahead."""


class Dispatcher:
    """Matches queued jobs with free workers, and follows each attempt to its end.

    Args:
        recorder: brings jobs to disk.
        blobs: where large payloads lie.
        clock: seconds that go on evenly; what is waited for is measured by it.
        wall: the time of day, which may jump; a job's own time begins with it and goes on by ``clock``.
        entropy: random bytes.
        notifier: wakes those who follow a job.
        background: runs what has to wait.
    """

    def __init__(
        self,
        *,
        recorder: Recorder,
        blobs: BlobStore,
        clock: Clock,
        wall: Clock,
        entropy: Entropy,
        notifier: Notifier,
        background: Background,
    ) -> None:
        self._blobs = blobs
        self._clock = clock
        self._wall = wall
        self._entropy = entropy
        self._notifier = notifier
        self._background = background
        self.board = Board(clock)
        """What waits, and for whom; for others to look at."""
        self._chronicle = Chronicle(recorder, notifier, self.board.seat_of)
        self.open_jobs = OpenJobs(recorder, self._chronicle, notifier, wall)
        """The jobs themselves."""
        self._number = 0
        self._fresh: list[LiveJob] = []
        self._alarms = Alarms()
        self.on_demand: Callable[[str], None] = _nobody
        """Told a version's id when a job waits and nobody is free."""
        self.on_stuck: Callable[[str], None] = _nobody
        """Told a worker's id when it does not stop an attempt that it was asked to stop."""

    # -- jobs come in -------------------------------------------------------------------------------------------------

    def admit(self, job: Job, *, recorded: bool, seq: int = 0) -> None:
        """Queues a job and hands it to a free worker at once where there is one.

        Args:
            job: a queued job.
            recorded: whether it is on disk.
            seq: the number of its last event on disk.
        """
        offset = self._wall() - self._clock()
        live = LiveJob(job, job if recorded else None, offset, story=Story(seq=seq, saved=seq))
        self.open_jobs.add(live)
        self._fresh.append(live)
        self._enqueue(live)

    def _enqueue(self, live: LiveJob, *, front: bool = False) -> None:
        job = live.job
        version_id = job.version_id
        if job.retry_at is not None and job.retry_at > self._now(live):
            self.board.rest(live)
            self._wake_at(job.retry_at, live)
            return
        queue = self.board.add(live, front=front)
        self._pump(version_id)
        if queue:
            self.on_demand(version_id)

    def _pump(self, version_id: str) -> None:
        queue = self.board.queue(version_id)
        if not queue:
            return
        places = self.board.seats(version_id)
        if len(places) > 1 and places[0].tells:
            # A place in the next batch of a busy worker is none to begin in now.
            places.sort(key=lambda seat: seat.is_busy)
        for seat in places:
            while queue and seat.free > 0:
                self._claim(queue.pop(), seat)
        if queue:
            for seat in self.board.seats(version_id):
                self._fill_ahead(queue, seat)

    def _claim(self, live: LiveJob, seat: Seat) -> None:
        now = self._now(live)
        if now >= live.job.expires_at:
            self.open_jobs.settle(live, rules.expire(live.job, now))
            return
        self._number += 1
        live.number = self._number
        live.token = self._entropy(8).hex()
        if not self._begin(live, seat):
            return
        if live.recorded is not None and rules.is_last_attempt(live.job):
            number = live.number
            seat.loading += 1
            self._chronicle.save(live, lambda: self._send_recorded(live, seat, number))
        else:
            self._hand_over(live, seat, live.number)

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

    def _begin(self, live: LiveJob, seat: Seat) -> bool:
        """The worker works on the attempt from now on."""
        claimed = rules.claim(live.job, seat.worker_id, live.token, self._now(live), begins=not seat.tells)
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
            self._wake_for(live)
        if live.recorded is not None or claimed.attempt > 1:
            self._notifier.notify(claimed.id)
        return True

    def _fill_ahead(self, queue: JobQueue, seat: Seat) -> None:
        """Sends a worker what it will come to in a moment. What must be fetched or recorded first can't be sent in its turn."""
        for _ in range(seat.room_ahead):
            if not queue:
                return
            live = queue.first()
            body = live.job.input.data
            last = live.recorded is not None and rules.is_last_attempt(live.job, ahead=True)
            if body is None or last or self._now(live) >= live.job.expires_at:
                return
            queue.pop()
            self._number += 1
            live.number = self._number
            live.token = self._entropy(8).hex()
            live.ahead_at = seat
            seat.ahead[live.number] = live
            self._send(live, seat, live.number, body)

    async def _load_and_send(self, live: LiveJob, seat: Seat, number: int) -> None:
        job = live.job
        try:
            body = await self._blobs.get(job.input.blob or "")
        except CoreError as error:
            seat.loading -= 1
            if seat.held.get(number) is live and job.token is not None:
                failure = JobError("input_lost", f"The input of this job can't be read any more: {error.detail}")
                self._release(seat, number)
                self.open_jobs.settle(live, rules.fail(live.job, job.token, failure, self._now(live)))
                self._pump(seat.version_id)
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

    # -- workers come and go ------------------------------------------------------------------------------------------

    def seat(
        self, worker_id: str, version_id: str, link: WorkerLink, slots: int, *, tells: bool = False, asks: bool = False
    ) -> None:
        """A worker is ready to take jobs.

        Args:
            worker_id: the worker.
            version_id: whose jobs.
            link: the way to it.
            slots: how many it takes at a time.
            tells: whether it says itself when it begins one (`begun`).
            asks: whether it gets nothing until it asks (`ask`).
        """
        seat = Seat(worker_id, version_id, link, slots, tells, asks, idle_since=self._clock())
        self.board.seat(seat)
        self._pump(version_id)

    def ask(self, worker_id: str, count: int) -> None:
        """A worker asks for up to ``count`` jobs, instead of what it asked for before; with 0 it gets none any more.

        They go to its link as always, those that are there before this returns.
        """
        seat = self.board.seat_of(worker_id)
        if seat is not None and seat.asks:
            seat.asked = count
            self._pump(seat.version_id)

    def stop_taking(self, worker_id: str) -> None:
        """The worker gets no more jobs; what it holds it may finish."""
        seat = self.board.seat_of(worker_id)
        if seat is not None and seat.taking:
            seat.taking = False
            if self.board.queue(seat.version_id):
                self.on_demand(seat.version_id)

    def depart(self, worker_id: str, departure: Departure) -> None:
        """The worker is gone: what it held is queued again, or ends."""
        seat = self.board.vacate(worker_id)
        if seat is None:
            return
        # first those behind, so that those before them come before them again
        for live in reversed(seat.ahead.values()):
            self._take_back(live)
        seat.ahead.clear()
        # one that was killed for a single stuck attempt takes the others down without their doing
        blameless = departure.blameless or any(live.job.stop_reason is not None for live in seat.held.values())
        for live in reversed(seat.held.values()):
            job, now = live.job, self._now(live)
            if not live.is_open or job.token is None:
                continue
            if (blameless or job.started_at is None) and job.stop_reason is None and not job.pieces:
                after = rules.hand_back(job, job.token, now)
            else:
                lines = live.story.last_words(live.job.attempt) + departure.last_lines
                memory, chance = departure.out_of_memory, self._chance()
                after = rules.lose(job, job.token, departure.reason, lines, now, chance=chance, memory=memory)
            self._note(live, f"attempt {job.attempt}: the worker {departure.reason}", after)
            self._after_loss(live, after)
        seat.held.clear()

    def _take_back(self, live: LiveJob) -> None:
        """What was sent ahead and not begun waits again, at the front."""
        live.ahead_at = None
        if live.is_open:
            self._enqueue(live, front=True)

    def _note(self, live: LiveJob, text: str, after: Job | None) -> None:
        """Tells in the job's log how an attempt ended, and when it will be tried again."""
        if after is not None and after.retry_at is not None:
            text += f"; it is tried again in {max(0.0, after.retry_at - self._now(live)):.1f} s"
        self._chronicle.add(live, EventKind.LOG, text.encode(errors="replace"), "system", self._now(live))

    def _chance(self) -> float:
        """A number in [0, 1)."""
        return fraction(self._entropy(RANDOM_BYTES))

    def _after_loss(self, live: LiveJob, after: Job | None) -> None:
        if after is None:
            return
        if after.is_final:
            self.open_jobs.settle(live, after)
            return
        live.job = after
        if live.recorded is not None:
            self._chronicle.save(live)
        self._notifier.notify(after.id)
        self._enqueue(live, front=True)

    def hand_back(self, ref: AttemptRef, pause: float = 0.0) -> None:
        """A worker returns an attempt that it has not begun; it is tried again after ``pause`` seconds."""
        seat = self.board.seat_of(ref.worker_id)
        ahead = seat.ahead.get(ref.number) if seat is not None else None
        if seat is not None and ahead is not None:
            if ahead.token == ref.token:
                del seat.ahead[ref.number]
                self._take_back(ahead)
            return
        live = self._held(ref)
        if live is None:
            return
        after = rules.hand_back(live.job, ref.token, self._now(live), pause=pause)
        if after is not None:
            self._release(self.board[ref.worker_id], ref.number)
            self._after_loss(live, after)

    # -- what workers report ------------------------------------------------------------------------------------------

    def begun(self, ref: AttemptRef) -> None:
        """A worker that had attempts wait for company has begun one: its timeout runs from now on."""
        seat = self.board.seat_of(ref.worker_id)
        live = seat.find(ref.number) if seat is not None else None
        if live is None or not live.is_open or live.token != ref.token:
            return
        self._presume_begun(live)
        after = rules.begin(live.job, ref.token, self._now(live))
        if after is not None:
            live.job = after
            if live.watched:
                self._wake_for(live)

    def piece(self, ref: AttemptRef, content_type: str, data: bytes) -> None:
        """One piece of a stream."""
        live = self._held(ref)
        after = rules.add_pieces(live.job, ref.token, 1) if live is not None else None
        if live is not None and after is not None:
            live.job = after
            self._chronicle.add(live, EventKind.PIECE, data, content_type, self._now(live))

    def progress(self, ref: AttemptRef, progress: Progress) -> None:
        """How far the handler says it is."""
        live = self._held(ref)
        after = rules.report_progress(live.job, ref.token, progress) if live is not None else None
        if live is not None and after is not None:
            live.job = after
            label = "" if progress.fraction is None else f"{progress.fraction:g}"
            self._chronicle.add(live, EventKind.PROGRESS, progress.message.encode(), label, self._now(live))

    def log(self, ref: AttemptRef, stream: str, data: bytes) -> str | None:
        """What the handler printed. Returns the job's id; None where the attempt is not that worker's, and nothing was kept."""
        live = self._held(ref)
        if live is None or not rules.holds(live.job, ref.token):
            return None
        self._chronicle.add(live, EventKind.LOG, data, stream, self._now(live))
        return live.job.id

    def report(self, job_id: str, metrics: Sequence[tuple[str, bytes]], most: int) -> bool:
        """What a running job says about its own work: names and JSON texts. False where it does not run, or would have said more
        than ``most`` then; nothing was kept.
        """
        live = self.open_jobs.live(job_id)
        if live is None or not live.is_open or live.insights + len(metrics) > most:
            return False
        live.insights += len(metrics)
        for name, data in metrics:
            self._chronicle.add(live, EventKind.INSIGHT, data, name, self._now(live))
        return True

    def succeed(self, ref: AttemptRef, content_type: str, data: bytes, pieces: int) -> None:
        """The attempt's result."""
        live = self._held(ref)
        if live is None:
            return
        now = self._now(live)
        after = rules.succeed(live.job, ref.token, Payload.inline(data, content_type or JSON), now, pieces)
        if after is None:
            return
        seat = self.board[ref.worker_id]
        seat.took(now - (live.job.started_at or now))
        self._release(seat, ref.number, done=True)
        if len(data) <= INLINE_LIMIT:
            self.open_jobs.settle(live, after)
        else:
            live.ending = after
            self._background(self._store_output(live, after, data))
        self._pump(live.job.version_id)

    async def _store_output(self, live: LiveJob, after: Job, data: bytes) -> None:
        content_type = after.output.content_type if after.output is not None else BINARY
        try:
            name = await self._blobs.put(data)
        except CoreError as error:
            failure = JobError(
                "storage_full", f"The result of {len(data)} bytes can't be stored: {error.detail}", hint=error.hint
            )
            self.open_jobs.settle(live, replace(after, status=JobStatus.FAILED, output=None, error=failure))
        else:
            self.open_jobs.settle(live, replace(after, output=Payload.stored(name, len(data), content_type)))

    def fail(self, ref: AttemptRef, error: JobError) -> None:
        """The handler failed."""
        live = self._held(ref)
        if live is not None:
            after = rules.fail(live.job, ref.token, error, self._now(live), self._chance())
            what = f"{error.type}: {error.message}" if error.type is not None else error.message
            self._ended(ref, live, after, f"failed: {what}")

    def stopped(self, ref: AttemptRef) -> None:
        """The worker has stopped an attempt as it was asked to."""
        live = self._held(ref)
        if live is not None:
            after = rules.stop(live.job, ref.token, self._now(live), self._chance())
            self._ended(ref, live, after, "was stopped over its timeout")

    def lost(self, ref: AttemptRef, reason: str) -> None:
        """The attempt came to nothing, and its worker goes on: what is between them has lost it."""
        live = self._held(ref)
        if live is not None:
            lines, now = live.story.last_words(live.job.attempt), self._now(live)
            after = rules.lose(live.job, ref.token, reason, lines, now, chance=self._chance())
            self._ended(ref, live, after, f"was lost: the worker {reason}", done=False)

    def _ended(self, ref: AttemptRef, live: LiveJob, after: Job | None, how: str, *, done: bool = True) -> None:
        if after is None:
            return
        self._release(self.board[ref.worker_id], ref.number, done=done)
        if after.is_final:
            self.open_jobs.settle(live, after)
        else:
            self._note(live, f"attempt {live.job.attempt} {how}", after)
            self._after_loss(live, after)
        self._pump(after.version_id)

    def _held(self, ref: AttemptRef) -> LiveJob | None:
        seat = self.board.seat_of(ref.worker_id)
        live = seat.held.get(ref.number) if seat is not None else None
        return live if live is not None and live.is_open else None

    def _release(self, seat: Seat, number: int, *, done: bool = False) -> None:
        del seat.held[number]
        seat.jobs_done += done
        while seat.ahead and len(seat.held) < seat.slots:
            following = next(iter(seat.ahead))
            self._begin(seat.ahead.pop(following), seat)
        if not seat.ahead:
            seat.recalled = False
        if not seat.held:
            seat.idle_since = self._clock()
        if seat.suspect:
            seat.suspect = any(other.job.stop_reason is not None for other in seat.held.values())

    # -- stops --------------------------------------------------------------------------------------------------------

    def cancel(self, job_id: str) -> bool:
        """Asks a job to stop. False where there is nothing to ask: it is not open, or was asked already."""
        live = self.open_jobs.live(job_id)
        if live is None or not live.is_open:
            return False
        return self._cancel(live)

    def _cancel(self, live: LiveJob) -> bool:
        """Asks a job to stop. One that was sent ahead may be at work this very moment: only its worker can tell."""
        self._presume_begun(live)
        return self._ask_to_stop(live, rules.cancel(live.job, self._now(live)))

    def _presume_begun(self, live: LiveJob) -> None:
        seat = live.ahead_at
        if seat is not None:
            seat.ahead.pop(live.number, None)
            self._begin(live, seat)

    def _ask_to_stop(self, live: LiveJob, after: Job | None) -> bool:
        if after is None:
            return False
        if after.is_final:
            self.board.discard(live)
            self.open_jobs.settle(live, after)
            return True
        live.job = after
        seat = self.board.seat_of(after.worker_id or "")
        if seat is not None and after.stop_reason is not None:
            seat.link.cancel(live.number, after.stop_reason.value)
        self._alarms.set(self._clock() + STOP_GRACE, after.id)
        if live.recorded is not None:
            self._chronicle.save(live)
        return True

    def purge(self, version_ids: Iterable[str]) -> list[str]:
        """Cancels everything that waits for these versions; returns the ids of those jobs."""
        return [live.job.id for v in version_ids for live in self.board.waiting(v) if self._cancel(live)]

    def discard(self, version_id: str, error: JobError) -> None:
        """The version is gone: what waits for it fails, what runs is stopped."""
        for live in self.board.waiting(version_id):
            self.board.discard(live)
            self.open_jobs.settle(live, rules.discard(live.job, error, self._now(live)))
        for seat in self.board.seats(version_id):
            for live in list(seat.lives()):
                self._cancel(live)

    # -- time ---------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What time brings about: timeouts, times to live, stuck workers, and records of what has become long or grown."""
        now = self._clock()
        fresh, self._fresh = self._fresh, []
        for live in fresh:
            if not live.is_open:
                continue
            if self._now(live) - live.job.created_at < CHECKPOINT:
                self._fresh.append(live)
                continue
            self._watch(live)
        for job_id in self._alarms.ring(now):
            watched = self.open_jobs.live(job_id)
            if watched is not None and watched.is_open:
                self._on_time(watched)
        self._alarms.keep(self.open_jobs)
        for seat in self.board.all_seats():
            for live in seat.held.values():
                self._checkpoint(live)
            self._recall(seat)

    def _recall(self, seat: Seat) -> None:
        """What waits behind an attempt that takes longer than expected may have a better place elsewhere."""
        if seat.ahead and not seat.recalled:
            oldest = next(iter(seat.held.values()), None)
            if oldest is None or self._now(oldest) - (oldest.job.started_at or self._now(oldest)) >= RECALL_AFTER:
                seat.recalled = True
                seat.link.recall()

    def _watch(self, live: LiveJob) -> None:
        live.watched = True
        self._wake_for(live)
        if live.recorded is None:
            self._chronicle.save(live)

    def _checkpoint(self, live: LiveJob) -> None:
        """Brings to disk what has changed about a running job since."""
        if live.recorded is None or not live.is_open:
            return
        job, recorded = live.job, live.recorded
        is_same = (
            recorded.status is job.status and recorded.attempt == job.attempt and recorded.progress is job.progress
        )
        if not is_same or live.story.unsaved:
            self._chronicle.save(live)

    def _on_time(self, live: LiveJob) -> None:
        job, now = live.job, self._now(live)
        if now >= job.expires_at:
            self._presume_begun(live)
            job = live.job
        expired = rules.expire(job, now)
        if expired is not None:
            self.board.discard(live)
            self.open_jobs.settle(live, expired)
            return
        if job.retry_at is not None and now >= job.retry_at and self.board.rests(job):
            self.board.discard(live)
            self._enqueue(live)
            return
        if self._ask_to_stop(live, rules.overrun(job, now)):
            return
        if job.stop_asked_at is not None:
            self._check_stuck(live)
        else:
            self._wake_for(live)

    def _wake_for(self, live: LiveJob) -> None:
        job = live.job
        self._wake_at(job.expires_at if job.deadline is None else min(job.deadline, job.expires_at), live)

    def _wake_at(self, moment: float, live: LiveJob) -> None:
        """Looks at a job again at a moment of its own time."""
        self._alarms.set(moment - live.offset, live.job.id)

    def _now(self, live: LiveJob) -> float:
        """The time in a job's life: it goes on evenly from when the job came in, whatever happens to the machine's clock."""
        return self._clock() + live.offset

    def _check_stuck(self, live: LiveJob) -> None:
        """A handler that was asked to stop and did not: its worker is killed, others on it may finish first for a while."""
        now = self._now(live)
        waited = now - (live.job.stop_asked_at or now) + 1e-6
        seat = self.board.seat_of(live.job.worker_id or "")
        if seat is None:
            return
        if waited >= STOP_GRACE:
            seat.suspect = True
            alone = all(other.job.stop_reason is not None for other in seat.held.values())
            if alone or waited >= STOP_GRACE_SHARED:
                self.on_stuck(seat.worker_id)
        self._wake_at(now + 0.25, live)


def _nobody(_: str) -> None:
    """Listens until somebody else does."""
