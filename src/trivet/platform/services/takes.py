"""Takes: workers that come and ask for their jobs, one poll at a time, and live the same life as those with a link.

A worker with a link is sent its jobs. This kind asks for them (*take*), asks what to stop, says now and then that it lives
(*ping*), and brings results with requests of their own. Between two visits its `Desk` stands for it. What follows from what it
says, and from what it does not, is decided in `core.takes`.

Nothing it was given is certain to have arrived, so nothing is given without an open poll, and what a poll could not take goes
back to the queue uncounted. A worker that says it holds nothing has lost what it was given, or the result of that.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from trivet.platform.core import endpoints as access
from trivet.platform.core import takes as rules
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import Endpoint, Version, VersionState
from trivet.platform.core.errors import BadRequest, CoreError, Forbidden, NotFound, Unauthenticated, Unavailable
from trivet.platform.core.jobs import JobError, Progress
from trivet.platform.core.takes import HeldAttempt
from trivet.platform.ports.background import Background
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.runtime import AttemptRef
from trivet.platform.ports.vault import Vault
from trivet.platform.services.desks import Desk, Turn
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.workers import Workers

logger = logging.getLogger(__name__)

DRAINING_HOLD = 1.0
"""Seconds that a poll of a worker is held which gets no more jobs: it is about to end, and must not spin until then."""
LOADING_LOOK = 0.02
"""Seconds between looks at whether an input that is being fetched has come, or never will."""
LISTEN_LIMIT = 10.0
"""Seconds that what a worker says is held up at most while the disk is behind."""
MOST_ELSEWHERE = 1000
"""Workers from elsewhere that may serve one endpoint."""
REMEMBERED = 1024
"""Workers that have ended and are still told so, rather than that nobody knows them."""
_WORKER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Visit:
    """An admitted worker that speaks now."""

    worker_id: str
    endpoint_id: str


@dataclass(frozen=True, slots=True)
class TakenJob:
    """A job as it is given to a worker. ``aside`` is what its caller wants the worker to have beside the input, a JSON object."""

    job_id: str
    attempt: int
    content_type: str
    body: bytes = field(repr=False)
    aside: bytes | None = field(default=None, repr=False)


class Takes:
    """The desks of all workers that poll.

    Args:
        workers: the register of workers.
        dispatcher: who gets which job.
        endpoints: the catalogue.
        notifier: wakes open polls.
        vault: opens what callers gave aside.
        clock: seconds that go on evenly.
        background: runs what must not happen in the midst of another transition.
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
    ) -> None:
        self._workers = workers
        self._dispatcher = dispatcher
        self._endpoints = endpoints
        self._notifier = notifier
        self._vault = vault
        self._clock = clock
        self._background = background
        self._desks: dict[str, Desk] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()
        """The tokens of workers that have ended, by worker."""
        self.read_line: Callable[[str], tuple[str | None, str]] = _no_job
        """Tells which job a line of a worker's output is about, if it says so, and what of it to keep."""

    # -- admission ------------------------------------------------------------------------------------------------------

    def admit(self, endpoint_id: str, worker_id: str, token: str, principal: Principal | None) -> Visit:
        """Lets a worker speak.

        Args:
            endpoint_id: what it says it works for.
            worker_id: who it says it is.
            token: what it shows: the one it was started with, where this platform has started it.
            principal: whose API key it shows instead, where it lives elsewhere.

        Raises:
            Unauthenticated: it is not a worker of that endpoint, or the token is not its own.
            NotFound: it was, and has ended; or the principal may see no such endpoint.
            Forbidden: the principal may not work for that endpoint, or another worker has that id.
            BadRequest: that can't be the id of a worker.
            Unavailable: too many serve the endpoint from elsewhere.
        """
        desk = self._desk(worker_id)
        if principal is not None:
            self._admit_from_elsewhere(principal, endpoint_id, worker_id, desk)
        else:
            self._admit_own(endpoint_id, worker_id, token, desk)
        return Visit(worker_id, endpoint_id)

    def _desk(self, worker_id: str) -> Desk | None:
        """The desk of a worker that has not ended."""
        desk = self._desks.get(worker_id)
        if desk is not None and self._workers.known(worker_id) is None:
            self._close(desk)
            return None
        return desk

    def _admit_own(self, endpoint_id: str, worker_id: str, token: str, desk: Desk | None) -> None:
        if desk is not None:
            if desk.remote or desk.endpoint_id != endpoint_id or not _same(desk.token, token):
                raise _not_expected()
            return
        worker = self._workers.known(worker_id)
        if worker is None and _same(self._ended.get(worker_id, ""), token) and token:
            raise NotFound(f"The worker {worker_id!r} has ended.", hint="What it still says changes nothing.")
        if worker is None or worker.endpoint_id != endpoint_id or self._workers.is_remote(worker_id):
            raise _not_expected()
        try:
            self._connect(worker_id, endpoint_id, worker.version_id, token, remote=False)
        except Unauthenticated:
            raise _not_expected() from None

    def _admit_from_elsewhere(self, principal: Principal, endpoint_id: str, worker_id: str, desk: Desk | None) -> None:
        endpoint = self._endpoints.by_id(endpoint_id)
        refused = access.refusal(principal, endpoint, Scope.WORK, endpoint_id)
        if endpoint is None or refused is not None:
            raise refused or NotFound.of("endpoint", endpoint_id)
        if not self._endpoints.manages(principal, endpoint):
            raise Forbidden(
                f"Only those who manage {endpoint.full_name} may work for it.",
                hint=f"Use a key of {endpoint.owner_name!r}, made with `trivet keys create --scopes work`.",
            )
        if desk is None and self._workers.known(worker_id) is None:
            self._join(endpoint, worker_id)
        elif desk is None or not desk.remote or desk.endpoint_id != endpoint_id:
            raise Forbidden(
                f"The worker id {worker_id!r} is another worker's.", hint="Give each worker an id of its own."
            )

    def _join(self, endpoint: Endpoint, worker_id: str) -> Desk:
        if _WORKER_ID.fullmatch(worker_id) is None:
            raise BadRequest(
                f"{worker_id[:80]!r} can't be the id of a worker.",
                hint="It has 1 to 128 letters, digits, `.`, `_` and `-`, and begins with a letter or a digit.",
            )
        if sum(desk.remote and desk.endpoint_id == endpoint.id for desk in self._desks.values()) >= MOST_ELSEWHERE:
            raise Unavailable(f"{endpoint.full_name} has {MOST_ELSEWHERE} workers from elsewhere, which is the limit.")
        version = self._version_for(endpoint)
        token = self._workers.join(version, worker_id)
        return self._connect(worker_id, endpoint.id, version.id, token, remote=True)

    def _version_for(self, endpoint: Endpoint) -> Version:
        version = self._endpoints.version(endpoint.current_id) if endpoint.current_id is not None else None
        if version is None or version.state is not VersionState.READY:
            raise NotFound(f"{endpoint.full_name} has no version that is ready.", hint="Deploy one first.")
        return version

    def _connect(self, worker_id: str, endpoint_id: str, version_id: str, token: str, *, remote: bool) -> Desk:
        desk = Desk(
            worker_id,
            endpoint_id,
            version_id,
            token,
            remote,
            self._clock,
            self._notifier,
            on_stopped=self._stop,
            on_drain=self._let_go,
            polled_at=self._clock(),
        )
        self._workers.connect(worker_id, token, desk)
        self._desks[worker_id] = desk
        return desk

    def _close(self, desk: Desk) -> None:
        """The worker is gone."""
        del self._desks[desk.worker_id]
        desk.close()
        if not desk.remote:
            self._ended[desk.worker_id] = desk.token
            if len(self._ended) > REMEMBERED:
                self._ended.popitem(last=False)

    # -- polls ----------------------------------------------------------------------------------------------------------

    async def take(self, visit: Visit, most: int, *, busy: bool, hold: float) -> list[TakenJob]:
        """Waits for jobs.

        Only one such poll of a worker is open: another one ends it. If the coroutine is cancelled, or ends empty, nothing was
        given.

        Args:
            visit: the worker.
            most: how many it can take now. It may be given more where it is quick, to be worked on in order.
            busy: whether it says that it holds jobs.
            hold: seconds to wait.

        Returns:
            The jobs, as soon as there is one; none after ``hold`` seconds, or when the worker is to end.
        """
        desk = self._desk(visit.worker_id)
        if desk is None:
            return []
        turn = desk.take = Turn()
        self._notifier.notify(desk.take_topic)  # one that is still open is over now
        self._heard_poll(desk)
        desk.take_began_at = self._clock()
        if not busy:
            self._holds_nothing(desk)
        desk = self._arrive(desk)
        desk.take = turn
        begun = sum(attempt.begun_at is not None for attempt in desk.held.values())
        desk.capacity = most if not begun else max(desk.capacity, most + begun)
        try:
            return await self._wait_for_jobs(desk, turn, most, DRAINING_HOLD if desk.draining else hold)
        except Unavailable:  # the platform is shutting down
            return []
        finally:
            if desk.take is turn:
                desk.take = None
                self._heard_poll(desk)
                self._give_nothing(desk)

    async def _wait_for_jobs(self, desk: Desk, turn: Turn, most: int, hold: float) -> list[TakenJob]:
        until = self._clock() + hold
        with self._notifier.subscribe(desk.take_topic) as changes:
            if not desk.draining:
                self._dispatcher.ask(desk.worker_id, max(0, most - len(desk.waiting)))
            while desk.take is turn:
                left = max(0.0, until - self._clock())
                loading = self._is_loading(desk)
                if desk.deliverable() and (not loading or not left):
                    self._add_surplus(desk)
                    return self._deliver(desk)
                patience = min(left, LOADING_LOOK) if loading else left
                if not left or (not await changes.wait(patience) and patience == left):
                    break
        return []

    def _is_loading(self, desk: Desk) -> bool:
        seat = self._dispatcher.seat_of(desk.worker_id)
        return seat is not None and seat.loading > 0

    def _add_surplus(self, desk: Desk) -> None:
        """A quick worker that takes one job at a time would idle for most of each second between its polls."""
        seat = self._dispatcher.seat_of(desk.worker_id)
        if seat is None or desk.capacity > 1:
            return
        waiting, workers = self._dispatcher.pressing(desk.version_id), len(self._dispatcher.seats(desk.version_id))
        more = rules.surplus(seat.pace, waiting, workers)
        if more:
            self._dispatcher.ask(desk.worker_id, more)

    def _deliver(self, desk: Desk) -> list[TakenJob]:
        """What goes into the answer."""
        now = self._clock()
        jobs = []
        for order in desk.deliverable():
            del desk.waiting[order.number]
            try:
                aside = None if order.aside is None else self._vault.unseal(order.aside).encode()
            except CoreError as error:
                message = f"What the caller gave for the worker beside the input can't be read: {error.detail}"
                self._workers.fail(desk.ref(order), JobError("input_lost", message, hint=error.hint))
                continue
            desk.held[order.job_id] = HeldAttempt(order.job_id, order.number, order.token, order.timeout, now)
            jobs.append(TakenJob(order.job_id, order.attempt, order.content_type, order.body, aside))
        self._begin_next(desk)
        return jobs

    def _begin_next(self, desk: Desk) -> None:
        """Those whose turn it is inside the worker have begun: it works on them in the order in which it was given them."""
        now = self._clock()
        free = desk.capacity - sum(attempt.begun_at is not None for attempt in desk.held.values())
        for attempt in list(desk.held.values()):
            if free <= 0:
                return
            if attempt.begun_at is None:
                free -= 1
                desk.held[attempt.job_id] = rules.begin(attempt, now)
                self._workers.begun(desk.ref(attempt))

    def _give_nothing(self, desk: Desk) -> None:
        """No poll is open: what waits for one goes back."""
        self._dispatcher.ask(desk.worker_id, 0)
        orders = list(desk.waiting.values())
        desk.waiting.clear()
        for order in reversed(orders):  # each goes to the front of the queue
            self._workers.returned(desk.ref(order))

    def undelivered(self, visit: Visit, jobs: Iterable[TakenJob]) -> None:
        """The answer with these jobs could not be sent: they go back, uncounted."""
        desk = self._desk(visit.worker_id)
        for job in reversed(list(jobs)) if desk is not None else ():
            attempt = desk.held.get(job.job_id) if desk is not None else None
            if desk is not None and attempt is not None and not attempt.shown:
                del desk.held[job.job_id]
                self._workers.returned(desk.ref(attempt))

    async def stops(self, visit: Visit, *, hold: float) -> list[str]:
        """Waits for jobs to stop. Only one such poll of a worker is open: another one ends it.

        Args:
            visit: the worker.
            hold: seconds to wait.

        Returns:
            The ids of the jobs, each told once, and again only after a ping that names it; none after ``hold`` seconds.
        """
        desk = self._desk(visit.worker_id)
        if desk is None:
            return []
        turn = desk.stop = Turn()
        self._notifier.notify(desk.stop_topic)
        self._heard_poll(desk)
        if desk.draining and not desk.held:
            hold = min(hold, DRAINING_HOLD)
        until = self._clock() + hold
        try:
            with self._notifier.subscribe(desk.stop_topic) as changes:
                while desk.stop is turn and not desk.to_stop:
                    left = max(0.0, until - self._clock())
                    if not left or not await changes.wait(left):
                        break
        except Unavailable:  # the platform is shutting down
            return []
        finally:
            still_mine = desk.stop is turn
            if still_mine:
                desk.stop = None
                self._heard_poll(desk)
        if not still_mine:
            return []
        told = list(desk.to_stop)
        desk.to_stop.clear()
        return told

    def _heard_poll(self, desk: Desk) -> None:
        desk.polled_at = self._clock()
        self._workers.alive(desk.worker_id)

    def _arrive(self, desk: Desk) -> Desk:
        """A worker that asks for jobs is ready for them. One from elsewhere that holds nothing serves what is current now."""
        if desk.remote and desk.ready and not desk.held and not desk.waiting:
            desk = self._follow(desk)
        if not desk.ready:
            desk.ready = True
            self._workers.ready(desk.worker_id, asks=True)
        return desk

    def _follow(self, desk: Desk) -> Desk:
        endpoint = self._endpoints.by_id(desk.endpoint_id)
        if endpoint is None or endpoint.current_id in (None, desk.version_id):
            return desk
        try:
            self._version_for(endpoint)
        except NotFound:
            return desk
        self._workers.leave(desk.worker_id, "has moved on to the current version")
        self._close(desk)
        after = self._join(endpoint, desk.worker_id)
        after.pinged_at, after.ping_interval = desk.pinged_at, desk.ping_interval
        after.pings_name_jobs, after.ghosts, after.stop = desk.pings_name_jobs, desk.ghosts, None
        return after

    # -- signs of life --------------------------------------------------------------------------------------------------

    def beat(self, visit: Visit, held: frozenset[str]) -> None:
        """A ping.

        Args:
            visit: the worker.
            held: the jobs that it says it holds.
        """
        desk = self._desk(visit.worker_id)
        if desk is None:
            return
        now = self._clock()
        if desk.pinged_at is not None:
            desk.ping_interval = rules.ping_interval(desk.ping_interval, now - desk.pinged_at)
        desk.pinged_at = now
        desk.pings_name_jobs = desk.pings_name_jobs or bool(held)
        if rules.is_sign_of_life(remote=desk.remote, polled_at=desk.polled_at, attempts=desk.held.values(), now=now):
            self._workers.alive(desk.worker_id)
        if desk.pings_name_jobs:
            self._compare(desk, held, now)

    def _compare(self, desk: Desk, held: frozenset[str], now: float) -> None:
        """What pings name and what they should."""
        for attempt in list(desk.held.values()):
            seen = desk.held[attempt.job_id] = rules.after_ping(attempt, held)
            if rules.is_missing(seen, now, desk.ping_interval):
                self._missing(desk, seen)
        for job_id in list(desk.ghosts):
            if job_id in held:
                desk.offer_stop(job_id)
            else:
                desk.lay(job_id)
        if desk.remote:  # it may have worked for this platform before, or have been given up in between
            for job_id in held:
                if job_id not in desk.held and job_id not in desk.ghosts:
                    desk.haunt(job_id)

    def _holds_nothing(self, desk: Desk) -> None:
        """The worker says so itself: what it was given before is over, and it is free of what was stopped."""
        for job_id in list(desk.ghosts):
            desk.lay(job_id)
        for attempt in list(desk.held.values()):
            self._missing(desk, attempt)

    def _missing(self, desk: Desk, attempt: HeldAttempt) -> None:
        """The worker does not have the attempt any more, or never had."""
        ref = desk.ref(attempt)
        del desk.held[attempt.job_id]
        if attempt.shown:
            self._workers.fail(ref, rules.result_lost(self._last_words(ref)))
        elif attempt.begun_at is None:
            self._workers.returned(ref)
        else:
            self._workers.lost(ref, rules.NEVER_ARRIVED)
        self._ended_one(desk)

    def _last_words(self, ref: AttemptRef) -> tuple[str, ...]:
        seat = self._dispatcher.seat_of(ref.worker_id)
        live = seat.find(ref.number) if seat is not None else None
        return live.story.last_words(live.job.attempt) if live is not None else ()

    def unhealthy(self, visit: Visit, check: str, reason: str) -> None:
        """The worker has failed a check of its own and will end.

        Args:
            visit: the worker.
            check: what the check is called.
            reason: why it failed.
        """
        self._workers.unfit(visit.worker_id, f"{check}: {reason}", "", what="failed its start check")

    # -- what handlers report -------------------------------------------------------------------------------------------

    def progress(self, visit: Visit, job_id: str, progress: Progress) -> bool:
        """How far a handler is. False: the worker does not hold that job; nothing was changed."""
        desk = self._shown(visit, job_id)
        if desk is not None:
            self._workers.progress(desk.ref(desk.held[job_id]), progress)
        return desk is not None

    def piece(self, visit: Visit, job_id: str, content_type: str, data: bytes) -> bool:
        """One piece of a stream. False: the worker does not hold that job; nothing was changed."""
        desk = self._shown(visit, job_id, pieces=1)
        if desk is not None:
            self._workers.piece(desk.ref(desk.held[job_id]), content_type, data)
        return desk is not None

    async def listening(self, visit: Visit) -> None:
        """Returns once there is room for what the worker has to say: at once, unless the disk is far behind it."""
        desk = self._desk(visit.worker_id)
        if desk is None:
            return
        with self._notifier.subscribe(desk.voice_topic) as changes:
            while desk.muted:
                if not await changes.wait(LISTEN_LIMIT):
                    return

    def succeed(self, visit: Visit, job_id: str, content_type: str, data: bytes) -> bool:
        """A result. False: the worker does not hold that job; nothing was changed."""
        desk = self._shown(visit, job_id)
        if desk is None:
            self._lay(visit, job_id)
            return False
        attempt = desk.held.pop(job_id)
        self._workers.succeed(desk.ref(attempt), content_type, data, attempt.pieces)
        self._ended_one(desk)
        return True

    def fail(self, visit: Visit, job_id: str, error: JobError) -> bool:
        """A failure. False: the worker does not hold that job; nothing was changed."""
        desk = self._shown(visit, job_id)
        if desk is None:
            self._lay(visit, job_id)
            return False
        attempt = desk.held.pop(job_id)
        self._workers.fail(desk.ref(attempt), error)
        self._ended_one(desk)
        return True

    def _shown(self, visit: Visit, job_id: str, pieces: int = 0) -> Desk | None:
        """The desk of a worker that holds a job, of which this is a sign; None where it does not hold it."""
        desk = self._desk(visit.worker_id)
        attempt = desk.held.get(job_id) if desk is not None else None
        if desk is None or attempt is None:
            return None
        seat = self._dispatcher.seat_of(desk.worker_id)
        live = seat.find(attempt.number) if seat is not None else None
        if live is None or not live.is_open:
            return None
        desk.held[job_id] = rules.show(attempt, pieces)
        return desk

    def _lay(self, visit: Visit, job_id: str) -> None:
        """A late result: what was stopped has come to its end."""
        desk = self._desk(visit.worker_id)
        if desk is not None:
            desk.lay(job_id)

    def _ended_one(self, desk: Desk) -> None:
        self._begin_next(desk)
        if desk.draining:
            self._let_go_if_free(desk)

    def wrote(self, worker_id: str, text: str) -> bool:
        """A line of a worker's own output.

        Args:
            worker_id: the worker.
            text: the line.

        Returns:
            True: it was kept in the log of the job that it is about. False: it is about none.
        """
        desk = self._desk(worker_id)
        if desk is None:
            return False
        job_id, kept = self.read_line(text)
        if job_id is None and len(desk.held) == 1:
            job_id = next(iter(desk.held))
        elif job_id is not None and job_id in desk.held:
            desk.held[job_id] = rules.show(desk.held[job_id])
        if job_id is None or job_id not in desk.held:
            return False
        self._workers.log(desk.ref(desk.held[job_id]), "stdout", f"{kept}\n".encode(errors="replace"))
        return True

    # -- ends -----------------------------------------------------------------------------------------------------------

    def leave_after(self, visit: Visit) -> None:
        """The worker asks to be replaced: it gets no more jobs, and is ended once it holds none.

        One from elsewhere has to see to that itself.
        """
        desk = self._desk(visit.worker_id)
        if desk is not None and not desk.remote:
            self._workers.stop(desk.worker_id)

    def _stop(self, ref: AttemptRef) -> None:
        self._background(self._stopped(ref))

    async def _stopped(self, ref: AttemptRef) -> None:
        """An attempt that is stopped is over at once; its worker would never say so."""
        self._workers.stopped(ref)
        desk = self._desks.get(ref.worker_id)
        if desk is not None:
            self._ended_one(desk)

    def _let_go(self, desk: Desk) -> None:
        self._background(self._drained(desk))

    async def _drained(self, desk: Desk) -> None:
        self._give_nothing(desk)
        self._let_go_if_free(desk)

    def _let_go_if_free(self, desk: Desk) -> None:
        """Ends a worker that is to go and holds nothing: first the signal, then its polls, so that it asks no more in between.

        As long as it holds jobs it is not signalled: it would never begin those that wait inside it.
        """
        if desk.held or desk.worker_id not in self._desks:
            return
        if desk.remote:
            self._workers.leave(desk.worker_id, "was let go")
            self._close(desk)
            return
        self._workers.terminate(desk.worker_id)
        desk.close()

    # -- time -----------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What time brings about: polls that stay open are signs of life, and handlers that do not stop end with their worker."""
        now = self._clock()
        for desk in list(self._desks.values()):
            if self._desk(desk.worker_id) is None:
                continue
            # the end of a worker that lives here is seen, and its handler may be too busy for anything but its job
            working = not desk.remote and any(attempt.is_within(now) for attempt in desk.held.values())
            if desk.take is not None or desk.stop is not None:
                self._heard_poll(desk)
            elif working:
                self._workers.alive(desk.worker_id)
            if desk.ghosts:
                self._look_at_ghosts(desk, now)

    def _look_at_ghosts(self, desk: Desk, now: float) -> None:
        alone = not desk.held
        if not desk.remote and rules.must_end(desk.ghosts.values(), alone=alone, now=now):
            self._end_for_ghosts(desk)
        elif alone and desk.take is not None and now - desk.take_began_at >= rules.GHOST_PROBE:
            desk.end_take()
            self._give_nothing(desk)

    def _end_for_ghosts(self, desk: Desk) -> None:
        """A handler that was stopped goes on: its worker ends, and what else that holds is tried again elsewhere, uncounted."""
        self._dispatcher.stop_taking(desk.worker_id)
        self._give_nothing(desk)
        for attempt in reversed(list(desk.held.values())):
            if not attempt.pieces:
                del desk.held[attempt.job_id]
                self._workers.returned(desk.ref(attempt))
        logger.info("worker %s is ended: a handler that was stopped goes on in it", desk.worker_id)
        self._workers.kill(desk.worker_id)


def _same(expected: str, shown: str) -> bool:
    return hmac.compare_digest(expected.encode(), shown.encode(errors="replace"))


def _not_expected() -> Unauthenticated:
    """The one answer to everybody who can't show to be a worker of the endpoint."""
    return Unauthenticated(
        "This worker is not expected here.",
        hint="A worker of this platform shows the token it was started with; one from elsewhere a key with the scope `work`.",
    )


def _no_job(text: str) -> tuple[str | None, str]:
    """Reads lines until somebody else does."""
    return None, text
