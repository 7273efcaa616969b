"""The vigil over workers that poll: who lives, and whose handlers go on that were stopped."""

from __future__ import annotations

import logging

from trivet.platform.core import takes as rules
from trivet.platform.ports.clock import Clock
from trivet.platform.services.attempts import Attempts
from trivet.platform.services.desks import Desk
from trivet.platform.services.polls import Polls
from trivet.platform.services.reception import Reception
from trivet.platform.services.workers import Workers

logger = logging.getLogger(__name__)


class Vigil:
    """What time brings about for workers that poll.

    Args:
        reception: where they are served.
        workers: the register of workers.
        attempts: what is told of those that come to nothing.
        polls: their open polls.
        clock: seconds that go on evenly.
    """

    def __init__(self, reception: Reception, workers: Workers, attempts: Attempts, polls: Polls, clock: Clock) -> None:
        self._reception = reception
        self._workers = workers
        self._attempts = attempts
        self._polls = polls
        self._clock = clock

    def tick(self) -> None:
        """Looks at every worker; see `Takes.tick`."""
        now = self._clock()
        for desk in self._reception.desks():
            if desk.take is not None or desk.stop is not None:
                self._polls.heard(desk)
            elif not desk.remote and any(attempt.is_within(now) for attempt in desk.held.values()):
                self._workers.alive(desk.worker_id)  # it may be too busy to speak, and its end would be seen
            if desk.ghosts:
                self._look_at_ghosts(desk, now)
            if desk.is_over():  # and no result has come: does the worker still hold anything?
                desk.over.clear()
                self._ask_again(desk)

    def _look_at_ghosts(self, desk: Desk, now: float) -> None:
        desk.remind()
        alone = not desk.held
        if not desk.remote and rules.must_end(desk.ghosts.values(), alone=alone, now=now):
            self._end(desk)
        elif alone and now - desk.take_began_at >= rules.GHOST_PROBE:
            self._ask_again(desk)

    def _ask_again(self, desk: Desk) -> None:
        """Has the worker ask again, as it then says whether it holds something."""
        if desk.take is not None:
            desk.end_take()
            self._polls.give_nothing(desk)

    def _end(self, desk: Desk) -> None:
        """A handler that was stopped goes on: its worker ends, and what else it holds is tried elsewhere, uncounted."""
        self._polls.give_nothing(desk)
        for attempt in reversed(list(desk.held.values())):
            if not attempt.pieces:
                del desk.held[attempt.job_id]
                self._attempts.hand_back(desk.ref(attempt))
        logger.info("worker %s is ended: a handler that was stopped goes on in it", desk.worker_id)
        self._workers.kill(desk.worker_id)
