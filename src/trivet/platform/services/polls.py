"""Polls: what an open one waits for, and what it may be given."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from trivet.platform.core import takes as rules
from trivet.platform.core.errors import Conflict, CoreError
from trivet.platform.core.jobs import JobError
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier, Subscription
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.ports.vault import Vault
from trivet.platform.services.desks import Desk, Turn
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.workers import Workers

DRAINING_HOLD = 1.0
"""Seconds that a poll is held of a worker which gets no more jobs: it is to end, and must not spin until then."""
LOADING_LOOK = 0.02
"""Seconds between looks at whether a job whose input is being fetched has come, or never will."""
PORTION = 4
"""Jobs that are asked for at a time: how large they are shows only once they are in memory."""
MOST_COUNTED = 10_000
"""Jobs that got lost on their way and are remembered."""
TELL_AT = 2
"""Polls that found another one open, after which the endpoint's log says so: one may only have lost its connection."""


FaultIn = Callable[[str, bytes], CoreError | None]
"""Why a worker could not read an input, by its content type and its bytes; None: it can."""


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
        self._attempts = dispatcher.attempts
        self._board = dispatcher.board
        self._claims = dispatcher.claims
        self._notifier = notifier
        self._vault = vault
        self._clock = clock
        self._losses: OrderedDict[str, int] = OrderedDict()
        """How often each job got lost on its way to a worker."""

    def heard(self, desk: Desk) -> None:
        """A poll begins, ends, or is open."""
        desk.polled_at = self._clock()
        self._workers.alive(desk.worker_id)

    # -- for jobs -------------------------------------------------------------------------------------------------------

    async def take(self, desk: Desk, most: int, hold: float, fault_in: FaultIn) -> list[TakenJob]:
        """Waits for up to ``most`` jobs for ``hold`` seconds, or for a quick worker for more. See `Takes.take`."""
        turn = desk.take or desk.open_take()
        try:
            hold = min(hold, DRAINING_HOLD) if desk.draining else hold
            if await self._has_jobs(desk, turn, most, hold):
                return self._give(desk, fault_in)
            self._check_alone(desk, turn)
            return []
        finally:
            if desk.take is turn:
                desk.take = None
                self.heard(desk)
                self.give_nothing(desk)

    async def _has_jobs(self, desk: Desk, turn: Turn, most: int, hold: float) -> bool:
        """Waits for jobs that can go into the poll's answer."""
        until = self._clock() + hold
        has_surplus = False
        with self._notifier.subscribe(desk.take_topic) as changes:
            if not await self._has_rested(desk, turn, changes, until):
                return False
            while desk.take is turn:
                left = max(0.0, until - self._clock())
                self._fill(desk, most)
                orders = self._answerable(desk)
                if orders and not has_surplus:
                    has_surplus = True
                    most += self._surplus(desk, orders[0])
                    self._fill(desk, most)
                loading = self._loading(desk)
                if orders and not (loading and left):
                    return True
                patience = min(left, LOADING_LOOK) if loading else left
                if not left or (not await changes.wait(patience) and patience == left):
                    break
        return False

    async def _has_rested(self, desk: Desk, turn: Turn, changes: Subscription, until: float) -> bool:
        """Whether a worker that lost what it was given may be given something again, before ``until``.

        It would lose a whole queue as fast as it can ask, and others may do better.
        """
        while desk.take is turn:
            now, rested_at = self._clock(), desk.rests_until
            if rested_at <= now:
                return True
            if until <= now:
                return False
            if not await changes.wait(min(rested_at, until) - now):
                return rested_at <= until
        return False

    def _check_alone(self, desk: Desk, turn: Turn) -> None:
        """A poll that has got nothing because another one ended it would come again at once, to end that one.

        Raises:
            Conflict: it is such a poll.
        """
        if not turn.superseded:
            return
        if desk.overlaps >= TELL_AT and not desk.overlap_told:
            desk.overlap_told = True
            self._workers.wrote(desk.worker_id, "Two processes ask for jobs under this id: give each worker its own.")
        raise Conflict(
            f"Another process asks under the id {rules.own_name(desk.worker_id)!r}.",
            hint="Give each worker an id of its own.",
        )

    # -- jobs that got lost on their way --------------------------------------------------------------------------------

    def count_loss(self, job_id: str) -> int:
        """A job got lost on its way to a worker; returns how often it has by now."""
        losses = self._losses[job_id] = self._losses.pop(job_id, 0) + 1
        if len(self._losses) > MOST_COUNTED:
            self._losses.popitem(last=False)
        return losses

    def _answerable(self, desk: Desk) -> list[AttemptOrder]:
        """What goes into one answer. A job that came to nothing before goes alone: whatever is wrong with it, or with its input,
        would take along all that are in the same answer.
        """
        orders = desk.deliverable()
        if orders and self._is_suspect(orders[0]):
            return orders[:1]
        sound = [order for order in orders if not self._is_suspect(order)]
        return sound[: rules.fitting([len(order.body) for order in sound])]

    def _is_suspect(self, order: AttemptOrder) -> bool:
        return order.attempt > 1 or order.job_id in self._losses

    # -- what goes into an answer ---------------------------------------------------------------------------------------

    def _loading(self, desk: Desk) -> int:
        """How many jobs are on their way to the desk."""
        seat = self._board.seat_of(desk.worker_id)
        return seat.loading if seat is not None else 0

    def _fill(self, desk: Desk, most: int) -> None:
        """Asks for jobs until ``most`` are promised, the answer is full, or no more wait.

        What was promised to the poll before this one is promised to this one.
        """
        while not self._loading(desk):
            promised = len(desk.waiting)
            portion = min(most - promised, PORTION)
            if portion <= 0 or sum(len(order.body) for order in desk.waiting.values()) >= rules.ANSWER_SIZE:
                self._claims.ask(desk.worker_id, 0)
                return
            self._claims.ask(desk.worker_id, portion)
            if len(desk.waiting) + self._loading(desk) < promised + portion:
                return

    def _surplus(self, desk: Desk, first: AttemptOrder) -> int:
        """How many jobs more than it asks for a worker gets, beside the first.

        A quick one that takes one at a time would idle for most of the second until it asks again.
        """
        seat = self._board.seat_of(desk.worker_id)
        if seat is None or desk.capacity > 1 or self._is_suspect(first):
            return 0
        # what waits now does so though every worker that asks has been served
        waiting, workers = self._board.pressing(desk.version_id), len(self._board.seats(desk.version_id))
        return rules.surplus(seat.pace, waiting, workers)

    def _give(self, desk: Desk, fault_in: FaultIn) -> list[TakenJob]:
        """What goes into the answer. What the worker could not read fails instead: it would take the whole answer along."""
        jobs = []
        for order in self._answerable(desk):
            del desk.waiting[order.number]
            try:
                aside = None if order.aside is None else self._vault.unseal(order.aside).encode()
            except CoreError as error:
                message = f"What the caller gave for the worker beside the input can't be read: {error.detail}"
                self._attempts.fail(desk.ref(order), JobError("input_lost", message, hint=error.hint))
                continue
            fault = fault_in(order.content_type, order.body)
            if fault is not None:
                self._attempts.fail(desk.ref(order), JobError("unreadable_input", fault.detail, hint=fault.hint))
                continue
            desk.give(order)
            jobs.append(TakenJob(order.job_id, order.attempt, order.content_type, order.body, aside))
        self.begin_next(desk)
        return jobs

    def begin_next(self, desk: Desk) -> None:
        """Tells of those whose turn has come inside the worker."""
        for ref in desk.begin_next():
            self._attempts.begun(ref)

    def give_nothing(self, desk: Desk) -> None:
        """No poll is open: what waits for one goes back, and nothing more comes."""
        self._claims.ask(desk.worker_id, 0)
        for ref in reversed(desk.take_back()):  # each goes to the front of the queue
            self._attempts.hand_back(ref)

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
            self._check_alone(desk, turn)
            return desk.tell_stops() if desk.stop is turn else []
        finally:
            if desk.stop is turn:
                desk.stop = None
                self.heard(desk)
