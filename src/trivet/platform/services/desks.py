"""A desk: the link to a worker that comes and asks for its jobs, as it is between two visits."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from trivet.platform.core import takes as rules
from trivet.platform.core.takes import Ghost, HeldAttempt
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.runtime import AttemptOrder, AttemptRef


@dataclass(slots=True, eq=False)
class Turn:
    """One open poll. It goes on as long as it is the desk's; ``superseded``: another one of the same worker has ended it."""

    superseded: bool = False


def stop_topic(worker_id: str) -> str:
    """What wakes a worker's poll for stops, and who waits for its desk."""
    return f"desk:{worker_id}:stop"


@dataclass(frozen=True, slots=True)
class DeskEvents:
    """Whom a desk tells what the dispatcher wants of it.

    It is told amid a transition of the dispatcher, so what follows for that has to wait until that one is through.

    ``stopped``: an attempt is over that was to be stopped. ``unknown``: so is one, of a worker and with a number, that has not
    come here. ``unwanted``: an attempt came while no poll is open to take it. ``drained``: the worker is to be let go.
    """

    stopped: Callable[[AttemptRef], None]
    unknown: Callable[[str, int], None]
    unwanted: Callable[[AttemptRef], None]
    drained: Callable[[str], None]


@dataclass(slots=True, eq=False)
class Desk:
    """What a worker that polls was given, and what it is to be told. It is a `WorkerLink` for the services.

    ``remote``: whether the worker lives elsewhere. ``waiting``: what was sent and went into no answer yet, by number.
    ``held``: what went into answers and has not ended, by job, in the order in which it was given. ``ghosts``: what was stopped
    and may still be at work in the worker, by job. ``to_stop``: the jobs that the next poll for stops is told.
    ``capacity``: how many jobs it works on at a time, as its polls have shown. Times in seconds.
    """

    worker_id: str
    endpoint_id: str
    version_id: str
    token: str = field(repr=False)
    remote: bool
    clock: Clock
    notifier: Notifier
    events: DeskEvents
    polled_at: float
    waiting: dict[int, AttemptOrder] = field(default_factory=dict)
    held: dict[str, HeldAttempt] = field(default_factory=dict)
    ghosts: dict[str, Ghost] = field(default_factory=dict)
    to_stop: dict[str, None] = field(default_factory=dict)
    take: Turn | None = None
    take_began_at: float = 0.0
    stop: Turn | None = None
    ready: bool = False
    draining: bool = False
    signalled: bool = False
    muted: bool = False
    pinged_at: float | None = None
    ping_interval: float = rules.PING_INTERVAL
    pings_name_jobs: bool = False
    """Whether its pings have ever named a job: only then does their silence about one mean something."""
    capacity: int = 1
    over: set[str] = field(default_factory=set)
    """What it holds and has said to be through with, so that the result is lost if it holds it no more."""
    rests_until: float = 0.0
    """Until when it gets nothing, as what it was given last never reached it, or as it is not known what it holds."""
    left_at: float | None = None
    """When it hung up amid a poll; None once it is heard of again."""
    overlaps: int = 0
    """How often a poll began while another of its kind was open."""
    overlapped_at: float | None = None
    overlap_told: bool = False
    """Whether the endpoint's log tells of that."""

    @property
    def take_topic(self) -> str:
        """What wakes its poll for jobs."""
        return f"desk:{self.worker_id}:take"

    @property
    def stop_topic(self) -> str:
        """What wakes its poll for stops."""
        return stop_topic(self.worker_id)

    @property
    def voice_topic(self) -> str:
        """What wakes those who bring what it says."""
        return f"desk:{self.worker_id}:voice"

    def ref(self, attempt: HeldAttempt | AttemptOrder) -> AttemptRef:
        """How the dispatcher knows an attempt."""
        return AttemptRef(self.worker_id, attempt.number, attempt.token)

    # -- as the services see it -----------------------------------------------------------------------------------------

    def send(self, order: AttemptOrder) -> None:
        """Keeps an attempt for the answer to the worker's open poll."""
        if self.take is None:
            self.events.unwanted(self.ref(order))
            return
        self.waiting[order.number] = order
        self.notifier.notify(self.take_topic)

    def cancel(self, number: int, reason: str) -> None:
        """Stops an attempt: it is over at once, and the worker is told with its next poll for stops."""
        order = self.waiting.pop(number, None)
        if order is not None:
            self.events.stopped(self.ref(order))
            return
        attempt = next((held for held in self.held.values() if held.number == number), None)
        if attempt is None:
            self.events.unknown(self.worker_id, number)
        else:
            del self.held[attempt.job_id]
            self.haunt(attempt.job_id)
            self.events.stopped(self.ref(attempt))

    def recall(self) -> None:
        """Nothing can be asked back: what was given is with the worker, and what was not is handed back when its poll ends."""

    def listen(self, *, on: bool) -> None:
        """Lets those wait who bring what the worker says, or go on."""
        self.muted = not on
        if on:
            self.notifier.notify(self.voice_topic)

    def drain(self) -> None:
        """Gives nothing any more, and has the worker let go once it holds nothing."""
        if not self.draining:
            self.draining = True
            self.events.drained(self.worker_id)

    def close(self) -> None:
        """Ends its polls."""
        self.end_take()
        self.stop = None
        self.notifier.notify(self.stop_topic)

    # -- polls ----------------------------------------------------------------------------------------------------------

    def open_take(self) -> Turn:
        """A poll for jobs begins; one that is open ends."""
        self.left_at = None
        self._supersede(self.take)
        self.take = turn = Turn()
        self.take_began_at = self.clock()
        self.notifier.notify(self.take_topic)
        return turn

    def end_take(self) -> None:
        """Ends the open poll for jobs, with what there is: nothing."""
        self.take = None
        self.notifier.notify(self.take_topic)

    def open_stop(self) -> Turn:
        """A poll for stops begins; one that is open ends."""
        self.left_at = None
        self._supersede(self.stop)
        self.stop = turn = Turn()
        self.notifier.notify(self.stop_topic)
        return turn

    def _supersede(self, turn: Turn | None) -> None:
        if turn is not None:
            turn.superseded = True
            self.overlaps += 1
            self.overlapped_at = self.clock()

    def may_be_two(self) -> bool:
        """Whether two processes may go by its id, so that neither speaks for what the other holds."""
        return self.overlapped_at is not None and self.clock() - self.overlapped_at <= rules.TWIN_MEMORY

    def rest(self, seconds: float) -> None:
        """The worker gets nothing for so long."""
        self.rests_until = self.clock() + seconds
        self.notifier.notify(self.take_topic)

    def offers(self, most: int) -> None:
        """The worker can take ``most`` jobs beside those that it works on."""
        begun = self._begun()
        self.capacity = max(self.capacity, most + begun) if begun else most

    def deliverable(self) -> list[AttemptOrder]:
        """What can go into an answer now: no second attempt of a job whose first may still be at work there."""
        return [order for order in self.waiting.values() if order.job_id not in self.ghosts]

    def give(self, order: AttemptOrder) -> None:
        """The attempt goes into an answer."""
        self.held[order.job_id] = HeldAttempt(order.job_id, order.number, order.token, order.timeout, self.clock())

    def take_back(self) -> list[AttemptRef]:
        """What waits and has not been given to the worker, in order."""
        refs = [self.ref(order) for order in self.waiting.values()]
        self.waiting.clear()
        return refs

    def begin_next(self) -> list[AttemptRef]:
        """Those whose turn it is now: the worker works on what it was given in order."""
        now, free = self.clock(), self.capacity - self._begun()
        begun = []
        for attempt in self.held.values():
            if free <= 0:
                break
            if attempt.begun_at is None:
                free -= 1
                begun.append(rules.begin(attempt, now))
        self.held.update((attempt.job_id, attempt) for attempt in begun)
        return [self.ref(attempt) for attempt in begun]

    def _begun(self) -> int:
        return sum(attempt.begun_at is not None for attempt in self.held.values())

    # -- what the worker says -------------------------------------------------------------------------------------------

    def show(self, job_id: str, pieces: int = 0) -> None:
        """A sign of a job that it holds, with so many pieces."""
        self.held[job_id] = rules.show(self.held[job_id], pieces)

    def beat(self, named: AbstractSet[str]) -> list[HeldAttempt]:
        """A ping names the jobs that the worker holds.

        Returns:
            What it should hold, and has lost.
        """
        now = self.clock()
        if self.pinged_at is not None:
            self.ping_interval = rules.ping_interval(self.ping_interval, now - self.pinged_at)
        else:  # now it is known what it has brought along
            self.rest(0.0)
        self.pinged_at = now
        self.pings_name_jobs = self.pings_name_jobs or bool(named)
        if not self.pings_name_jobs:
            return []
        seen = [rules.after_ping(attempt, named) for attempt in self.held.values()]
        self.held.update((attempt.job_id, attempt) for attempt in seen)
        missing = [attempt for attempt in seen if rules.is_missing(attempt, now, self.ping_interval)]
        for job_id in list(self.ghosts):
            if job_id in named:
                self.offer_stop(job_id)
            else:
                self.lay(job_id)
        if self.remote:  # it has worked for this platform before, or was given up in between
            for job_id in named - self.held.keys() - self.ghosts.keys():
                self.haunt(job_id)
        return missing

    def holds_nothing(self) -> list[HeldAttempt]:
        """The worker says that it holds nothing, so it is free of what was stopped.

        Returns:
            What it should hold, and has lost.
        """
        for job_id in list(self.ghosts):
            self.lay(job_id)
        return list(self.held.values())

    def hung_up(self) -> None:
        """It left amid a poll; that says something where it has no other one open."""
        if self.take is None and self.stop is None:
            self.left_at = self.clock()

    def is_over(self) -> bool:
        """Whether it has said to be through with all that it holds."""
        self.over.intersection_update(self.held)
        return bool(self.over) and len(self.over) == len(self.held)

    def is_alive(self) -> bool:
        """Whether a ping proves that the worker lives."""
        held = self.held.values()
        return rules.is_sign_of_life(
            remote=self.remote, polled_at=self.polled_at, left_at=self.left_at, attempts=held, now=self.clock()
        )

    # -- ghosts ---------------------------------------------------------------------------------------------------------

    def haunt(self, job_id: str) -> None:
        """Something of a job may go on in the worker that is to stop."""
        self.ghosts.setdefault(job_id, Ghost(job_id, self.clock()))
        self.offer_stop(job_id)

    def offer_stop(self, job_id: str) -> None:
        """Has the worker told, once, to stop a job."""
        self.to_stop[job_id] = None
        self.notifier.notify(self.stop_topic)

    def remind(self) -> None:
        """Has the worker told again, once, to stop what it was told to stop a moment ago."""
        now = self.clock()
        for ghost in list(self.ghosts.values()):
            if rules.must_remind(ghost, now):
                self.ghosts[ghost.job_id] = replace(ghost, reminded=True)
                self.offer_stop(ghost.job_id)

    def tell_stops(self) -> list[str]:
        """What the worker is told to stop; it is told again by `remind`, and when it names one in a ping."""
        told = list(self.to_stop)
        self.to_stop.clear()
        return told

    def lay(self, job_id: str) -> None:
        """The worker is free of a job that was stopped."""
        if self.ghosts.pop(job_id, None) is not None:
            self.to_stop.pop(job_id, None)
            self.notifier.notify(self.take_topic)  # a new attempt of the same job may wait for that
