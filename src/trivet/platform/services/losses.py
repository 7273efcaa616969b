"""Losses: what becomes of attempts that a worker was given, and does not hold any more or never did."""

from __future__ import annotations

from trivet.platform.core import takes as rules
from trivet.platform.core import transitions
from trivet.platform.core.takes import HeldAttempt
from trivet.platform.ports.runtime import AttemptRef
from trivet.platform.services.attempts import Attempts
from trivet.platform.services.board import Board
from trivet.platform.services.desks import Desk
from trivet.platform.services.live import LiveJob
from trivet.platform.services.polls import Polls


class Losses:
    """Settles what workers that poll have lost.

    Args:
        attempts: what is told how they ended.
        board: which worker holds what.
        polls: what keeps count of jobs that get lost on their way.
    """

    def __init__(self, attempts: Attempts, board: Board, polls: Polls) -> None:
        self._attempts = attempts
        self._board = board
        self._polls = polls

    def settle(self, desk: Desk, missing: list[HeldAttempt], *, had_left: bool) -> None:
        """The worker does not have these attempts any more, or never had.

        Args:
            desk: the worker's.
            missing: what it should hold.
            had_left: whether it may have been started anew since it was given them.
        """
        for attempt in reversed(missing):  # those that are tried again go to the front of the queue
            ref = desk.ref(desk.held.pop(attempt.job_id))
            if attempt.shown and had_left:
                self._attempts.lost(ref, rules.STARTED_ANEW)
            elif attempt.shown:
                self._attempts.fail(ref, rules.result_lost(self._last_words(ref)))
            elif attempt.begun_at is None:
                self._attempts.hand_back(ref)
            else:
                self._got_lost(desk, ref, attempt.job_id)

    def _got_lost(self, desk: Desk, ref: AttemptRef, job_id: str) -> None:
        """An attempt of which nothing was ever seen is made again, uncounted at first: it most likely never was one.

        Where it is the last one allowed, "most likely" is not enough.
        """
        desk.rest(rules.LOST_REST)
        live = self._live(ref)
        losses = self._polls.count_loss(job_id)
        if live is None or losses > rules.MOST_LOST_DELIVERIES or transitions.is_last_attempt(live.job):
            self._attempts.lost(ref, rules.NEVER_ARRIVED)
        else:
            self._attempts.hand_back(ref, rules.redelivery_pause(losses))

    def _last_words(self, ref: AttemptRef) -> tuple[str, ...]:
        live = self._live(ref)
        return live.story.last_words(live.job.attempt) if live is not None else ()

    def _live(self, ref: AttemptRef) -> LiveJob | None:
        seat = self._board.seat_of(ref.worker_id)
        return seat.find(ref.number) if seat is not None else None
