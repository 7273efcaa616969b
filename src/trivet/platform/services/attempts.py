"""Attempts: what workers report about those they hold, and what becomes of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from trivet.platform.core import transitions as rules
from trivet.platform.core.chance import RANDOM_BYTES, fraction
from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import EventKind, Job, JobError, JobStatus, Progress
from trivet.platform.core.payloads import BINARY, INLINE_LIMIT, JSON, Payload
from trivet.platform.core.workers import Departure
from trivet.platform.ports.background import Background
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.runtime import AttemptRef
from trivet.platform.services.alarms import Alarms
from trivet.platform.services.board import Board
from trivet.platform.services.chronicle import Chronicle
from trivet.platform.services.claims import Claims
from trivet.platform.services.live import LiveJob
from trivet.platform.services.open_jobs import OpenJobs


class Attempts:
    """Follows each attempt from its claim to its end. A report counts only from the attempt's own worker, with its token.

    Args:
        board: which worker holds what.
        open_jobs: ends jobs.
        claims: gives workers their next job.
        chronicle: goes on with the stories of jobs.
        alarms: calls for jobs when they are over their time.
        blobs: where large outputs lie.
        clock: seconds that go on evenly.
        entropy: random bytes, which spread retries.
        notifier: wakes those who follow a job.
        background: stores large outputs.
    """

    def __init__(
        self,
        *,
        board: Board,
        open_jobs: OpenJobs,
        claims: Claims,
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
        self._claims = claims
        self._chronicle = chronicle
        self._alarms = alarms
        self._blobs = blobs
        self._clock = clock
        self._entropy = entropy
        self._notifier = notifier
        self._background = background
        self.on_log: Callable[[str, str, str, bytes], None] = _unheard
        """Told what a handler printed: its worker's id, its job's, the name of the stream, and the text."""

    # -- while it runs ------------------------------------------------------------------------------------------------

    def begun(self, ref: AttemptRef) -> None:
        """A worker that had attempts wait for company has begun one: its timeout runs from now on."""
        seat = self._board.seat_of(ref.worker_id)
        live = seat.find(ref.number) if seat is not None else None
        if live is None or not live.is_open or live.token != ref.token:
            return
        self._claims.presume_begun(live)
        after = rules.begin(live.job, ref.token, live.now(self._clock))
        if after is not None:
            live.job = after
            if live.watched:
                self._alarms.set_limit(live)

    def piece(self, ref: AttemptRef, content_type: str, data: bytes) -> None:
        """One piece of a stream."""
        live = self._held(ref)
        after = rules.add_pieces(live.job, ref.token, 1) if live is not None else None
        if live is not None and after is not None:
            live.job = after
            self._chronicle.add(live, EventKind.PIECE, data, content_type, live.now(self._clock))

    def progress(self, ref: AttemptRef, progress: Progress) -> None:
        """How far the handler says it is."""
        live = self._held(ref)
        after = rules.report_progress(live.job, ref.token, progress) if live is not None else None
        if live is not None and after is not None:
            live.job = after
            label = "" if progress.fraction is None else f"{progress.fraction:g}"
            self._chronicle.add(live, EventKind.PROGRESS, progress.message.encode(), label, live.now(self._clock))

    def log(self, ref: AttemptRef, stream: str, data: bytes) -> None:
        """What the handler printed."""
        live = self._held(ref)
        if live is not None and rules.holds(live.job, ref.token):
            self._chronicle.add(live, EventKind.LOG, data, stream, live.now(self._clock))
            self.on_log(ref.worker_id, live.job.id, stream, data)

    def report(self, job_id: str, metrics: Sequence[tuple[str, bytes]], most: int) -> bool:
        """What a running job says about its own work.

        Args:
            job_id: the job.
            metrics: names and JSON texts.
            most: how many metrics one job may report.

        Returns:
            False where the job does not run, or would have reported more than ``most`` then: nothing was kept.
        """
        live = self._open_jobs.live(job_id)
        if live is None or not live.is_open or live.insights + len(metrics) > most:
            return False
        live.insights += len(metrics)
        for name, data in metrics:
            self._chronicle.add(live, EventKind.INSIGHT, data, name, live.now(self._clock))
        return True

    # -- how it ends --------------------------------------------------------------------------------------------------

    def succeed(self, ref: AttemptRef, content_type: str, data: bytes, pieces: int) -> None:
        """The attempt's result."""
        live = self._held(ref)
        if live is None:
            return
        now = live.now(self._clock)
        after = rules.succeed(live.job, ref.token, Payload.inline(data, content_type or JSON), now, pieces)
        if after is None:
            return
        seat = self._board[ref.worker_id]
        seat.took(now - (live.job.started_at or now))
        seat.jobs_done += 1
        self._claims.release(seat, ref.number)
        if len(data) <= INLINE_LIMIT:
            self._open_jobs.settle(live, after)
        else:
            live.ending = after
            self._background(self._store_output(live, after, data))
        self._claims.pump(live.job.version_id)

    async def _store_output(self, live: LiveJob, after: Job, data: bytes) -> None:
        content_type = after.output.content_type if after.output is not None else BINARY
        try:
            name = await self._blobs.put(data)
        except CoreError as error:
            failure = JobError(
                "storage_full", f"The result of {len(data)} bytes can't be stored: {error.detail}", hint=error.hint
            )
            self._open_jobs.settle(live, replace(after, status=JobStatus.FAILED, output=None, error=failure))
        else:
            self._open_jobs.settle(live, replace(after, output=Payload.stored(name, len(data), content_type)))

    def fail(self, ref: AttemptRef, error: JobError) -> None:
        """The handler failed."""
        live = self._held(ref)
        if live is not None:
            after = rules.fail(live.job, ref.token, error, live.now(self._clock), self._chance())
            self._answered(ref, live, after, f"failed: {error.said}")

    def stopped(self, ref: AttemptRef) -> None:
        """The worker has stopped an attempt as it was asked to."""
        live = self._held(ref)
        if live is not None:
            after = rules.stop(live.job, ref.token, live.now(self._clock), self._chance())
            self._answered(ref, live, after, "was stopped over its timeout")

    def lost(self, ref: AttemptRef, reason: str) -> None:
        """The attempt came to nothing, and its worker goes on: what is between them has lost it.

        Args:
            ref: the attempt.
            reason: completes "the worker …".
        """
        live = self._held(ref)
        if live is not None:
            lines, now = live.story.last_words(live.job.attempt), live.now(self._clock)
            after = rules.lose(live.job, ref.token, reason, lines, now, chance=self._chance())
            self._ended(ref, live, after, f"was lost: the worker {reason}")

    def hand_back(self, ref: AttemptRef, pause: float = 0.0) -> None:
        """A worker returns an attempt that it has not begun; it is tried again after ``pause`` seconds."""
        seat = self._board.seat_of(ref.worker_id)
        ahead = seat.ahead.get(ref.number) if seat is not None else None
        if seat is not None and ahead is not None:
            if ahead.token == ref.token:
                del seat.ahead[ref.number]
                self._claims.put_back(ahead)
            return
        live = self._held(ref)
        if live is None:
            return
        after = rules.hand_back(live.job, ref.token, live.now(self._clock), pause=pause)
        if after is not None:
            self._claims.release(self._board[ref.worker_id], ref.number)
            self._go_on(live, after)

    def depart(self, worker_id: str, departure: Departure) -> None:
        """The worker is gone: what it held is queued again, or ends."""
        seat = self._board.vacate(worker_id)
        if seat is None:
            return
        # first those behind, so that those before them come before them again
        for live in reversed(seat.ahead.values()):
            self._claims.put_back(live)
        seat.ahead.clear()
        # one that was killed for a single stuck attempt takes the others down without their doing
        blameless = departure.blameless or any(live.job.stop_reason is not None for live in seat.held.values())
        for live in reversed(seat.held.values()):
            job, now = live.job, live.now(self._clock)
            if not live.is_open or job.token is None:
                continue
            if (blameless or job.started_at is None) and job.stop_reason is None and not job.pieces:
                after = rules.hand_back(job, job.token, now)
            else:
                lines = live.story.last_words(live.job.attempt) + departure.last_lines
                memory, chance = departure.out_of_memory, self._chance()
                after = rules.lose(job, job.token, departure.reason, lines, now, chance=chance, memory=memory)
            self._note(live, f"attempt {job.attempt}: the worker {departure.reason}", after)
            self._go_on(live, after)
        seat.held.clear()

    # -- what follows -------------------------------------------------------------------------------------------------

    def _held(self, ref: AttemptRef) -> LiveJob | None:
        """The open job that the worker holds under that number; the token is for the rules to look at."""
        seat = self._board.seat_of(ref.worker_id)
        live = seat.held.get(ref.number) if seat is not None else None
        return live if live is not None and live.is_open else None

    def _answered(self, ref: AttemptRef, live: LiveJob, after: Job | None, how: str) -> None:
        """The worker itself has said how the attempt ended."""
        if after is not None:
            self._board[ref.worker_id].jobs_done += 1
            self._ended(ref, live, after, how)

    def _ended(self, ref: AttemptRef, live: LiveJob, after: Job | None, how: str) -> None:
        """The attempt has ended without a result; ``how`` completes "attempt 1 …"."""
        if after is None:
            return
        self._claims.release(self._board[ref.worker_id], ref.number)
        if not after.is_final:
            self._note(live, f"attempt {live.job.attempt} {how}", after)
        self._go_on(live, after)
        self._claims.pump(after.version_id)

    def _go_on(self, live: LiveJob, after: Job | None) -> None:
        """A job whose attempt came to nothing ends, or waits for the next one."""
        if after is None:
            return
        if after.is_final:
            self._open_jobs.settle(live, after)
            return
        live.job = after
        if live.recorded is not None:
            self._chronicle.save(live)
        self._notifier.notify(after.id)
        self._claims.enqueue(live, front=True)

    def _note(self, live: LiveJob, text: str, after: Job | None) -> None:
        """Tells in the job's log how an attempt ended, and when it will be tried again."""
        now = live.now(self._clock)
        if after is not None and after.retry_at is not None:
            text += f"; it is tried again in {max(0.0, after.retry_at - now):.1f} s"
        self._chronicle.add(live, EventKind.LOG, text.encode(errors="replace"), "system", now)

    def _chance(self) -> float:
        """A number in [0, 1)."""
        return fraction(self._entropy(RANDOM_BYTES))


def _unheard(_worker_id: str, _job_id: str, _stream: str, _data: bytes) -> None:
    """Listens until somebody else does."""
