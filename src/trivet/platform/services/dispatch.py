"""The dispatcher: open jobs in memory, and which worker gets which.

On one node the queue lives here and the store is its log. What is promised about the disk:

- A submitted job is on disk before it is acknowledged, and its final state is before anybody is told of it.
- A held call (`run`) is acknowledged by its answer alone. It is recorded when it ends, behind the caller's back; one that
  lasts longer than `CHECKPOINT` seconds is recorded as open, and is treated like a submitted one from then on.
- Taking a job needs no write: after a restart every open attempt is stale by definition. Only the claim of an attempt that
  is the last one allowed is on disk before its worker hears of it, so that no crash makes one more of it.
- What a handler streams is on disk before a reader sees it, once its job is recorded.

Everything here, and in the parts that the dispatcher is made of, runs on one thread and never waits, so no two transitions of
a job can interleave.
"""

from __future__ import annotations

from trivet.platform.core import transitions as rules
from trivet.platform.core.jobs import Job
from trivet.platform.ports.background import Background
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.notifier import Notifier
from trivet.platform.services.alarms import Alarms
from trivet.platform.services.attempts import Attempts
from trivet.platform.services.board import Board
from trivet.platform.services.chronicle import Chronicle
from trivet.platform.services.claims import Claims
from trivet.platform.services.live import LiveJob
from trivet.platform.services.open_jobs import OpenJobs
from trivet.platform.services.recorder import Recorder
from trivet.platform.services.stops import Stops
from trivet.platform.services.story import Story

CHECKPOINT = 0.1
"""Seconds after which a held call that is still open is recorded."""


class Dispatcher:
    """Takes jobs in, and brings about what time does to them. Its parts do the rest, and are there for everybody.

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
        self._clock = clock
        self._wall = wall
        self._alarms = alarms = Alarms()
        self._fresh: list[LiveJob] = []
        """Jobs that have come in since so short a time that nothing watches them yet."""
        self.board = board = Board(clock)
        """What waits, and for whom; for others to look at."""
        self._chronicle = chronicle = Chronicle(recorder, notifier, board.seat_of)
        self.open_jobs = open_jobs = OpenJobs(recorder, chronicle, notifier, wall)
        """The jobs themselves."""
        self.claims = claims = Claims(
            board=board,
            open_jobs=open_jobs,
            chronicle=chronicle,
            alarms=alarms,
            blobs=blobs,
            clock=clock,
            entropy=entropy,
            notifier=notifier,
            background=background,
        )
        """Who gets which: for workers that come, ask and leave."""
        self.attempts = Attempts(
            board=board,
            open_jobs=open_jobs,
            claims=claims,
            chronicle=chronicle,
            alarms=alarms,
            blobs=blobs,
            clock=clock,
            entropy=entropy,
            notifier=notifier,
            background=background,
        )
        """What workers report."""
        self.stops = Stops(
            board=board, open_jobs=open_jobs, claims=claims, chronicle=chronicle, alarms=alarms, clock=clock
        )
        """For those who want a job to stop."""

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
        self.claims.enqueue(live)

    def tick(self) -> None:
        """What time brings about: timeouts, times to live, stuck workers, and records of what has become long or grown."""
        fresh, self._fresh = self._fresh, []
        for live in fresh:
            if not live.is_open:
                continue
            if live.now(self._clock) - live.job.created_at < CHECKPOINT:
                self._fresh.append(live)
                continue
            self._watch(live)
        for job_id in self._alarms.ring(self._clock()):
            watched = self.open_jobs.live(job_id)
            if watched is not None and watched.is_open:
                self._on_time(watched)
        self._alarms.keep(self.open_jobs)
        for seat in self.board.all_seats():
            for live in seat.held.values():
                self._chronicle.save_changes(live)
            self.claims.recall(seat)

    def _watch(self, live: LiveJob) -> None:
        """A job that lasts is recorded, and its limits of time are watched."""
        live.watched = True
        self._alarms.set_limit(live)
        if live.recorded is None:
            self._chronicle.save(live)

    def _on_time(self, live: LiveJob) -> None:
        """A job's alarm rings: it may be over its time, due for its next attempt, or still not stopped."""
        now = live.now(self._clock)
        if now >= live.job.expires_at:
            self.claims.presume_begun(live)
        job = live.job
        expired = rules.expire(job, now)
        if expired is not None:
            self.board.discard(live)
            self.open_jobs.settle(live, expired)
        elif job.retry_at is not None and now >= job.retry_at and self.board.rests(job):
            self.board.discard(live)
            self.claims.enqueue(live)
        elif self.stops.ask(live, rules.overrun(job, now)):
            return
        elif job.stop_asked_at is not None:
            self.stops.check_stuck(live)
        else:
            self._alarms.set_limit(live)
