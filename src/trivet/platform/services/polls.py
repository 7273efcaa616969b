"""Polls: what an open one waits for, and what it may be given."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivet.platform.core import takes as rules
from trivet.platform.core.errors import CoreError, Unavailable
from trivet.platform.core.jobs import JobError
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.vault import Vault
from trivet.platform.services.desks import Desk, Turn
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.workers import Workers

DRAINING_HOLD = 1.0
"""Seconds that a poll is held of a worker which gets no more jobs: it is to end, and must not spin until then."""
LOADING_LOOK = 0.02
"""Seconds between looks at whether a job whose input is being fetched has come, or never will."""


@dataclass(frozen=True, slots=True)
class TakenJob:
    """A job as it is given to a worker. ``aside`` is what its caller wants the worker to have beside the input: a JSON object."""

    job_id: str
    attempt: int
    content_type: str
    body: bytes = field(repr=False)
    aside: bytes | None = field(default=None, repr=False)


class Polls:
    """The open polls of all desks."""

    def __init__(
        self, workers: Workers, dispatcher: Dispatcher, notifier: Notifier, vault: Vault, clock: Clock
    ) -> None:
        self._workers = workers
        self._dispatcher = dispatcher
        self._notifier = notifier
        self._vault = vault
        self._clock = clock

    def heard(self, desk: Desk) -> None:
        """A poll begins, ends, or is open."""
        desk.polled_at = self._clock()
        self._workers.alive(desk.worker_id)

    # -- for jobs -------------------------------------------------------------------------------------------------------

    async def take(self, desk: Desk, most: int, hold: float) -> list[TakenJob]:
        """Waits for up to ``most`` jobs for ``hold`` seconds, or for a quick worker for more. See `Takes.take`."""
        turn = desk.take or desk.open_take()
        try:
            return await self._wait_for_jobs(desk, turn, most, min(hold, DRAINING_HOLD) if desk.draining else hold)
        except Unavailable:  # the platform is shutting down
            return []
        finally:
            if desk.take is turn:
                desk.take = None
                self.heard(desk)
                self.give_nothing(desk)

    async def _wait_for_jobs(self, desk: Desk, turn: Turn, most: int, hold: float) -> list[TakenJob]:
        until = self._clock() + hold
        has_surplus = False
        with self._notifier.subscribe(desk.take_topic) as changes:
            promised = len(desk.waiting) + self._loading(desk)  # to the poll before this one
            self._dispatcher.ask(desk.worker_id, max(0, most - promised))
            while desk.take is turn:
                left = max(0.0, until - self._clock())
                if desk.deliverable() and not has_surplus:
                    has_surplus = True
                    self._add_surplus(desk)
                loading = self._loading(desk)
                if desk.deliverable() and not (loading and left):
                    return self._give(desk)
                patience = min(left, LOADING_LOOK) if loading else left
                if not left or (not await changes.wait(patience) and patience == left):
                    break
        return []

    def _loading(self, desk: Desk) -> int:
        """How many jobs are on their way to the desk."""
        seat = self._dispatcher.seat_of(desk.worker_id)
        return seat.loading if seat is not None else 0

    def _add_surplus(self, desk: Desk) -> None:
        """A quick worker that takes one job at a time would idle for most of the second until it asks again."""
        seat = self._dispatcher.seat_of(desk.worker_id)
        if seat is None or desk.capacity > 1:
            return
        # what waits now does so though every worker that asks has been served
        waiting, workers = self._dispatcher.pressing(desk.version_id), len(self._dispatcher.seats(desk.version_id))
        more = rules.surplus(seat.pace, waiting, workers)
        if more:
            self._dispatcher.ask(desk.worker_id, more)

    def _give(self, desk: Desk) -> list[TakenJob]:
        """What goes into the answer."""
        jobs = []
        for order in desk.deliverable():
            del desk.waiting[order.number]
            try:
                aside = None if order.aside is None else self._vault.unseal(order.aside).encode()
            except CoreError as error:
                message = f"What the caller gave for the worker beside the input can't be read: {error.detail}"
                self._workers.fail(desk.ref(order), JobError("input_lost", message, hint=error.hint))
                continue
            desk.give(order)
            jobs.append(TakenJob(order.job_id, order.attempt, order.content_type, order.body, aside))
        self.begin_next(desk)
        return jobs

    def begin_next(self, desk: Desk) -> None:
        """Tells of those whose turn has come inside the worker."""
        for ref in desk.begin_next():
            self._workers.begun(ref)

    def give_nothing(self, desk: Desk) -> None:
        """No poll is open: what waits for one goes back, and nothing more comes."""
        self._dispatcher.ask(desk.worker_id, 0)
        for ref in reversed(desk.take_back()):  # each goes to the front of the queue
            self._workers.returned(ref)

    # -- for stops ------------------------------------------------------------------------------------------------------

    async def stops(self, desk: Desk, hold: float) -> list[str]:
        """Waits for jobs to stop for ``hold`` seconds. See `Takes.stops`."""
        turn = desk.open_stop()
        self.heard(desk)
        until = self._clock() + (min(hold, DRAINING_HOLD) if desk.signalled else hold)
        try:
            with self._notifier.subscribe(desk.stop_topic) as changes:
                while desk.stop is turn and not desk.to_stop:
                    left = max(0.0, until - self._clock())
                    if not left or not await changes.wait(left):
                        break
            return desk.tell_stops() if desk.stop is turn else []
        except Unavailable:  # the platform is shutting down
            return []
        finally:
            if desk.stop is turn:
                desk.stop = None
                self.heard(desk)
