"""Stops: jobs that somebody, or their time, asks to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trivet.platform.core import transitions as rules
from trivet.platform.core.jobs import Job, JobError
from trivet.platform.ports.clock import Clock
from trivet.platform.services.alarms import Alarms
from trivet.platform.services.board import Board
from trivet.platform.services.chronicle import Chronicle
from trivet.platform.services.claims import Claims
from trivet.platform.services.live import LiveJob
from trivet.platform.services.open_jobs import OpenJobs

STOP_GRACE = 1.0
"""Seconds that a handler has to stop by itself before its worker is killed."""
STOP_GRACE_SHARED = 5.0
"""The same where the worker holds other jobs too: they get the chance to finish first."""
LOOK_AGAIN = 0.25
"""Seconds between two looks at a handler that was asked to stop and did not."""
_ROUNDING = 1e-6
"""Seconds that moments lose at most on their way between two clocks."""


class Stops:
    """Ends jobs that wait, and asks the workers of others to stop them.

    Args:
        board: what waits, and who holds what.
        open_jobs: ends jobs.
        claims: knows what may have begun.
        chronicle: brings to disk that a job was asked to stop.
        alarms: calls for jobs that were asked, to see whether they did.
        clock: seconds that go on evenly.
    """

    def __init__(
        self,
        *,
        board: Board,
        open_jobs: OpenJobs,
        claims: Claims,
        chronicle: Chronicle,
        alarms: Alarms,
        clock: Clock,
    ) -> None:
        self._board = board
        self._open_jobs = open_jobs
        self._claims = claims
        self._chronicle = chronicle
        self._alarms = alarms
        self._clock = clock
        self.on_stuck: Callable[[str], None] = _nobody
        """Told a worker's id when it does not stop an attempt that it was asked to stop."""

    def cancel(self, job_id: str) -> bool:
        """Asks a job to stop. False where there is nothing to ask: it is not open, or was asked already."""
        live = self._open_jobs.live(job_id)
        return live is not None and live.is_open and self._cancel(live)

    def purge(self, version_ids: Iterable[str]) -> list[str]:
        """Cancels everything that waits for these versions; returns the ids of those jobs."""
        waiting = [live for version_id in version_ids for live in self._board.waiting(version_id)]
        return [live.job.id for live in waiting if self._cancel(live)]

    def discard(self, version_id: str, error: JobError) -> None:
        """The version is gone: what waits for it fails, what runs is stopped."""
        for live in self._board.waiting(version_id):
            self._board.discard(live)
            self._open_jobs.settle(live, rules.discard(live.job, error, live.now(self._clock)))
        for seat in self._board.seats(version_id):
            for live in list(seat.lives()):
                self._cancel(live)

    def _cancel(self, live: LiveJob) -> bool:
        self._claims.presume_begun(live)
        return self.ask(live, rules.cancel(live.job, live.now(self._clock)))

    def ask(self, live: LiveJob, after: Job | None) -> bool:
        """Does what the rules have decided about stopping a job.

        Args:
            live: the job.
            after: its end, where it can end at once; else the job once it was asked to stop. None: nothing was decided.

        Returns:
            Whether anything was.
        """
        if after is None:
            return False
        if after.is_final:
            self._board.discard(live)
            self._open_jobs.settle(live, after)
            return True
        live.job = after
        seat = self._board.seat_of(after.worker_id or "")
        if seat is not None and after.stop_reason is not None:
            seat.link.cancel(live.number, after.stop_reason.value)
        self._alarms.set(live, live.now(self._clock) + STOP_GRACE)
        if live.recorded is not None:
            self._chronicle.save(live)
        return True

    def check_stuck(self, live: LiveJob) -> None:
        """A handler that was asked to stop and did not: its worker is killed, others on it may finish first for a while."""
        now = live.now(self._clock)
        waited = now - (live.job.stop_asked_at or now) + _ROUNDING
        seat = self._board.seat_of(live.job.worker_id or "")
        if seat is None:
            return
        if waited >= STOP_GRACE:
            seat.suspect = True
            alone = all(other.job.stop_reason is not None for other in seat.held.values())
            if alone or waited >= STOP_GRACE_SHARED:
                self.on_stuck(seat.worker_id)
        self._alarms.set(live, now + LOOK_AGAIN)


def _nobody(_: str) -> None:
    """Listens until somebody else does."""
