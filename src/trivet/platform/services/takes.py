"""Takes: workers that come and ask for their jobs, one poll at a time, and live the same life as those with a link.

A worker with a link is sent its jobs. This kind asks for them (*take*), asks what to stop, says now and then that it lives
(*ping*), and brings what its handlers report with requests of their own. Between two visits its `Desk` stands for it. What
follows from what it says, and from what it does not, is decided in `core.takes`.

Nothing that it was given is certain to have arrived. So nothing is given without an open poll, what a poll could not take goes
back to the queue uncounted, and a worker that says it holds nothing has lost what it was given, or the result of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trivet.platform.core import takes as rules
from trivet.platform.core.accounts import Principal
from trivet.platform.core.jobs import JobError, Progress
from trivet.platform.core.takes import HeldAttempt
from trivet.platform.ports.background import Background
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.runtime import AttemptRef
from trivet.platform.ports.vault import Vault
from trivet.platform.services.desks import Desk, DeskEvents
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.lines import Line, Lines, Readers
from trivet.platform.services.losses import Losses
from trivet.platform.services.polls import FaultIn, Polls, TakenJob
from trivet.platform.services.reception import Reception, Visit
from trivet.platform.services.vigil import Vigil
from trivet.platform.services.workers import Workers

__all__ = ["Line", "TakenJob", "Takes", "Visit"]

LISTEN_LIMIT = 10.0
"""Seconds that what a worker says is held up at most while the disk is behind."""


def _reads_all(_content_type: str, _body: bytes) -> None:
    """Finds no fault in any input."""


class Takes:
    """The use cases of workers that poll.

    Args:
        workers: the register of workers.
        dispatcher: who gets which job.
        endpoints: the catalogue.
        notifier: wakes open polls.
        vault: opens what callers gave aside.
        clock: seconds that go on evenly.
        background: runs what has to wait for the end of a transition.
        readers: who reads the lines of each kind of program that polls.
    """

    def __init__(
        self,
        *,
        workers: Workers,
        dispatcher: Dispatcher,
        endpoints: Endpoints,
        notifier: Notifier,
        vault: Vault,
        clock: Clock,
        background: Background,
        readers: Readers,
    ) -> None:
        self._workers = workers
        self._attempts = dispatcher.attempts
        self._board = dispatcher.board
        self._endpoints = endpoints
        self._notifier = notifier
        self._clock = clock
        self._background = background
        events = DeskEvents(
            stopped=lambda ref: self._soon(lambda: self._stopped(ref)),
            unknown=lambda worker_id, number: self._soon(lambda: self._stop_unknown(worker_id, number)),
            unwanted=lambda ref: self._soon(lambda: self._attempts.hand_back(ref)),
            drained=lambda worker_id: self._soon(lambda: self._drained(worker_id)),
        )
        self._reception = Reception(workers, endpoints, notifier, clock, events)
        self._polls = Polls(workers, dispatcher, notifier, vault, clock)
        self._losses = Losses(self._attempts, self._board, self._polls)
        self._lines = Lines(self._reception, workers, self._attempts, endpoints, readers)
        self._vigil = Vigil(self._reception, workers, self._attempts, self._polls, clock)

    def admit(self, endpoint_id: str, worker_id: str, token: str, principal: Principal | None) -> Visit:
        """Lets a worker speak.

        Args:
            endpoint_id: what it says it works for.
            worker_id: who it says it is.
            token: what it shows: the one it was started with, where this platform has started it.
            principal: whose API key it shows instead, where it lives elsewhere.

        Raises:
            Unauthenticated: it is not a worker of that endpoint, or the token is not its own.
            NotFound: it was one, and has ended; or the principal may see no such endpoint.
            Forbidden: the principal may not work for that endpoint, or this platform has started the worker of that id.
            BadRequest: that can't be the id of a worker.
        """
        return self._reception.admit(endpoint_id, worker_id, token, principal)

    # -- polls ----------------------------------------------------------------------------------------------------------

    async def take(
        self, visit: Visit, most: int, *, busy: bool, hold: float, after: str = "", fault_in: FaultIn = _reads_all
    ) -> list[TakenJob]:
        """Waits for jobs.

        Only one such poll of a worker is open: another one ends it. One that is cancelled, or ends empty, has given nothing.
        With the first a worker from elsewhere joins.

        Args:
            visit: the worker.
            most: how many it can take now. Where it is quick it may be given more, to be worked on in order.
            busy: whether it says that it holds jobs.
            hold: seconds to wait.
            after: the job whose result it last set out to bring, where it says so: a sign that its handler had come to its end.
            fault_in: tells which inputs it could not read: those jobs fail instead.

        Returns:
            The jobs, as soon as there is one; none after ``hold`` seconds, or when the worker is to end.

        Raises:
            Conflict: another such poll of the worker has come in between.
            NotFound: the endpoint has nothing to work for.
            Unavailable: too many serve the endpoint from elsewhere, or the platform is shutting down.
        """
        desk = self._reception.seated(visit)
        if desk is None:
            return []
        had_left = desk.left_at is not None
        desk.open_take()
        self._polls.heard(desk)
        if after in desk.held:
            desk.show(after)
        if not busy and not desk.may_be_two():
            self._settle_missing(desk, desk.holds_nothing(), had_left=desk.remote and had_left)
        if desk.remote and desk.ready and not desk.held and not desk.waiting:
            desk = self._reception.move_on(desk)
        desk.offers(most)
        if not desk.ready:
            if busy and desk.pinged_at is None:  # it has worked here before, and may hold what waits to be tried again
                desk.rest(rules.PING_INTERVAL)
            desk.ready = True
            self._workers.ready(desk.worker_id, asks=True)
        return await self._polls.take(desk, most, hold, fault_in)

    def undelivered(self, visit: Visit, jobs: Iterable[TakenJob]) -> None:
        """The answer with these jobs could not be sent: they go back, uncounted."""
        desk = self._reception.desk(visit.worker_id)
        if desk is None:
            return
        for job in reversed(list(jobs)):
            attempt = desk.held.get(job.job_id)
            if attempt is not None and not attempt.shown:
                del desk.held[job.job_id]
                self._attempts.hand_back(desk.ref(attempt))
        self._after_an_end(desk)

    def hung_up(self, visit: Visit) -> None:
        """The worker has left amid a poll."""
        desk = self._reception.desk(visit.worker_id)
        if desk is not None:
            desk.hung_up()

    async def stops(self, visit: Visit, *, hold: float) -> list[str]:
        """Waits for jobs to stop. Only one such poll of a worker is open: another one ends it.

        Args:
            visit: the worker.
            hold: seconds to wait.

        Returns:
            The ids of the jobs, each told once, and again after each ping that names it; none after ``hold`` seconds.

        Raises:
            Conflict: another such poll of the worker has come in between.
            Unavailable: the platform is shutting down.
        """
        until = self._clock() + hold
        desk = await self._reception.arrival(visit, hold)
        return await self._polls.stops(desk, max(0.0, until - self._clock())) if desk is not None else []

    async def linger(self, seconds: float) -> None:
        """Returns after so many seconds: whoever is refused at once asks again at once.

        Raises:
            Unavailable: the platform is shutting down.
        """
        with self._notifier.subscribe("takes:refused") as changes:
            await changes.wait(seconds)

    # -- signs of life --------------------------------------------------------------------------------------------------

    def beat(self, visit: Visit, held: frozenset[str]) -> None:
        """A ping.

        Args:
            visit: the worker.
            held: the jobs that it says it holds.
        """
        desk = self._reception.desk(visit.worker_id)
        if desk is None:
            return
        if desk.is_alive():
            self._workers.alive(desk.worker_id)
        self._settle_missing(desk, desk.beat(held))

    def _settle_missing(self, desk: Desk, missing: list[HeldAttempt], *, had_left: bool = False) -> None:
        if missing:
            self._losses.settle(desk, missing, had_left=had_left)
            self._after_an_end(desk)

    def unhealthy(self, visit: Visit, check: str, reason: str) -> None:
        """The worker has failed a check of its own, and will end.

        Args:
            visit: the worker.
            check: what the check is called.
            reason: why it failed.
        """
        what = "failed its start check"
        if visit.remote and self._reception.desk(visit.worker_id) is None:
            text = f"worker {visit.worker_id} {what}: {check}: {reason}"
            self._workers.journals.note(visit.endpoint_id, visit.worker_id, None, "system", text)
        else:
            self._workers.unfit(visit.worker_id, f"{check}: {reason}", "", what=what)

    # -- what handlers report -------------------------------------------------------------------------------------------

    def progress(self, visit: Visit, job_id: str, progress: Progress) -> bool:
        """How far a handler is. False: the worker does not hold that job, and nothing was changed."""
        desk = self._holder(visit, job_id)
        if desk is None:
            return False
        desk.show(job_id)
        self._attempts.progress(desk.ref(desk.held[job_id]), progress)
        return True

    def piece(self, visit: Visit, job_id: str, content_type: str, data: bytes) -> bool:
        """One piece of a stream. False: the worker does not hold that job, and nothing was changed."""
        desk = self._holder(visit, job_id)
        if desk is None:
            return False
        desk.show(job_id, pieces=1)
        self._attempts.piece(desk.ref(desk.held[job_id]), content_type, data)
        return True

    async def listening(self, visit: Visit) -> None:
        """Returns once there is room for what the worker has to say: at once, unless the disk is far behind it."""
        desk = self._reception.desk(visit.worker_id)
        if desk is None:
            return
        with self._notifier.subscribe(desk.voice_topic) as changes:
            while desk.muted:
                if not await changes.wait(LISTEN_LIMIT):
                    return

    def succeed(self, visit: Visit, job_id: str, content_type: str, data: bytes) -> bool:
        """A result. False: the worker does not hold that job, and nothing was changed."""
        desk = self._holder(visit, job_id)
        if desk is None:
            self._late(visit, job_id)
            return False
        attempt = desk.held.pop(job_id)
        self._attempts.succeed(desk.ref(attempt), content_type, data, attempt.pieces)
        self._after_an_end(desk)
        return True

    def fail(self, visit: Visit, job_id: str, error: JobError) -> bool:
        """A failure. False: the worker does not hold that job, and nothing was changed."""
        desk = self._holder(visit, job_id)
        if desk is None:
            self._late(visit, job_id)
            return False
        self._attempts.fail(desk.ref(desk.held.pop(job_id)), error)
        self._after_an_end(desk)
        return True

    def _holder(self, visit: Visit, job_id: str) -> Desk | None:
        """The worker's desk, where it holds the job."""
        desk = self._reception.desk(visit.worker_id)
        if desk is None or job_id not in desk.held:
            return None
        desk.left_at = None
        return desk

    def _late(self, visit: Visit, job_id: str) -> None:
        """A result that is no good any more shows at least that the worker is free of the job."""
        desk = self._reception.desk(visit.worker_id)
        if desk is not None:
            desk.lay(job_id)

    def _after_an_end(self, desk: Desk) -> None:
        self._polls.begin_next(desk)
        self._let_go_if_free(desk)

    def wrote(self, worker_id: str, text: str) -> bool:
        """A line of a worker's own output: it goes into the log of the job that it is about, else into the worker's own.

        A line that names no job is about the only one that the worker holds.

        Args:
            worker_id: the worker.
            text: the line.

        Returns:
            False: nothing was done, as this worker is of the kind that has a link.
        """
        return self._lines.wrote(worker_id, text)

    # -- ends -----------------------------------------------------------------------------------------------------------

    def leave_after(self, visit: Visit) -> None:
        """The worker asks to be replaced: it gets no more jobs, and is ended once it holds none.

        One from elsewhere has to see to that itself.
        """
        if not self._workers.register.is_remote(visit.worker_id):
            self._workers.stop(visit.worker_id)

    def _soon(self, work: Callable[[], None]) -> None:
        """Does ``work`` once the dispatcher is through with what it is about."""

        async def later() -> None:
            work()

        self._background(later())

    def _stopped(self, ref: AttemptRef) -> None:
        """An attempt that was to be stopped is over: its worker would never say so."""
        self._attempts.stopped(ref)
        desk = self._reception.desk(ref.worker_id)
        if desk is not None:
            self._after_an_end(desk)

    def _stop_unknown(self, worker_id: str, number: int) -> None:
        """An attempt was to be stopped that has not come here: its input is on its way still."""
        seat = self._board.seat_of(worker_id)
        live = seat.find(number) if seat is not None else None
        if live is not None:
            self._attempts.stopped(AttemptRef(worker_id, number, live.token))

    def _drained(self, worker_id: str) -> None:
        desk = self._reception.desk(worker_id)
        if desk is not None:
            self._polls.give_nothing(desk)
            self._let_go_if_free(desk)

    def _let_go_if_free(self, desk: Desk) -> None:
        """Ends a worker that is to go and holds nothing: first the signal, then its polls, so that it asks no more in between.

        As long as it holds jobs it is not signalled: it would never begin those that wait inside it.
        """
        if not desk.draining or desk.held or desk.signalled:
            return
        desk.signalled = True
        if desk.remote:
            self._workers.leave(desk.worker_id, "was let go")
        else:
            self._workers.terminate(desk.worker_id)
        desk.close()

    def close(self) -> None:
        """From now on nobody joins from elsewhere: the platform is shutting down."""
        self._reception.shut()

    # -- time -----------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What time brings about: polls that stay open are signs of life, and handlers that do not stop end with their worker."""
        self._vigil.tick()
